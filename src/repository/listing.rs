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
