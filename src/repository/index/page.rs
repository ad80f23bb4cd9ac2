//! A directory index: the page in which a web server lists the files of a folder, or of a bucket.

use std::fmt;

use memchr::memchr3;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use url::Url;

use super::links::links;
use crate::budget::{Budget, JsonError, MAX_URL, OverBudget};
use crate::release::{Advisories, Nevra, Package};
use crate::repository::public_url::{LocationError, public};
use crate::repository::xml::{XmlError, for_each_element, is_root};
use crate::repository::{Listing, RepositoryError};

/// The most bytes that an index page may have: some 100,000 files.
pub const MAX_SIZE: u64 = 32 << 20;
/// How often each byte of a page is looked at.
const STEPS_OF_BYTE: u64 = 4;

const WHAT: &str = "the index";

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

/// Reads a page: HTML, JSON as nginx and Caddy write it, or the XML of a bucket.
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
        if is_root(text, "ListBucketResult") {
            return bucket(text, page_url, folder, product, budget);
        }
        if text.trim_start().starts_with(['[', '{']) {
            return json(text, &folder, product, budget);
        }
    }
    let mut entries = Entries::of(&folder, product, budget)?;
    let own_folder = budget.join(page_url, ".").map_err(over_budget)?.ok();
    let own_folder = own_folder.and_then(|folder| public(folder, page_url).ok());
    for href in links(page) {
        let href = href.trim();
        match (bare_rpm(href), &own_folder) {
            (Some(package), Some(own_folder)) => entries.add(package, || [own_folder.as_str(), href].concat())?,
            _ if can_count(href) => {
                if let Ok(url) = budget.join(page_url, href).map_err(over_budget)? {
                    entries.add_url(url)?;
                }
            }
            _ => {}
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

/// Collects the entries of a page one by one.
struct Entries<'a> {
    folder: &'a Url,
    product: &'a str,
    budget: &'a Budget,
    page: Page,
}

impl<'a> Entries<'a> {
    fn of(folder: &'a Url, product: &'a str, budget: &'a Budget) -> Result<Self, RepositoryError> {
        let listing = Listing::of(product, budget).map_err(over_budget)?;
        Ok(Self { folder, product, budget, page: Page { listing, next: None, folder: None } })
    }

    fn add_url(&mut self, mut url: Url) -> Result<(), RepositoryError> {
        // Of a link to a file they say how it is to be shown.
        url.set_query(None);
        url.set_fragment(None);
        // A server can name a file on another one, but not on the machine that reads it.
        if url.scheme() != self.folder.scheme() && !matches!(url.scheme(), "http" | "https") {
            return Ok(());
        }
        if let Some(package) = rpm_file(&url) {
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
        if let Some(name) = subfolder(&url, self.folder)
            && self.is_split_by(name)
        {
            self.page.folder = Some(url);
        }
        Ok(())
    }

    /// Adds what has this name below the folder, which is not encoded. Only what counts is resolved.
    fn add_named(&mut self, name: &str, is_folder: bool) -> Result<(), RepositoryError> {
        let name = name.trim_end_matches('/');
        let counts = match name.rsplit('/').next().and_then(rpm_named) {
            _ if is_folder => self.is_split_by(name),
            Some(package) if package.name() != self.product => return self.add(package, String::new),
            package => package.is_some(),
        };
        if !counts {
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

    fn add(&mut self, package: Nevra, url: impl FnOnce() -> String) -> Result<(), RepositoryError> {
        if package.name() == self.product {
            self.page.listing.add(Package {
                nevra: package,
                url: url(),
                checksum: None,
                built_at: None,
                targets: None,
                advisories: Advisories::default(),
            })
        } else {
            self.page.listing.count_other(package.name());
            Ok(())
        }
    }
}

fn rpm_file(url: &Url) -> Option<Nevra> {
    rpm_named(&percent_decode_str(url.path_segments()?.next_back()?).decode_utf8().ok()?)
}

fn rpm_named(name: &str) -> Option<Nevra> {
    name.strip_suffix(".rpm")?.parse().ok()
}

/// The name of a folder that lies in another one.
fn subfolder<'a>(url: &'a Url, folder: &Url) -> Option<&'a str> {
    let name = url.as_str().strip_prefix(folder.as_str())?.strip_suffix('/')?;
    (!name.contains('/')).then_some(name)
}

/// An entry as nginx (`autoindex_format json`) or Caddy (asked for JSON) writes it.
#[derive(Deserialize)]
struct JsonEntry {
    name: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    is_dir: bool,
}

fn json(page: &str, folder: &Url, product: &str, budget: &Budget) -> Result<Page, RepositoryError> {
    let mut files = JsonFiles { entries: Entries::of(folder, product, budget)?, failure: None };
    let held = budget.hold(0).map_err(over_budget)?;
    let read = budget.json_with(page.as_bytes(), &held, &mut files);
    match (files.failure, read) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(files.entries.page),
        (None, Err(JsonError::OverBudget(over))) => Err(over_budget(over)),
        (None, Err(JsonError::Json(error))) => {
            let reason = format!("expected JSON as nginx or Caddy list a folder: {error}");
            Err(RepositoryError::malformed(WHAT, 0, &reason))
        }
    }
}

/// The entries of a JSON index, each of which is gone before the next one comes.
struct JsonFiles<'a> {
    entries: Entries<'a>,
    failure: Option<RepositoryError>,
}

