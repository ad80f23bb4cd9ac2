//! Targets that state the architecture of their packages.

use super::{BuildKey, Nevra, Target};

/// A target as a team states it, with the architecture of the packages that images are built from on it, or of any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatedTarget {
    /// The target.
    pub target: Target,
    /// RPM's name of the architecture, such as `aarch64`; packages of `noarch` count, too.
    pub arch: Option<String>,
}

impl StatedTarget {
    /// Whether an image can be built on it from this package.
    pub fn takes(&self, package: &Nevra) -> bool {
        self.arch.as_deref().is_none_or(|arch| package.arch() == arch || package.arch() == "noarch")
    }
}

/// The builds of a release, on those of the targets that take it.
pub fn builds_on(targets: &[StatedTarget], package: &Nevra) -> impl Iterator<Item = BuildKey> {
    let takers = targets.iter().filter(|stated| stated.takes(package));
    takers.map(|stated| BuildKey { package: package.clone(), target: stated.target.clone() })
}

impl From<Target> for StatedTarget {
    fn from(target: Target) -> Self {
        Self { target, arch: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_takes_packages_of_its_architecture_and_of_none() {
        let target: Target = "al2023-arm64".parse().expect("a target");
        let any = StatedTarget::from(target.clone());
        let arm = StatedTarget { target, arch: Some("aarch64".to_owned()) };
        let takes = |stated: &StatedTarget| {
            ["aarch64", "noarch", "x86_64"]
                .map(|arch| stated.takes(&format!("runner-1-1.{arch}").parse().expect("a package")))
        };
        assert_eq!((takes(&any), takes(&arm)), ([true; 3], [true, true, false]));
        let builds = |arch: &str| {
            let package = format!("runner-1-1.{arch}").parse().expect("a package");
            builds_on(&[any.clone(), arm.clone()], &package).count()
        };
        assert_eq!((builds("aarch64"), builds("x86_64")), (2, 1));
    }
}
