use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Debug, Args)]
pub struct TrackerArgs {
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    ///
    /// With gitlab, CI_API_V4_URL and CI_PROJECT_ID say which project. The token is AMI_SCHEDULER_TOKEN (a
    /// project access token) or, without one, CI_JOB_TOKEN.
    #[arg(long = "tracker", value_name = "gitlab|DIR")]
    pub place: TrackerPlace,
    /// The branch or tag that the tracker belongs to
    #[arg(long = "ref", value_name = "REF", env = "AMI_SCHEDULER_REF, CI_COMMIT_REF_NAME", value_parser = NonEmptyStringValueParser::new())]
    pub reference: String,
}

#[derive(Debug, Clone)]
pub enum TrackerPlace {
    Gitlab,
    Directory(PathBuf),
}

impl fmt::Display for TrackerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gitlab => f.write_str("gitlab"),
            Self::Directory(directory) => write!(f, "{}", directory.display()),
        }
    }
}

impl FromStr for TrackerPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("expected gitlab or a directory".to_owned()),
            "gitlab" => Ok(Self::Gitlab),
            directory => Ok(Self::Directory(directory.into())),
        }
    }
}