impl<'de> DeserializeSeed<'de> for &mut JsonFiles<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut JsonFiles<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut files: A) -> Result<(), A::Error> {
        while let Some(file) = files.next_element::<JsonEntry>()? {
            let is_folder = file.is_dir || file.kind == "directory";
            if let Err(failure) = self.entries.add_named(&file.name, is_folder) {
                self.failure = Some(failure);
                return Err(A::Error::custom("it is refused"));
            }
        }
        Ok(())
    }
}

/// A page of a bucket, as S3 and those who speak like it write it.
fn bucket(page: &str, page_url: &Url, mut root: Url, product: &str, budget: &Budget) -> Result<Page, RepositoryError> {
    let malformed = |reason: &str| RepositoryError::malformed(WHAT, 0, reason);
    let failed = |error| RepositoryError::xml(WHAT, 0, error);
    let (mut goes_on, mut is_encoded) = (false, false);
    let (mut token, mut marker, mut last) = (None, None, None);
    // Once for what it says of itself, and once for its keys, so that none of them is kept.
    for_each_element(page, budget, &mut |path| {
        let place = |text: &str| {
            let is_short = text.len() <= MAX_URL;
            is_short.then(|| text.to_owned()).ok_or_else(|| format!("a place in it has more than {MAX_URL} bytes"))
        };
        match path {
            [_, contents, key] if contents.is("Contents") && key.is("Key") => last = Some(place(key.text())?),
            [_, own] if own.is("IsTruncated") => goes_on = own.text() == "true",
            [_, own] if own.is("EncodingType") => is_encoded = own.text() == "url",
            [_, own] if own.is("NextContinuationToken") => token = Some(place(own.text())?),
            [_, own] if own.is("NextMarker") => marker = Some(place(own.text())?),
            _ => {}
        }
        Ok(())
    })
    .map_err(failed)?;
    let decoded = |key: &str| percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned();
    if !root.path().ends_with('/') {
        root.set_path(&format!("{}/", root.path()));
    }
    let (mut entries, mut failure) = (Entries::of(&root, product, budget)?, None);
    for_each_element(page, budget, &mut |path| {
        let [_, contents, key] = path else { return Ok(()) };
        if contents.is("Contents") && key.is("Key") {
            let name = if is_encoded { decoded(key.text()) } else { key.text().to_owned() };
            if let Err(error) = entries.add_named(&name, name.ends_with('/')) {
                failure = Some(error);
                return Err(XmlError::Malformed(String::new()));
            }
        }
        Ok(())
    })
    .map_err(|error| failure.unwrap_or_else(|| failed(error)))?;
    let page = entries.page;
    if !goes_on {
        return Ok(page);
    }
    let last = last.map(|key| if is_encoded { decoded(&key) } else { key });
    let (name, value) = match (token, marker.or(last)) {
        (Some(token), _) => ("continuation-token", token),
        (None, Some(marker)) => ("marker", marker),
        (None, None) => return Err(malformed("it goes on, and does not say where")),
    };
    let mut next = page_url.clone();
    let others: Vec<(String, String)> = page_url
        .query_pairs()
        .filter(|(other, _)| other != name)
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    next.query_pairs_mut().clear().extend_pairs(others).append_pair(name, &value);
    Ok(Page { next: Some(next), ..page })
}

