//! A directory index: the HTML page in which a web server lists the files of a folder.

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{Listing, NearestNames, RepositoryError};
use crate::package::{Nevra, Package};

/// The most bytes that an index page may have: some 100,000 files.
pub const MAX_SIZE: u64 = 32 << 20;

/// The packages of `product` that a page links to, and how many RPM files it links to at all.
///
/// Only the `href` of `<a>` counts: the text shown is often cut. A link is resolved against the
/// page's own URL, percent-decoded once (`+` stays `+`), and its last segment is the file's name.
/// An index knows no epochs, checksums or build times.
pub fn read(page: &[u8], page_url: &Url, product: &str) -> Result<(Listing, usize), RepositoryError> {
    let links = links(page).filter_map(|href| page_url.join(std::str::from_utf8(&href).ok()?.trim()).ok());
    read_urls(links, product)
}

/// The `href` of each `<a>`. A tag can be as long as the page: of its attributes no other is kept.
fn links(page: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (mut in_link, mut in_href, mut href) = (false, false, None);
    let emitter = CallbackEmitter::new(move |event: CallbackEvent<'_>, _: Span<()>| -> Option<Vec<u8>> {
        match event {
            CallbackEvent::OpenStartTag { name } => (in_link, href) = (name == b"a", None),
            CallbackEvent::AttributeName { name } => in_href = in_link && href.is_none() && name == b"href",
            CallbackEvent::AttributeValue { value } if in_href => (in_href, href) = (false, Some(value.to_vec())),
            CallbackEvent::CloseStartTag { .. } => return href.take(),
            _ => {}
        }
        None
    });
    Tokenizer::new_with_emitter(page, emitter).map_while(Result::ok)
}

/// The same for a folder whose files are known by their URLs.
pub fn read_urls(urls: impl IntoIterator<Item = Url>, product: &str) -> Result<(Listing, usize), RepositoryError> {
    let mut listing = Listing { packages: Vec::new(), nearest: NearestNames::to(product) };
    let mut files = 0;
    for mut url in urls {
        url.set_query(None);
        url.set_fragment(None);
        let Some((nevra, url)) = rpm_file(&url).zip(super::public(url).ok()) else { continue };
        files += 1;
        if nevra.name() == product {
            listing.add(Package { package: nevra, url: url.into(), checksum: None, built_at: None })?;
        } else {
            listing.nearest.offer(nevra.name());
        }
    }
    Ok((listing, files))
}

fn rpm_file(url: &Url) -> Option<Nevra> {
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return None;
    }
    let name = percent_decode_str(url.path_segments()?.next_back()?).decode_utf8().ok()?.into_owned();
    name.strip_suffix(".rpm")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(page: &str) -> Vec<(String, String)> {
        let url = "https://yum.example.com/el9/x86_64/".parse().expect("a URL");
        let (listing, _) = read(page.as_bytes(), &url, "gitlab-runner").expect("a listing");
        listing.packages.into_iter().map(|package| (package.package.to_string(), package.url)).collect()
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
    fn what_is_no_link_to_a_package_of_the_product_does_not_count() {
        for page in [
            r#"<!-- <a href="gitlab-runner-1-1.x86_64.rpm"> -->"#,
            r#"<img src="gitlab-runner-1-1.x86_64.rpm">"#,
            r#"<a href="gitlab-runner-fips-1-1.x86_64.rpm">gitlab-runner-1-1.x86_64.rpm</a>"#,
            r#"<a href="gitlab-runner-1-1.x86_64.rpm.asc">"#,
            r#"<a href="gitlab-runner-1%252B2-1.x86_64.rpm">"#,
            r#"<a href="gitlab-runner-$(id)-1.x86_64.rpm">"#,
            r#"<a href="javascript:gitlab-runner-1-1.x86_64.rpm">"#,
            r#"<a href="?C=N;O=D">"#,
            r"<a>",
            r#"<a href="gitlab-runner-1-1.x86_64.rpm"#,
        ] {
            assert!(found(page).is_empty(), "{page}");
        }
    }

    #[test]
    fn the_rpm_files_of_other_products_are_counted_and_their_names_kept() {
        let page = r#"<a href="../">../</a><a href="gitlab-runer-1-1.x86_64.rpm">"#;
        let url = "https://yum.example.com/".parse().expect("a URL");
        let (listing, files) = read(page.as_bytes(), &url, "gitlab-runner").expect("a listing");
        assert_eq!((files, listing.nearest.names()), (1, vec!["gitlab-runer"]));
    }
}
