//! Listings in XML: of buckets and containers as S3, Google Cloud Storage and Azure write them, and of folders as nginx
//! does.

use percent_encoding::percent_decode_str;
use url::Url;

use super::entries::{Entries, Page, WHAT};
use crate::budget::{Budget, MAX_URL};
use crate::repository::RepositoryError;
use crate::repository::xml::{Element, XmlError, for_each_element, is_root};

/// Who wrote a listing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    /// S3, and those who speak like it.
    S3,
    Azure,
    /// `autoindex_format xml`.
    Nginx,
}

impl Author {
    fn of(document: &str) -> Option<Self> {
        let roots = [("ListBucketResult", Self::S3), ("EnumerationResults", Self::Azure), ("list", Self::Nginx)];
        roots.into_iter().find(|(root, _)| is_root(document, root)).map(|(_, author)| author)
    }

    /// The name of an entry that ends here, from the listing's root, and whether it is a folder.
    fn entry<'e>(self, path: &'e [Element<'_>]) -> Option<(&'e Element<'e>, bool)> {
        let (name, is_folder) = match (self, path) {
            (Self::S3, [_, contents, key]) if contents.is("Contents") && key.is("Key") => {
                (key, key.text().ends_with('/'))
            }
            (Self::Azure, [_, _, blob, name]) if blob.is("Blob") && name.is("Name") => {
                (name, name.text().ends_with('/'))
            }
            (Self::Nginx, [_, own]) if own.is("file") || own.is("directory") => (own, own.is("directory")),
            _ => return None,
        };
        Some((name, is_folder))
    }
}

/// What a listing says of itself.
#[derive(Default)]
struct Own {
    goes_on: bool,
    /// Keys, and the place where it goes on, are percent-encoded.
    is_encoded: bool,
    token: Option<String>,
    marker: Option<String>,
    last: Option<String>,
}

/// Whether a page is the listing of a bucket or container: its URL is that of a listing, and no folder.
pub(super) fn is_of_bucket(document: &str) -> bool {
    matches!(Author::of(document), Some(Author::S3 | Author::Azure))
}

/// Reads a listing; `None` where a document is something else.
pub(super) fn read(
    document: &str,
    page_url: &Url,
    folder: &Url,
    product: &str,
    budget: &Budget,
) -> Option<Result<Page, RepositoryError>> {
    Author::of(document).map(|author| {
        let mut root = folder.clone();
        if author != Author::Nginx && !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let failed = |error| RepositoryError::xml(WHAT, 0, error);
        // Once for what it says of itself, and once for its keys, so that none of them is kept.
        let own = Own::read(document, author, budget).map_err(failed)?;
        let (mut entries, mut failure) = (Entries::of(&root, product, budget)?, None);
        for_each_element(document, budget, &mut |path| {
            let Some((name, is_folder)) = author.entry(path) else { return Ok(()) };
            let is_encoded = own.is_encoded || name.attribute("Encoded")?.as_deref() == Some("true");
            let name = if is_encoded { decoded(name.text()) } else { name.text().to_owned() };
            entries.add_named(&name, is_folder).map_err(|error| {
                failure = Some(error);
                XmlError::Malformed(String::new())
            })
        })
        .map_err(|error| failure.unwrap_or_else(|| failed(error)))?;
        Ok(Page { next: own.next(page_url)?, ..entries.page })
    })
}

impl Own {
    fn read(document: &str, author: Author, budget: &Budget) -> Result<Self, XmlError> {
        let mut read = Self::default();
        for_each_element(document, budget, &mut |path| {
            let place = |text: &str| {
                let is_short = text.len() <= MAX_URL;
                is_short.then(|| text.to_owned()).ok_or_else(|| format!("a place in it has more than {MAX_URL} bytes"))
            };
            match path {
                [_, own] if own.is("IsTruncated") => read.goes_on = own.text() == "true",
                [_, own] if own.is("EncodingType") => read.is_encoded = own.text() == "url",
                [_, own] if own.is("NextContinuationToken") => read.token = Some(place(own.text())?),
                [_, own] if own.is("NextMarker") && !own.text().is_empty() => {
                    read.marker = Some(place(own.text())?);
                    // Azure says it by that alone.
                    read.goes_on |= author == Author::Azure;
                }
                _ => {
                    if let (Author::S3, Some((key, _))) = (author, author.entry(path)) {
                        read.last = Some(place(key.text())?);
                    }
                }
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// Where the listing goes on, if it does.
    fn next(self, page_url: &Url) -> Result<Option<Url>, RepositoryError> {
        if !self.goes_on {
            return Ok(None);
        }
        let last = self.last.map(|key| if self.is_encoded { decoded(&key) } else { key });
        let (name, value) = match (self.token, self.marker.or(last)) {
            (Some(token), _) => ("continuation-token", token),
            (None, Some(marker)) => ("marker", marker),
            (None, None) => return Err(RepositoryError::malformed(WHAT, 0, "it goes on, and does not say where")),
        };
        let others = page_url.query_pairs().filter(|(other, _)| other != name);
        let others: Vec<(String, String)> = others.map(|(name, value)| (name.into(), value.into())).collect();
        let mut next = page_url.clone();
        next.query_pairs_mut().clear().extend_pairs(others).append_pair(name, &value);
        Ok(Some(next))
    }
}

fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
}
