//! The releases of one product, as they are read.

use super::{NearestNames, RepositoryError};
use crate::release::Package;

/// The most releases of one product that a listing holds. Real ones have hundreds.
pub const MAX_RELEASES: usize = 20_000;
/// The longest URL of a package, in bytes.
const MAX_URL: usize = 2048;

/// The releases of one product, as a repository offers them, and what helps where there are none.
#[derive(Debug, Default)]
pub struct Listing {
    /// The repository's own mark of its state, where it has one.
    pub revision: Option<String>,
    /// Every package of the product, in the repository's order.
    pub packages: Vec<Package>,
    /// How many packages of other products the repository has.
    pub others: usize,
    /// Names that are near to the product's, for an error message.
    pub nearest: NearestNames,
}

impl Listing {
    pub(super) fn of(product: &str) -> Self {
        Self { nearest: NearestNames::to(product), ..Self::default() }
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
        for package in other.packages {
            self.add(package)?;
        }
        self.others += other.others;
        other.nearest.names().into_iter().for_each(|name| self.nearest.offer(name));
        Ok(())
    }

    pub(super) fn add(&mut self, package: Package) -> Result<(), RepositoryError> {
        if self.packages.len() == MAX_RELEASES {
            let reason = format!("it has more than {MAX_RELEASES} releases of one product");
            return Err(RepositoryError::malformed("the repository", 0, &reason));
        }
        if package.url.len() > MAX_URL {
            let reason = format!("the URL of {} has more than {MAX_URL} bytes", package.nevra);
            return Err(RepositoryError::malformed("the repository", 0, &reason));
        }
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
        let mut listing = Listing::of("runner");
        assert!(listing.is_empty());
        let mut page = Listing::of("runner");
        page.count_other("runner-fips");
        assert!(!page.is_empty());
        listing.append(page).expect("a page");
        let mut page = Listing::of("runner");
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
        let mut listing = Listing::of("runner");
        listing.add(package(&url(2048))).expect("a package");
        let error = listing.add(package(&url(2049))).expect_err("too long").to_string();
        assert!(error.ends_with("the URL of runner-1-1.noarch has more than 2048 bytes"), "{error}");
    }
}
