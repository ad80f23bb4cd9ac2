//! Targets as arguments, with the architecture of their packages.

use std::str::FromStr;

use ami_scheduler::release::{StatedTarget, TargetError};
use ami_scheduler::text::named;

use super::lists::ListOf;
use super::values::Architecture;

/// A target, with the architecture of its packages where it is stated: `al2023`, or `al2023-arm64=aarch64`.
#[derive(Debug, Clone)]
pub struct TargetArg(StatedTarget);

impl FromStr for TargetArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (target, arch) = text.split_once('=').map_or((text, None), |(target, arch)| (target, Some(arch)));
        // A URL that is misplaced is named whole, so that it is known for one where it is not to be repeated.
        let of_text = |error: String| if text.contains(['@', ':']) { no_target(text) } else { error };
        let target = target.parse().map_err(|error: TargetError| of_text(error.to_string()))?;
        let arch = arch.map(str::parse).transpose().map_err(of_text)?.map(|Architecture(arch)| arch);
        Ok(Self(StatedTarget { target, arch }))
    }
}

fn no_target(text: &str) -> String {
    format!("{:?} is not a target, such as al2023, or al2023-arm64=aarch64", named(text))
}

/// The targets that a list names.
pub fn stated(ListOf(targets): ListOf<TargetArg>) -> Vec<StatedTarget> {
    targets.into_iter().map(|TargetArg(stated)| stated).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_state_an_architecture_by_its_name_in_rpm() {
        let of = |text: &str| text.parse::<TargetArg>().map(|TargetArg(stated)| stated.arch);
        assert_eq!((of("al2023"), of("al2023-arm64=aarch64")), (Ok(None), Ok(Some("aarch64".to_owned()))));
        for (text, told) in [
            ("al2023=", "\"\" is not an architecture, such as x86_64"),
            ("al2023=AARCH64", "small letters alone"),
            ("=aarch64", "\"\" is not a target, such as al2023"),
            ("a=b=c", "\"b=c\" is not an architecture"),
        ] {
            let error = of(text).expect_err(text);
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
