//! Whatever a server answers in place of an index or a list of mirrors is read, or refused; what is read
//! of it is checked.

use ami_scheduler::budget::Budget;
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{index, mirrors};
use proptest::prelude::*;
use url::Url;

const PIECES: [&str; 40] = [
    "<a href=\"",
    "<a href='",
    "<A HREF=",
    "\">",
    "'>",
    "</a>",
    "<!--",
    "-->",
    "&amp;",
    "&#x2b;",
    "runner-1-1.x86_64.rpm",
    "runner-1%2B2~rc1%5E3-1.noarch.rpm",
    "%",
    "%ff",
    "../",
    "/",
    "r/",
    "Packages/",
    "https://u:p@yum.example.com/",
    "file:///",
    "javascript:",
    "[",
    "]",
    "{\"name\":\"",
    "\",\"type\":\"directory\"}",
    "\",\"is_dir\":true}",
    ",",
    "<ListBucketResult>",
    "</ListBucketResult>",
    "<Contents><Key>",
    "</Key></Contents>",
    "<IsTruncated>true</IsTruncated>",
    "<NextContinuationToken>x</NextContinuationToken>",
    "<EncodingType>url</EncodingType>",
    "<metalink><files><file name=\"repomd.xml\">",
    "<resources><url preference=\"1\">",
    "repodata/repomd.xml</url></resources></file></files></metalink>",
    "<verification><hash type=\"sha256\">0</hash></verification>",
    "# comment\n",
    "\n",
];

fn page() -> impl Strategy<Value = String> {
    let piece = prop_oneof![9 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => ".{0,3}"];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_page_is_an_index_or_refused(page in page(), query in prop::sample::select(vec!["", "?prefix=a&marker=b"])) {
        let url: Url = format!("https://yum.example.com/el9/{query}").parse().expect("a URL");
        if let Ok(page) = index::read(page.as_bytes(), &url, "runner", &Budget::default()) {
            for package in page.listing.packages {
                let url = Url::parse(&package.url).expect("a URL");
                prop_assert_eq!(package.nevra.name(), "runner");
                prop_assert!(matches!(url.scheme(), "http" | "https") && url.password().is_none());
            }
            if let Some(folder) = page.folder {
                let name = folder.as_str().strip_prefix("https://yum.example.com/el9/");
                prop_assert!(matches!(name, Some("r/" | "R/" | "Packages/")), "{}", folder);
            }
            if let Some(next) = page.next {
                prop_assert_eq!((next.origin(), next.path()), (url.origin(), url.path()));
            }
        }
    }

    #[test]
    fn a_list_of_mirrors_names_some_or_is_refused(page in page()) {
        if let Some(Ok(mirrors)) = mirrors::parse(&page, &Variables::default(), &Budget::default()) {
            prop_assert!(!mirrors.bases.is_empty());
            for base in mirrors.bases {
                prop_assert!(matches!(base.scheme(), "http" | "https") && base.path().ends_with('/') && base.query().is_none());
            }
        }
    }
}
