//! The releases of one product, as they are read.

use super::{NearestNames, RepositoryError};
use crate::budget::{Budget, Held, MAX_URL, OverBudget};
use crate::release::Package;

/// The most releases of one product that a listing holds. Real ones have hundreds.
pub const MAX_RELEASES: usize = 20_000;
const WHAT: &str = "the repository";

/// The releases of one product, as a repository offers them, and what helps where there are none.
#[derive(Debug)]
pub struct Listing {
    /// The repository's own mark of its state, where it has one.
    pub revision: Option<String>,
    /// Every package of the product, in the repository's order.
    pub packages: Vec<Package>,
    /// How many packages of other products the repository has.
    pub others: usize,
    /// Names that are near to the product's, for an error message.
    pub nearest: NearestNames,
    /// What is kept of it.
    pub held: Held,
}

impl Listing {
    /// One that is empty, of a product.
    pub fn of(product: &str, budget: &Budget) -> Result<Self, OverBudget> {
        let nearest = NearestNames::to(product);
        Ok(Self { revision: None, packages: Vec::new(), others: 0, nearest, held: budget.hold(0)? })
    }

    /// Counts a package of another product.
    pub(super) fn count_other(&mut self, name: &str) {
        self.others += 1;
        self.nearest.offer(name);
    }

    /// Whether the repository has no package at all, of whatever product.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.others == 0
    }

    /// Adds what another page or part of the same repository has.
    pub fn append(&mut self, other: Self) -> Result<(), RepositoryError> {
        // What the page holds goes before the same is held here.
        drop(other.held);
        for package in other.packages {
            self.add(package)?;
        }
        self.others += other.others;
        other.nearest.names().into_iter().for_each(|name| self.nearest.offer(name));
        Ok(())
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
    fn a_url_may_be_two_kilobytes_long() {
        let url = |length: usize| format!("{:x<length$}", "https://yum.example.com/");
        let mut listing = Listing::of("runner", &Budget::default()).expect("a listing");
        listing.add(package(&url(2048))).expect("a package");
        let error = listing.add(package(&url(2049))).expect_err("too long").to_string();
        assert!(error.ends_with("the URL of runner-1-1.noarch has more than 2048 bytes"), "{error}");
    }
}
