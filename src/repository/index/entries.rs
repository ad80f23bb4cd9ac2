//! The entries of a page: packages, and the folder in which the index goes on.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use crate::budget::{Budget, OverBudget};
use crate::release::{Nevra, Package};
use crate::repository::public_url::{LocationError, public};
use crate::repository::{Listing, RepositoryError};

pub(super) const WHAT: &str = "the index";

/// A page of an index.
#[derive(Debug)]
pub struct Page {
    /// The packages that it lists.
    pub listing: Listing,
    /// Where the index goes on, if it does.
    pub next: Option<Url>,
    /// The folder in which a repository that is split up has the product: that of the product's first
    /// letter, or `Packages/`.
    pub folder: Option<Url>,
}

/// Collects the entries of a page one by one.
pub(super) struct Entries<'a> {
    folder: &'a Url,
    product: &'a str,
    budget: &'a Budget,
    pub(super) page: Page,
}

impl<'a> Entries<'a> {
    pub(super) fn of(folder: &'a Url, product: &'a str, budget: &'a Budget) -> Result<Self, RepositoryError> {
        let listing = Listing::of(product, budget).map_err(over_budget)?;
        Ok(Self { folder, product, budget, page: Page { listing, next: None, folder: None } })
    }

    pub(super) fn add_url(&mut self, mut url: Url) -> Result<(), RepositoryError> {
        // Of a link to a file they say how it is to be shown.
        url.set_query(None);
        url.set_fragment(None);
        // A server can name a file on another one, but not on the machine that reads it.
        if url.scheme() != self.folder.scheme() && !matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        let name = file_name(&url).unwrap_or_default();
        if let Some(package) = rpm_named(&name) {
            if package.name() != self.product {
                return self.add(package, String::new);
            }
            return match public(url, self.folder) {
                Ok(url) => self.add(package, || url.into()),
                Err(error) => {
                    self.leave_out(&package, &error);
                    Ok(())
                }
            };
        }
        self.page.listing.misnamed.add(&name);
        if let Some(name) = subfolder(&url, self.folder)
            && self.is_split_by(name)
        {
            self.page.folder = Some(url);
        }
        Ok(())
    }

    /// Adds what has this name below the folder, which is not encoded. Only what counts is resolved.
    pub(super) fn add_named(&mut self, name: &str, is_folder: bool) -> Result<(), RepositoryError> {
        let name = name.trim_end_matches('/');
        let file = name.rsplit('/').next().unwrap_or_default();
        let counts = match rpm_named(file) {
            _ if is_folder => self.is_split_by(name),
            Some(package) if package.name() != self.product => return self.add(package, String::new),
            package => package.is_some(),
        };
        if !counts {
            self.page.listing.misnamed.add(file);
            return Ok(());
        }
        let path = format!("./{}{}", encoded(name), if is_folder { "/" } else { "" });
        match self.budget.join(self.folder, &path).map_err(over_budget)? {
            Ok(url) => self.add_url(url),
            Err(_) => Ok(()),
        }
    }

    /// Whether an index that is split up has the product in a folder of this name, as far as is known.
    fn is_split_by(&self, name: &str) -> bool {
        let letter = self.product.get(..1).unwrap_or_default();
        name.eq_ignore_ascii_case(letter) || (name == "Packages" && self.page.folder.is_none())
    }

    fn leave_out(&mut self, package: &Nevra, error: &LocationError) {
        self.page.listing.leave_out(package, format_args!("its link cannot be used: {error}"));
    }

    pub(super) fn add(&mut self, package: Nevra, url: impl FnOnce() -> String) -> Result<(), RepositoryError> {
        if package.name() == self.product {
            self.page.listing.add(Package { nevra: package, url: url(), checksum: None, built_at: None, targets: None })
        } else {
            self.page.listing.count_other(package.name());
            Ok(())
        }
    }
}

fn file_name(url: &Url) -> Option<Cow<'_, str>> {
    percent_decode_str(url.path_segments()?.next_back()?).decode_utf8().ok()
}

/// The package whose file has this name.
pub(super) fn rpm_named(name: &str) -> Option<Nevra> {
    name.strip_suffix(".rpm")?.parse().ok()
}

/// The name of a folder that lies in another one.
fn subfolder<'a>(url: &'a Url, folder: &Url) -> Option<&'a str> {
    let name = url.as_str().strip_prefix(folder.as_str())?.strip_suffix('/')?;
    (!name.contains('/')).then_some(name)
}

/// A name or key as part of a URL. `+` is encoded, since S3 takes it for a space.
fn encoded(name: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    utf8_percent_encode(name, KEPT).to_string()
}

/// The error of an index that takes more than a run may.
pub(super) fn over_budget(over: OverBudget) -> RepositoryError {
    RepositoryError::OverBudget { what: WHAT, over }
}
