use std::fmt;
use std::str::FromStr;

use ami_scheduler::policy::ExactVersion;
use ami_scheduler::release::Nevra;
use clap::Args;

use super::TrackerArgs;
use super::values::product;

/// A release that a person names, and the tracker that it is changed in.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The release: 18.6.1, 18.6.1-1, 1:18.6.1-1 or gitlab-runner-18.6.1-1.x86_64
    #[arg(value_name = "RELEASE")]
    pub release: Release,
    /// The product, where the release is a version and the ref has trackers of several products
    #[arg(long, value_name = "NAME", value_parser = product)]
    pub product: Option<String>,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}

/// A release as people name it: `18.6.1`, `18.6.1-1`, `1:18.6.1-1` or the whole package, each with or without `.rpm`.
#[derive(Debug, Clone)]
pub enum Release {
    /// The whole package: one release of one product.
    Package(Nevra),
    /// A version, which may be that of several releases: of other epochs, say, or other architectures.
    Version(ExactVersion),
}

impl Release {
    pub fn names(&self, package: &Nevra) -> bool {
        match self {
            Self::Package(own) => own == package,
            Self::Version(version) => version.names(package),
        }
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.strip_suffix(".rpm").unwrap_or(text).parse() {
            Ok(package) => Ok(Self::Package(package)),
            Err(_) => text.parse().map(Self::Version).map_err(|error| format!("{error}")),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(package) => package.fmt(f),
            Self::Version(version) => version.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_named_in_every_form() {
        let package: Nevra = "gitlab-runner-1:18.6.1-1.x86_64".parse().expect("a package");
        for text in ["18.6.1", "18.6.1-1", "1:18.6.1-1", "gitlab-runner-1:18.6.1-1.x86_64"] {
            for text in [text.to_owned(), format!("{text}.rpm"), format!(" {text}\n")] {
                assert!(text.parse::<Release>().expect("a release").names(&package), "{text:?}");
            }
        }
        for text in ["18.6", "18.6.1-2", "2:18.6.1-1", "gitlab-runner-18.6.1-1.x86_64"] {
            assert!(!text.parse::<Release>().expect("a release").names(&package), "{text}");
        }
    }
}
