//! Names near to one that was not found.

use crate::release::is_package_name;

/// At most this many names are told.
const MOST: usize = 3;
/// How similar a name has to be, from 0 to 1.
const NEAR: f64 = 0.7;
/// A longer name is nobody's misspelling, in bytes.
const LONGEST: usize = 180;

/// The names nearest to the one that was asked for, best first.
#[derive(Debug, Default)]
pub struct NearestNames {
    wanted: String,
    found: Vec<(f64, String)>,
}

impl NearestNames {
    /// Looks out for names near to `wanted`.
    pub fn to(wanted: &str) -> Self {
        Self { wanted: wanted.to_owned(), found: Vec::new() }
    }

    /// Considers a name; anything can be offered, any number of times. What can't be the name of a
    /// package is not told.
    pub fn offer(&mut self, name: &str) {
        if name.len() > LONGEST || !is_alike(&self.wanted, name) || !is_package_name(name) {
            return;
        }
        let similarity = strsim::jaro_winkler(&self.wanted, name);
        let worst = self.found.last().map_or(0.0, |(worst, _)| *worst);
        let full = self.found.len() == MOST;
        if similarity < NEAR || (full && similarity <= worst) || self.found.iter().any(|(_, known)| known == name) {
            return;
        }
        let place = self.found.partition_point(|(better, _)| *better >= similarity);
        self.found.insert(place, (similarity, name.to_owned()));
        self.found.truncate(MOST);
    }

    /// The names, best first.
    pub fn names(&self) -> Vec<&str> {
        self.found.iter().map(|(_, name)| name.as_str()).collect()
    }
}

/// Whether two names begin or end alike. A repository has tens of thousands of names, and hardly any is
/// worth a closer look.
fn is_alike(one: &str, other: &str) -> bool {
    const ENDS: usize = 3;
    let (one, other) = (one.bytes(), other.bytes());
    one.clone().take(ENDS).eq(other.clone().take(ENDS)) || one.rev().take(ENDS).eq(other.rev().take(ENDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_told_best_first_and_once() {
        let mut nearest = NearestNames::to("gitlab-runer");
        for name in
            ["bash", "gitlab-runner-fips", "gitlab-runner", "gitlab-runner", "gitlab-ee", "zlib", "gitlab-shell"]
        {
            nearest.offer(name);
        }
        assert_eq!(nearest.names(), ["gitlab-runner", "gitlab-runner-fips", "gitlab-ee"]);
    }

    #[test]
    fn a_name_that_begins_or_ends_alike_is_near_and_one_that_does_neither_is_not() {
        for (name, near) in [("gitlab-rnuenr", true), ("igtlab-runner", true), ("igtlab-runenr", false)] {
            let mut nearest = NearestNames::to("gitlab-runner");
            nearest.offer(name);
            assert_eq!(!nearest.names().is_empty(), near, "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_never_told() {
        let mut nearest = NearestNames::to("gitlab-runner");
        for name in ["gitlab-runner\x1b[2J", "gitlab-runne\nr", "gitlab runner", &"gitlab-runner".repeat(100)] {
            nearest.offer(name);
        }
        assert!(nearest.names().is_empty());
    }

    #[test]
    fn nothing_near_is_nothing_told() {
        let mut nearest = NearestNames::to("gitlab-runner");
        nearest.offer("zlib");
        assert!(nearest.names().is_empty());
    }
}
