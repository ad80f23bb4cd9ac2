//! A page, whoever wrote it.

use memchr::memchr3;
use url::Url;

use super::entries::{Entries, Page, WHAT, over_budget, rpm_named};
use super::{json, listing_xml};
use crate::budget::{Budget, MAX_URL};
use crate::release::Nevra;
use crate::repository::RepositoryError;
use crate::repository::html::{self, Href};
use crate::repository::public_url::public;

/// The most bytes that an index page may have: some 100,000 files.
pub const MAX_SIZE: u64 = 32 << 20;
/// How often each byte of a page is looked at.
const STEPS_OF_BYTE: u64 = 4;

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
    let (mut base, mut has_base, mut has_next) = (Base::of(page_url.clone(), page_url, budget)?, false, false);
    for href in html::links(page) {
        match href {
            // The first counts.
            Href::Base(href) if !has_base => {
                if let Some(url) = resolved(page_url, &href, budget)? {
                    (base, has_base) = (Base::of(url, page_url, budget)?, true);
                }
            }
            Href::Base(_) => {}
            // It stands above and below the entries.
            Href::Next(_) if has_next => {}
            Href::Next(href) => {
                has_next = true;
                entries.page.next = next_page(page_url, resolved(&base.url, &href, budget)?)?;
            }
            Href::Link(href) => {
                let href = href.trim();
                match (bare_rpm(href), &base.folder) {
                    (Some(package), Some(folder)) => entries.add(package, || [folder.as_str(), href].concat())?,
                    _ if can_count(href) => {
                        resolved(&base.url, href, budget)?.map_or(Ok(()), |url| entries.add_url(url))?;
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(entries.page)
}

/// The page that follows, which is on the same server; `None` where it is the page itself. What cannot be followed is an
/// error: its entries would be missing.
fn next_page(page_url: &Url, next: Option<Url>) -> Result<Option<Url>, RepositoryError> {
    let Some(mut next) = next else {
        return Err(RepositoryError::malformed(WHAT, 0, "its link to the next page is no URL"));
    };
    if page_url.scheme() == "https" && next.scheme() == "http" && next.host() == page_url.host() {
        // A program behind a server that does TLS for it knows no better.
        let _ = next.set_scheme("https");
    }
    if next.origin() != page_url.origin() {
        let reason = "its link to the next page leads to another server, which is not followed";
        return Err(RepositoryError::malformed(WHAT, 0, reason));
    }
    Ok(Some(next).filter(|next| next != page_url))
}

/// What the links of a page are relative to.
struct Base {
    url: Url,
    /// Its folder, as packages in it have it.
    folder: Option<Url>,
}

impl Base {
    fn of(url: Url, page_url: &Url, budget: &Budget) -> Result<Self, RepositoryError> {
        let folder = resolved(&url, ".", budget)?.and_then(|folder| public(folder, page_url).ok());
        Ok(Self { url, folder })
    }
}

/// The URL that a link means; `None` where it is none, or too long for one.
fn resolved(base: &Url, href: &str, budget: &Budget) -> Result<Option<Url>, RepositoryError> {
    if href.len() > MAX_URL {
        return Ok(None);
    }
    Ok(budget.join(base, href.trim()).map_err(over_budget)?.ok())
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
    is_unusual || name.ends_with(".rpm") || name.is_empty() && !path.is_empty()
}

#[cfg(test)]
mod tests;
