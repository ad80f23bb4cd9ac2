//! The releases of one product, as they are read.

use std::fmt::{self, Display};

use super::{NearestNames, RepositoryError};
use crate::budget::{Budget, Held, MAX_URL, OverBudget};
use crate::release::Package;
use crate::text::{count, excerpt};

/// The most releases of one product that a listing holds. Real ones have hundreds.
pub(super) const MAX_RELEASES: usize = 20_000;
const WHAT: &str = "the repository";
/// How many of the releases that are left out are told one by one.
const MAX_TOLD: usize = 10;

/// The releases of one product, as a repository offers them, and what helps where there are none.
#[derive(Debug)]
pub struct Listing {
    /// The repository's mark of its state; `None` for an index, which has none.
    pub revision: Option<String>,
    /// Every package of the product, in the repository's order.
    pub packages: Vec<Package>,
    /// Releases of the product that cannot be used.
    pub left_out: LeftOut,
    /// Files of an index whose names are those of no package.
    pub misnamed: Misnamed,
    /// How many packages of other products the repository has.
    pub others: usize,
    /// Names that are near to the product's, for an error message.
    pub nearest: NearestNames,
    /// What is kept of it.
    pub held: Held,
}

/// Releases that are not listed, since what a repository says of them cannot be used.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many they are.
    pub count: usize,
    /// The first of them, each with its reason.
    told: Vec<String>,
}

/// Files that end in .rpm, and whose names are not of the form NAME-VERSION-RELEASE.ARCH.rpm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misnamed {
    /// How many they are.
    pub count: usize,
    first: Option<String>,
}

impl Misnamed {
    /// Counts a file, if its name ends so.
    pub(super) fn add(&mut self, name: &str) {
        if name.ends_with(".rpm") {
            self.count += 1;
            self.first.get_or_insert_with(|| excerpt(name));
        }
    }

    /// Counts those of another page or folder, too.
    pub fn append(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.take().or(other.first);
    }
}

/// What there is, and what was expected; nothing where there is none.
impl fmt::Display for Misnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = &self.first else { return Ok(()) };
        let files = if self.count == 1 { "a file that ends" } else { "files that end" };
        write!(f, "it has {files} in .rpm, such as {first}, of another form than NAME-VERSION-RELEASE.ARCH.rpm")
    }
}

impl LeftOut {
    fn add(&mut self, what: &str) {
        self.count += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(excerpt(what));
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        self.told.extend(other.told);
        self.told.truncate(MAX_TOLD);
    }

    /// A line for each of the first of them, and one for all others.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let others = self.count - self.told.len();
        let others = (others > 0).then(|| format!("{} are left out, too", count(others, "other release")));
        self.told.iter().cloned().chain(others)
    }
}

impl Listing {
    /// One that is empty, of a product.
    pub fn of(product: &str, budget: &Budget) -> Result<Self, OverBudget> {
        let nearest = NearestNames::to(product);
        let (packages, left_out, misnamed) = (Vec::new(), LeftOut::default(), Misnamed::default());
        Ok(Self { revision: None, packages, left_out, misnamed, others: 0, nearest, held: budget.hold(0)? })
    }

    /// Counts a package of another product.
    pub(super) fn count_other(&mut self, name: &str) {
        self.others += 1;
        self.nearest.offer(name);
    }

    /// Whether the repository has no package at all, of whatever product.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.others == 0 && self.left_out.count == 0
    }

    /// Adds what another page or part of the same repository has.
    pub fn append(&mut self, other: Self) -> Result<(), RepositoryError> {
        // What the page holds goes before the same is held here.
        drop(other.held);
        for package in other.packages {
            self.add(package)?;
        }
        self.left_out.append(other.left_out);
        self.misnamed.append(other.misnamed);
        self.others += other.others;
        other.nearest.names().into_iter().for_each(|name| self.nearest.offer(name));
        Ok(())
    }

    /// Counts a release of the product that cannot be used.
    pub(super) fn leave_out(&mut self, release: impl Display, reason: impl Display) {
        self.left_out.add(&format!("{release} is left out: {reason}"));
    }

    /// Adds a package.
    pub fn add(&mut self, package: Package) -> Result<(), RepositoryError> {
        if self.packages.len() == MAX_RELEASES {
            let reason = format!("it has more than {MAX_RELEASES} releases of one product");
            return Err(RepositoryError::malformed(WHAT, 0, &reason));
        }
        if package.url.len() > MAX_URL {
            let reason = format!("the URL of {} has more than {MAX_URL} bytes", package.nevra);
            return Err(RepositoryError::malformed(WHAT, 0, &reason));
        }
        self.held.add(package.room()).map_err(|over| RepositoryError::OverBudget { what: WHAT, over })?;
        self.packages.push(package);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(url: &str) -> Package {
        let nevra = "runner-1-1.noarch".parse().expect("a package");
        Package { nevra, url: url.to_owned(), checksum: None, built_at: None, targets: None }
    }

    #[test]
    fn the_pages_of_a_repository_are_one_listing() {
        let mut listing = Listing::of("runner", &Budget::default()).expect("a listing");
        assert!(listing.is_empty());
        let mut page = Listing::of("runner", &Budget::default()).expect("a listing");
        page.count_other("runner-fips");
        assert!(!page.is_empty());
        listing.append(page).expect("a page");
        let mut page = Listing::of("runner", &Budget::default()).expect("a listing");
        page.add(package("https://yum.example.com/a.rpm")).expect("a package");
        assert!(!page.is_empty());
        page.count_other("bash");
        listing.append(page).expect("a page");
        assert_eq!((listing.packages.len(), listing.others), (1, 2));
        assert_eq!(listing.nearest.names(), ["runner-fips"]);
    }

    #[test]
    fn of_many_releases_that_are_left_out_the_first_are_told_and_all_are_counted() {
        let mut listing = Listing::of("runner", &Budget::default()).expect("a listing");
        let mut page = Listing::of("runner", &Budget::default()).expect("a listing");
        for number in 0..8 {
            listing.leave_out(format_args!("runner-{number}-1.noarch"), "its location\u{1b}[2J is odd");
            page.leave_out(format_args!("runner-{number}-2.noarch"), "x".repeat(1000));
        }
        listing.append(page).expect("a page");
        let lines: Vec<String> = listing.left_out.lines().collect();
        assert_eq!(lines[0], "runner-0-1.noarch is left out: its location?[2J is odd");
        assert!(lines[8].starts_with("runner-0-2.noarch is left out: xxx") && lines[8].chars().count() == 501);
        assert_eq!((lines.len(), lines[10].as_str()), (11, "6 other releases are left out, too"));
        assert!(!listing.is_empty());
    }

    #[test]
    fn a_url_may_be_two_kilobytes_long() {
        let url = |length: usize| format!("{:x<length$}", "https://yum.example.com/");
        let mut listing = Listing::of("runner", &Budget::default()).expect("a listing");
        listing.add(package(&url(2048))).expect("a package");
        let error = listing.add(package(&url(2049))).expect_err("too long").to_string();
        assert!(error.ends_with("the URL of runner-1-1.noarch has more than 2048 bytes"), "{error}");
    }
}
