//! Several repositories as one: which of two packages of the same name, version and architecture counts.

use crate::release::{Nevra, Package, Target};

/// The releases of several repositories as one list.
#[derive(Debug, Default)]
pub struct Merged {
    /// In RPM's order; a release is there once for each target.
    pub packages: Vec<Package>,
    /// Packages of one identity and of different content.
    pub conflicts: Vec<Conflict>,
}

/// The same release in two repositories for the same targets, with different checksums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The release.
    pub package: Nevra,
    /// Where the file is that counts.
    pub taken: String,
    /// Where the other one is.
    pub passed_over: String,
}

/// Merges what repositories offer, each for its `targets` (of one repository all are the same). Of the
/// same release for the same target that of the first repository counts.
pub fn merge(repositories: impl IntoIterator<Item = Vec<Package>>) -> Merged {
    let mut repositories = repositories.into_iter().map(without_repetitions);
    let mut offered = repositories.next().unwrap_or_default();
    offered.extend(repositories.flatten());
    // Stable: a release of an earlier repository stays before the same of a later one.
    offered.sort_by(|a, b| a.nevra.cmp(&b.nevra));
    let (mut packages, mut conflicts) = (Vec::<Package>::with_capacity(offered.len()), Vec::new());
    let mut start = 0;
    for mut package in offered {
        if packages.get(start).is_some_and(|first| first.nevra != package.nevra) {
            start = packages.len();
        }
        let known = &packages[start..];
        for first in known.iter().filter(|first| first.shares_a_target_with(&package)) {
            if first
                .checksum
                .as_ref()
                .zip(package.checksum.as_ref())
                .is_some_and(|(first, other)| first.contradicts(other))
            {
                conflicts.push(Conflict {
                    package: package.nevra.clone(),
                    taken: first.url.clone(),
                    passed_over: package.url.clone(),
                });
            }
        }
        let served = |target: &Target| known.iter().any(|first| first.is_for(target));
        match &mut package.targets {
            Some(targets) => targets.retain(|target| !served(target)),
            None if known.is_empty() => {}
            None => continue,
        }
        if package.targets.as_ref().is_none_or(|targets| !targets.is_empty()) {
            packages.push(package);
        }
    }
    Merged { packages, conflicts }
}

/// A repository can name the same package twice; the one that was built last counts.
fn without_repetitions(mut packages: Vec<Package>) -> Vec<Package> {
    // By EVR first, since mostly all are of one name.
    packages.sort_by(|a, b| {
        let (own, other) = (&a.nevra, &b.nevra);
        own.evr().cmp(other.evr()).then_with(|| own.cmp(other)).then_with(|| b.built_at.cmp(&a.built_at))
    });
    packages.dedup_by(|other, first| other.nevra == first.nevra);
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Advisories;

    fn package(nevra: &str, repository: &str, digit: &str, targets: &[&str]) -> Package {
        Package {
            nevra: nevra.parse().expect(nevra),
            url: format!("https://{repository}.example.com/{nevra}.rpm"),
            checksum: Some(format!("sha256:{}", digit.repeat(64)).parse().expect("a checksum")),
            built_at: None,
            targets: (!targets.is_empty()).then(|| targets.iter().map(|target| target.parse().expect("one")).collect()),
            advisories: Advisories::default(),
        }
    }

    /// `a 1 al2023,rhel9`: from which repository, of which release, for which targets.
    fn told(merged: &Merged) -> Vec<String> {
        let tell = |package: &Package| {
            let targets: Vec<&str> = package.targets.iter().flatten().map(Target::as_str).collect();
            format!("{} {} {}", &package.url[8..9], package.nevra.evr().version, targets.join(","))
        };
        merged.packages.iter().map(tell).collect()
    }

    const ONE: &str = "runner-1-1.x86_64";
    const TWO: &str = "runner-2-1.x86_64";

    #[test]
    fn each_target_has_the_releases_of_its_own_repository() {
        let merged = merge([
            vec![package(ONE, "a", "1", &["al2023"]), package(TWO, "a", "2", &["al2023"])],
            vec![package(ONE, "b", "3", &["rhel9", "rhel8"])],
        ]);
        assert_eq!(told(&merged), ["a 1 al2023", "b 1 rhel8,rhel9", "a 2 al2023"]);
        assert_eq!(merged.conflicts, []);
    }

    #[test]
    fn of_the_same_release_for_the_same_target_the_first_counts() {
        let merged =
            merge([vec![package(ONE, "a", "1", &[])], vec![package(ONE, "b", "1", &[]), package(TWO, "b", "2", &[])]]);
        assert_eq!(told(&merged), ["a 1 ", "b 2 "]);
        assert_eq!(merged.conflicts, []);

        let merged = merge([
            vec![package(ONE, "a", "1", &["al2023"])],
            vec![package(ONE, "b", "1", &["al2023", "rhel9"])],
            vec![package(ONE, "c", "1", &["rhel9"])],
        ]);
        assert_eq!(told(&merged), ["a 1 al2023", "b 1 rhel9"]);
    }

    #[test]
    fn a_release_has_the_advisories_of_the_repository_that_counts() {
        let advised = |id: &str, repository: &str, targets: &[&str]| {
            let advisories = format!(r#"[{{"id":"{id}","type":"security"}}]"#);
            let (advisories, _) = crate::budget::Budget::default().json(advisories.as_bytes()).expect("advisories");
            Package { advisories, ..package(ONE, repository, "1", targets) }
        };
        for (targets, others, counts) in [(&[][..], &[][..], &["A-1"][..]), (&["al2023"], &["rhel9"], &["A-1", "A-2"])]
        {
            let merged = merge([vec![advised("A-1", "a", targets)], vec![advised("A-2", "b", others)]]);
            let told: Vec<String> = merged.packages.iter().map(|package| package.advisories.to_string()).collect();
            assert_eq!(told, counts.iter().map(|id| format!("{id} (security)")).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_same_release_with_another_content_for_the_same_target_is_a_conflict() {
        for (targets, others, conflict) in
            [(&[][..], &[][..], true), (&["al2023"], &["al2023", "rhel9"], true), (&["al2023"], &["rhel9"], false)]
        {
            let merged = merge([vec![package(ONE, "a", "1", targets)], vec![package(ONE, "b", "2", others)]]);
            let expected = Conflict {
                package: ONE.parse().expect("a release"),
                taken: format!("https://a.example.com/{ONE}.rpm"),
                passed_over: format!("https://b.example.com/{ONE}.rpm"),
            };
            assert_eq!(merged.conflicts, if conflict { vec![expected] } else { vec![] });
        }
    }

    #[test]
    fn within_a_repository_the_one_that_was_built_last_counts() {
        let built_at = |second| Some(jiff::Timestamp::from_second(second).expect("a time"));
        let old = Package { built_at: built_at(1), ..package(ONE, "a", "1", &[]) };
        let new = Package { built_at: built_at(2), ..package(ONE, "b", "2", &[]) };
        let unknown = package(ONE, "c", "3", &[]);
        for packages in [[old.clone(), new.clone(), unknown.clone()], [new, unknown, old]] {
            let merged = merge([packages.to_vec()]);
            assert_eq!((told(&merged), merged.conflicts.len()), (vec!["b 1 ".to_owned()], 0));
        }
    }
}
