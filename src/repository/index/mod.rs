//! A directory index: the page in which a web server lists the files of a folder, or of a bucket.

mod entries;
mod json;
mod listing_xml;

use memchr::memchr3;
use url::Url;

pub use self::entries::Page;
use self::entries::{Entries, rpm_named};
use super::RepositoryError;
use super::html::{self, Href};
use super::public_url::public;
use crate::budget::{Budget, MAX_URL, OverBudget};
use crate::release::Nevra;

/// The most bytes that an index page may have: some 100,000 files.
pub const MAX_SIZE: u64 = 32 << 20;
/// How often each byte of a page is looked at.
const STEPS_OF_BYTE: u64 = 4;

const WHAT: &str = "the index";

/// Whether a page is the listing of a bucket or container, whose URL is no folder.
pub fn is_of_bucket(page: &[u8]) -> bool {
    std::str::from_utf8(page).is_ok_and(listing_xml::is_of_bucket)
}

/// Reads a page: HTML, JSON as nginx and Caddy write it, or XML as buckets, containers and nginx do.
///
/// Of HTML only the `href` of `<a>` counts: the text shown is often cut. A link is resolved against
/// the page's own URL, percent-decoded once (`+` stays `+`), and its last segment is the file's name.
/// An index knows no epochs, checksums or build times.
pub fn read(page: &[u8], page_url: &Url, product: &str, budget: &Budget) -> Result<Page, RepositoryError> {
    let mut folder = page_url.clone();
    folder.set_query(None);
    folder.set_fragment(None);
    budget.work(STEPS_OF_BYTE * page.len() as u64).map_err(over_budget)?;
    if let Ok(text) = std::str::from_utf8(page) {
        if let Some(page) = listing_xml::read(text, page_url, &folder, product, budget) {
            return page;
        }
        if text.trim_start().starts_with(['[', '{']) {
            return json::read(text, &folder, product, budget);
        }
    }
    let mut entries = Entries::of(&folder, product, budget)?;
    let folder_of = |base: &Url| {
        let folder = budget.join(base, ".").map_err(over_budget)?.ok();
        Ok::<_, RepositoryError>(folder.and_then(|folder| public(folder, page_url).ok()))
    };
    let (mut base, mut own_folder) = (page_url.clone(), folder_of(page_url)?);
    let mut has_base = false;
    for href in html::links(page) {
        match href {
            Href::Base(href) if !has_base && href.len() <= MAX_URL => {
                if let Ok(url) = budget.join(page_url, href.trim()).map_err(over_budget)? {
                    (has_base, own_folder) = (true, folder_of(&url)?);
                    base = url;
                }
            }
            Href::Base(_) => {}
            Href::Next(href) if href.len() <= MAX_URL => {
                let next = budget.join(&base, href.trim()).map_err(over_budget)?.ok();
                entries.page.next = next.filter(|next| next.origin() == page_url.origin() && next != page_url);
            }
            Href::Next(_) => {}
            Href::Link(href) => {
                let href = href.trim();
                match (bare_rpm(href), &own_folder) {
                    (Some(package), Some(own_folder)) => {
                        entries.add(package, || [own_folder.as_str(), href].concat())?
                    }
                    _ if can_count(href) => {
                        if let Ok(url) = budget.join(&base, href).map_err(over_budget)? {
                            entries.add_url(url)?;
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(entries.page)
}

/// Reads a folder whose entries are known by their URLs; the URL of a folder ends with `/`.
pub fn read_urls(
    urls: impl IntoIterator<Item = Url>,
    folder: &Url,
    product: &str,
    budget: &Budget,
) -> Result<Page, RepositoryError> {
    let mut entries = Entries::of(folder, product, budget)?;
    urls.into_iter().try_for_each(|url| entries.add_url(url))?;
    Ok(entries.page)
}

fn over_budget(over: OverBudget) -> RepositoryError {
    RepositoryError::OverBudget { what: WHAT, over }
}

/// The package that a link is the bare file name of, with nothing to resolve or to encode. Most links are,
/// and take half the time for it.
fn bare_rpm(href: &str) -> Option<Nevra> {
    // In a URL, `x:` begins an absolute one, and `^` and `+` are encoded.
    if memchr3(b':', b'^', b'+', href.as_bytes()).is_some() { None } else { rpm_named(href) }
}

/// Whether a link may be one to a package or a folder; all others need not be resolved.
fn can_count(href: &str) -> bool {
    let path = href.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    // A tab or line end in a URL is passed over, and `.` after a folder's name is the folder.
    let is_unusual = name.contains(|c: char| c == '%' || c.is_ascii_control()) || name == ".";
    href.len() <= MAX_URL && (is_unusual || name.ends_with(".rpm") || name.is_empty() && !path.is_empty())
}

#[cfg(test)]
mod tests;
