use std::fmt;
use std::str::FromStr;

use ami_scheduler::tracker::{ChannelError, ChannelName, LATEST};

/// A channel to read from: one that people move, or that of the current images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    /// The current images.
    Latest,
    /// What people have promoted.
    Named(ChannelName),
}

impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        if text == LATEST { Ok(Self::Latest) } else { text.parse().map(Self::Named) }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str(LATEST),
            Self::Named(name) => name.fmt(f),
        }
    }
}