/// A name or key as part of a URL. `+` is encoded, since S3 takes it for a space.
fn encoded(name: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    utf8_percent_encode(name, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &[u8], page_url: &Url, product: &str) -> Result<Page, RepositoryError> {
        super::read(page, page_url, product, &Budget::default())
    }

    fn found(page: &str) -> Vec<(String, String)> {
        let url = "https://yum.example.com/el9/x86_64/".parse().expect("a URL");
        let listing = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").listing;
        listing.packages.into_iter().map(|package| (package.nevra.to_string(), package.url)).collect()
    }

    #[test]
    fn a_link_is_understood_in_every_form_that_servers_write() {
        let plain = "gitlab-runner-18.6.1-1.x86_64";
        for (link, nevra) in [
            (r#"<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-..&gt;</a>"#, plain),
            (r#"<a href="./gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
            (r#"<a href="/repository/yum/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
            (r#"<a href="https://yum.example.com/x/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
            (r#"<a href="gitlab-runner-18.6.1-1.x86_64.rpm?C=N;O=D#top">"#, plain),
            (r#"<a href="https://u:p4ss@yum.example.com/gitlab-runner-18.6.1-1.x86_64.rpm">"#, plain),
            ("<A class=file\n HREF='gitlab-runner-18.6.1-1.x86_64.rpm'>", plain),
            ("<td><a href=gitlab-runner-18.6.1-1.x86_64.rpm>", plain),
            (r#"<a href="gitlab-runner-1%2B2-1.x86_64.rpm">"#, "gitlab-runner-1+2-1.x86_64"),
            (r#"<a href="gitlab-runner-1+2-1.x86_64.rpm">"#, "gitlab-runner-1+2-1.x86_64"),
            (r#"<a href="gitlab-runner-1~rc1-1.x86_64.rpm">"#, "gitlab-runner-1~rc1-1.x86_64"),
            (r#"<a href="gitlab-runner-1%7erc1-1.x86_64.rpm">"#, "gitlab-runner-1~rc1-1.x86_64"),
            (r#"<a href="gitlab-runner-1%5E2-1.x86_64.rpm">"#, "gitlab-runner-1^2-1.x86_64"),
            (r#"<a href="gitlab&#45;runner-1-1.noarch.rpm">"#, "gitlab-runner-1-1.noarch"),
        ] {
            let found = found(link);
            assert_eq!(found.first().map(|(nevra, _)| nevra.as_str()), Some(nevra), "{link}");
            assert!(found[0].1.starts_with("https://yum.example.com/"), "{found:?}");
        }
    }

    #[test]
    fn a_bare_file_name_means_what_it_means_as_a_url() {
        let file = "gitlab-runner-1~rc1+2-1.x86_64.rpm";
        for page_url in [
            "https://yum.example.com/el9/x86_64/",
            "https://yum.example.com/el9/x86_64/index.html?C=N;O=D#top",
            "https://yum.example.com/el9",
            "https://yum.example.com",
            "https://u:p4ss@yum.example.com/el 9/$(id)/",
            "file:///srv/repo/",
        ] {
            let page_url: Url = page_url.parse().expect(page_url);
            let package = |href: &str| {
                let page = read(format!("<a href='{href}'>").as_bytes(), &page_url, "gitlab-runner").expect("a page");
                let package = page.listing.packages.into_iter().next().expect(href);
                (package.nevra, package.url)
            };
            assert_eq!(package(file), package(&format!("./{file}")), "{page_url}");
        }
    }

    #[test]
    fn what_is_no_link_to_a_package_of_the_product_does_not_count() {
        for page in [
            r#"<!-- <a href="gitlab-runner-1-1.x86_64.rpm"> -->"#,
            r#"<img src="gitlab-runner-1-1.x86_64.rpm">"#,
            r#"<a href="gitlab-runner-fips-1-1.x86_64.rpm">gitlab-runner-1-1.x86_64.rpm</a>"#,
            r#"<a href="gitlab-runner-1-1.x86_64.rpm.asc">"#,
            r#"<a href="gitlab-runner-1%252B2-1.x86_64.rpm">"#,
            r#"<a href="gitlab-runner-$(id)-1.x86_64.rpm">"#,
            r#"<a href="javascript:gitlab-runner-1-1.x86_64.rpm">"#,
            r#"<a href="file:///srv/gitlab-runner-1-1.x86_64.rpm">"#,
            r#"<a href="?C=N;O=D">"#,
            r"<a>",
            r#"<a href="gitlab-runner-1-1.x86_64.rpm"#,
        ] {
            assert!(found(page).is_empty(), "{page}");
        }
    }

    #[test]
    fn a_link_that_cannot_be_escaped_is_left_out_by_name() {
        for (link, told) in [
            (
                "%CI_JOB_TOKEN%/gitlab-runner-1-1.x86_64.rpm",
                "%CI_JOB_TOKEN%/gitlab-runner-1-1.x86_64.rpm has a % that begins",
            ),
            ("https://u:12/p4ss@a/gitlab-runner-1-1.x86_64.rpm", "it has an @ behind another host"),
            ("%CI_JOB_TOKEN%/bash-1-1.x86_64.rpm", ""),
        ] {
            let url = "https://yum.example.com/".parse().expect("a URL");
            let listing = read(format!("<a href='{link}'>").as_bytes(), &url, "gitlab-runner").expect("a page").listing;
            let lines: Vec<String> = listing.left_out.lines().collect();
            assert_eq!(
                (listing.packages.len(), lines.len(), listing.others),
                (0, usize::from(!told.is_empty()), usize::from(told.is_empty()))
            );
            assert!(
                lines
                    .iter()
                    .all(|line| line.starts_with("gitlab-runner-1-1.x86_64 is left out: ") && line.contains(told)),
                "{lines:?}"
            );
            assert!(lines.iter().all(|line| !line.contains("p4ss")), "{lines:?}");
        }
    }

    #[test]
    fn the_rpm_files_of_other_products_are_counted_and_their_names_kept() {
        let page = r#"<a href="../">../</a><a href="gitlab-runer-1-1.x86_64.rpm">"#;
        let url = "https://yum.example.com/".parse().expect("a URL");
        let listing = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").listing;
        assert_eq!((listing.others, listing.nearest.names()), (1, vec!["gitlab-runer"]));
    }

    /// Pages in the form of servers that tests can't start: Artifactory, Nexus, Pulp, packagecloud. Beside
    /// them pages of those that the component's tests do start, in forms that these do not show.
    #[test]
    fn a_page_is_understood_whoever_wrote_it() {
        let artifactory = r#"<html><head><meta name="robots" content="noindex" />
<title>Index of yum-local/el9</title></head><body><h1>Index of yum-local/el9</h1>
<pre>Name                              Last modified      Size</pre><hr/>
<pre><a href="../">../</a>
<a href="repodata/">repodata/</a>    24-Nov-2026 02:00    -
<a href="gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.71 MB
<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.71 MB
</pre><hr/><address style="font-size:small;">Artifactory/7.98.13 Server at repo.example.com Port 443</address></body></html>"#;
        let nexus = r#"<!DOCTYPE html><html><body class="htmlIndex"><h1>Index of /el9/x86_64</h1><table cellspacing="10">
<tr><th align="left">Name</th><th>Last Modified</th></tr><tr><td><a href="../">Parent Directory</a></td></tr>
<tr><td><a href="https://yum.example.com/repository/yum/el9/x86_64/gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a></td><td>Tue Nov 24 02:00:00 UTC 2026</td></tr>
<tr><td><a href="https://yum.example.com/repository/yum/el9/x86_64/gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a></td></tr></table></body></html>"#;
        let pulp = r#"<html><head><title>Index of /pulp/content/el9/Packages/g/</title></head><body bgcolor="white">
<h1>Index of /pulp/content/el9/Packages/g/</h1><hr><pre><a href="../">../</a>
<a href="gitlab-runner-18.6.0+git1-1.x86_64.rpm">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.7 MB
<a href="gitlab-runner-18.6.1-1.x86_64.rpm">gitlab-runner-18.6.1-1.x86_64.rpm</a>  24-Nov-2026 02:00  446.7 MB
</pre><hr></body></html>"#;
        let packagecloud = r#"<table class="table table-packages"><tr><td><img alt="rpm" src="/images/rpm.png"></td><td>
<a href="/runner/gitlab-runner/packages/el/9/gitlab-runner-18.6.0+git1-1.x86_64.rpm" class="packages-table-name">gitlab-runner-18.6.0+git1-1.x86_64.rpm</a>
<a href="/runner/gitlab-runner/packages/el/9/gitlab-runner-18.6.1-1.x86_64.rpm?distro_version_id=240">gitlab-runner-18.6.1-1.x86_64.rpm</a>
<a href="/runner/gitlab-runner?page=2">Next</a></td></tr></table>"#;
        let caddy = r#"[{"name":"gitlab-runner-18.6.0+git1-1.x86_64.rpm","size":1,"url":"./x","mod_time":"2026-11-24T02:00:00Z","mode":420,"is_dir":false,"is_symlink":false},
{"name":"gitlab-runner-18.6.1-1.x86_64.rpm","size":1,"url":"./y","is_dir":false},{"name":"repodata/","is_dir":true}]"#;
        for (who, page) in [
            ("Artifactory", artifactory),
            ("Nexus", nexus),
            ("Pulp", pulp),
            ("packagecloud", packagecloud),
            ("Caddy", caddy),
        ] {
            let found: Vec<String> = found(page).into_iter().map(|(nevra, _)| nevra).collect();
            assert_eq!(found, ["gitlab-runner-18.6.0+git1-1.x86_64", "gitlab-runner-18.6.1-1.x86_64"], "{who}");
        }
    }

    const BUCKET: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix>el 9/</Prefix>
<IsTruncated>false</IsTruncated>
<Contents><Key>el 9/gitlab-runner-18.6.0+git1-1.x86_64.rpm</Key><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>
<CommonPrefixes><Prefix>el 9/old/</Prefix></CommonPrefixes>
<Contents><Key>el 9/bash-5-1.x86_64.rpm</Key></Contents></ListBucketResult>"#;

    #[test]
    fn a_bucket_lists_its_keys_from_its_root() {
        for (url, root) in [
            ("https://bucket.s3.example.com/?list-type=2&prefix=el+9/", "https://bucket.s3.example.com/"),
            ("https://s3.example.com/bucket?prefix=el%209/", "https://s3.example.com/bucket/"),
        ] {
            for page in [
                BUCKET.to_owned(),
                BUCKET
                    .replace("Key>el 9/gitlab-runner-18.6.0+git1", "Key>el+9/gitlab-runner-18.6.0%2Bgit1")
                    .replace("</Prefix>\n", "</Prefix><EncodingType>url</EncodingType>\n"),
            ] {
                let page = read(page.as_bytes(), &url.parse().expect(url), "gitlab-runner").expect("a page");
                assert_eq!((page.listing.others, page.next), (1, None));
                assert_eq!(page.listing.packages[0].nevra.to_string(), "gitlab-runner-18.6.0+git1-1.x86_64");
                let encoded = "el%209/gitlab-runner-18.6.0%2Bgit1-1.x86_64.rpm";
                assert_eq!(page.listing.packages[0].url, format!("{root}{encoded}"));
            }
        }
    }

    #[test]
    fn a_bucket_goes_on_where_it_says() {
        for (url, says, next) in [
            (
                "https://b.example.com/?list-type=2&prefix=el9/",
                "<NextContinuationToken>1a+/=</NextContinuationToken>",
                "https://b.example.com/?list-type=2&prefix=el9%2F&continuation-token=1a%2B%2F%3D",
            ),
            (
                "https://b.example.com/?list-type=2&continuation-token=0",
                "<NextContinuationToken>1</NextContinuationToken>",
                "https://b.example.com/?list-type=2&continuation-token=1",
            ),
            ("https://b.example.com/", "<NextMarker>m</NextMarker>", "https://b.example.com/?marker=m"),
            ("https://b.example.com/", "", "https://b.example.com/?marker=el+9%2Fbash-5-1.x86_64.rpm"),
        ] {
            let page =
                BUCKET.replace("<IsTruncated>false</IsTruncated>", &format!("<IsTruncated>true</IsTruncated>{says}"));
            let page = read(page.as_bytes(), &url.parse().expect(url), "gitlab-runner").expect("a page");
            assert_eq!(page.next.map(String::from).as_deref(), Some(next));
        }
        let nowhere = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        let error =
            read(nowhere.as_bytes(), &"https://b.example.com/".parse().expect("a URL"), "p").expect_err("nowhere");
        assert!(error.to_string().contains("does not say where"), "{error}");
    }

    #[test]
    fn an_index_that_is_split_up_has_the_product_in_one_of_its_folders() {
        let url: Url = "https://yum.example.com/el9/".parse().expect("a URL");
        for (page, folder) in [
            (r#"<a href="repodata/"><a href="Packages/">"#, Some("https://yum.example.com/el9/Packages/")),
            (r#"<a href="f/"><a href="./g/"><a href="h/">"#, Some("https://yum.example.com/el9/g/")),
            (r#"<a href="/el9/G/">"#, Some("https://yum.example.com/el9/G/")),
            (r#"[{"name":"g","type":"directory"},{"name":"a","type":"file"}]"#, Some("https://yum.example.com/el9/g/")),
            (r#"<a href="h/"><a href="gitlab-runner/"><a href="../g/"><a href="g"><a href="x/g/">"#, None),
            (r#"<a href="https://elsewhere.example.com/el9/Packages/">"#, None),
        ] {
            let found = read(page.as_bytes(), &url, "gitlab-runner").expect("a page").folder;
            assert_eq!(found.map(String::from).as_deref(), folder, "{page}");
        }
    }

    #[test]
    fn json_that_is_no_index_is_refused() {
        for page in [r#"{"message":"not found"}"#, "[1]", "[", r#"{"name":"#] {
            let error = read(page.as_bytes(), &"https://yum.example.com/".parse().expect("a URL"), "p")
                .expect_err(page)
                .to_string();
            assert!(
                error.starts_with("the index is malformed: expected JSON as nginx or Caddy list a folder"),
                "{error}"
            );
        }
    }
}
