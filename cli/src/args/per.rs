use ami_scheduler::policy::Keep;
use clap::ValueEnum;

/// What a series is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Per {
    /// Each major version, such as 18
    Major,
    /// Each minor version, such as 18.6
    Minor,
    /// All versions together
    Product,
}

impl Per {
    pub fn keep(self) -> Keep {
        match self {
            Self::Major => Keep::LatestPerMajor,
            Self::Minor => Keep::LatestPerMinor,
            Self::Product => Keep::Latest,
        }
    }
}
