//! Where a package lies is written by strangers: in each place that a mirror writes to, whatever it writes there is a
//! plain URL, or its release is left out.
#![allow(clippy::disallowed_methods)] // its own locations are short

use ami_scheduler::artifacts::ToTell;
use ami_scheduler::budget::Budget;
use ami_scheduler::child_pipeline::{Hooks, Settings, render};
use ami_scheduler::plan::{BuildReason, Planned};
use ami_scheduler::release::Checksum;
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{Listing, index, is_public, mirrors, primary, repomd::DataFile};
use ami_scheduler::text::hex;
use ami_scheduler::tracker::TrackerName;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use url::Url;

const PACKAGE: &str = "runner-1-1.x86_64";

/// What GitLab expands, what a shell or a template evaluates, what is only odd, and what is plain.
const PIECES: [&str; 41] = [
    "%CI_JOB_TOKEN%",
    "$CI_JOB_TOKEN",
    "${CI_JOB_TOKEN}",
    "%24CI_JOB_TOKEN",
    "%DB_PASSWORD%41",
    "%AB%CD",
    "%E2%82%ACCESS_KEY%20",
    "$$",
    "%%",
    "%",
    "%4",
    "%zz",
    "%25",
    "%2F",
    "%2e%2e",
    "..",
    "?a&id&",
    "?{{ansible_env.X}}",
    "{{x}}",
    "{% raw %}",
    "$(id)",
    "`id`",
    "';id;'",
    "\"",
    "|",
    "\\",
    "<",
    "^",
    "+",
    "~",
    "@",
    ":",
    "=",
    " ",
    "#",
    "//",
    "/",
    "a",
    "pool",
    "u:p4ss@",
    "[::1]",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![9 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => "[ -~]{0,2}"];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// The beginning of a location: below the repository, at its root, or elsewhere.
fn folder() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "",
        "",
        "/",
        "//",
        "https://mirror.example.com/",
        "http://",
        "https://u:p4ss@mirror/",
        "ftp://a/",
        "file:///",
    ]);
    (start, text()).prop_map(|(start, text)| format!("{start}{text}"))
}

fn base() -> Url {
    "https://yum.example.com/el9/".parse().expect("a URL")
}

/// The reference to a file in a folder, whatever its path has of a URL's syntax.
fn file_below(path: &str) -> String {
    let syntax = [("%", "%25"), (" ", "%20"), ("?", "%3F"), ("#", "%23"), ("\\", "%5C")];
    let path = syntax.iter().fold(path.to_owned(), |path, (character, escape)| path.replace(character, escape));
    format!("./{}", path.trim_start_matches('/'))
}

fn listed_by_primary(base: &Url, xml_base: Option<&str>, href: &str) -> Listing {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let xml_base = xml_base.map(|base| format!("xml:base=\"{}\" ", escape(base))).unwrap_or_default();
    let document = format!(
        "<metadata><package><name>runner</name><arch>x86_64</arch><version epoch=\"0\" ver=\"1\" rel=\"1\"/>\
         <location {xml_base}href=\"{}\"/></package></metadata>",
        escape(href)
    );
    let checksum = Checksum::new("sha256", &hex(&Sha256::digest(&document))).expect("a checksum");
    let file = DataFile { href: String::new(), base: None, checksum, size: None };
    primary::read(document.as_bytes(), &file, base, "runner", &Budget::default()).expect("a listing")
}

fn rendered(listing: &Listing) -> String {
    let settings = Settings {
        product: "runner".to_owned(),
        reference: "main".to_owned(),
        pipeline: 1,
        lane: None,
        build_file: "ci/build.yml".parse().expect("a file"),
        build_job: ".build".parse().expect("a job"),
        test_job: None,
        hooks: Hooks::default(),
        max_jobs: 0,
        max_attempts: 3,
        image: None,
        tags: vec![],
        notes: vec![],
        manifests: vec![],
        module_url: None,
        module_sha256: None,
    };
    let tracker = TrackerName::new("runner", "main").expect("a name");
    let planned = |package: &ami_scheduler::release::Package| Planned {
        package: package.clone(),
        target: "al2023".parse().expect("a target"),
        attempt: 1,
        claim: "0.1@102".parse().expect("a claim"),
        reason: BuildReason::NewRelease,
        stale: None,
        ingredients: std::collections::BTreeMap::new(),
    };
    let builds: Vec<Planned> = listing.packages.iter().map(planned).collect();
    render(&settings, Some(&tracker), &builds, &ToTell::default()).expect("YAML")
}

/// A URL of scheme, plain host, and a path of unreserved characters, `/` and escapes, by another road than the code's.
fn is_plain(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (host, path) = rest.split_once('/').expect("a path");
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let mut left = path.chars();
    while let Some(c) = left.next() {
        let digits = if c == '%' { left.next().zip(left.next()) } else { None };
        let is_escape = digits.is_some_and(|(a, b)| a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
        if !(unreserved(c) || c == '/' || is_escape) {
            return false;
        }
    }
    matches!(scheme, "http" | "https") && host.chars().all(|c| unreserved(c) || "[:]".contains(c))
}

fn holds(listing: &Listing, meant: Option<&Url>) -> Result<(), TestCaseError> {
    prop_assert_eq!(listing.packages.len() + listing.left_out.count, 1);
    for line in listing.left_out.lines() {
        prop_assert!(line.starts_with(PACKAGE) && line.contains(" is left out: "), "{}", line);
        prop_assert!(line.chars().count() <= 501 && !line.chars().any(char::is_control), "{}", line);
        prop_assert!(!line.contains("p4ss"), "{}", line);
    }
    for package in &listing.packages {
        prop_assert!(is_plain(&package.url) && is_public(&package.url), "{}", package.url);
        prop_assert!(!package.url.contains("p4ss@"), "{}", package.url);
        if let Some(meant) = meant {
            let url: Url = package.url.parse().expect("a URL");
            let decoded = |url: &Url| percent_decode_str(url.path()).collect::<Vec<u8>>();
            prop_assert_eq!((url.origin(), decoded(&url)), (meant.origin(), decoded(meant)), "it means the same");
        }
    }
    // What GitLab expands in the child pipeline is nothing of the repository's.
    let yaml = rendered(listing);
    for job in yaml.split("\n\n\"").skip(1) {
        let (_, variables) = job.split_once("  variables:\n").expect("variables");
        for variable in variables.lines() {
            prop_assert!(variable.ends_with("\", expand: false}"), "{}", variable);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_location_in_primary_is_plain_or_its_release_is_left_out(folder in folder(), end in text()) {
        let href = format!("{folder}{end}");
        let meant = if href.contains("://") { base().join(&href) } else { base().join(&file_below(&href)) };
        holds(&listed_by_primary(&base(), None, &href), meant.ok().as_ref())?;
    }

    #[test]
    fn an_xml_base_is_plain_or_its_release_is_left_out(folder in folder(), href in text()) {
        holds(&listed_by_primary(&base(), Some(&folder), &href), None)?;
    }

    #[test]
    fn a_link_of_an_index_is_plain_or_its_release_is_left_out(folder in folder()) {
        let link = format!("{folder}/{PACKAGE}.rpm").replace('&', "&amp;").replace('\'', "&#39;").replace('<', "&lt;");
        let page = index::read(format!("<a href='{link}'>").as_bytes(), &base(), "runner", &Budget::default()).expect("a page");
        // A link that is none, or leads to something else, is no release.
        if page.listing.packages.len() + page.listing.left_out.count > 0 {
            holds(&page.listing, None)?;
        }
    }

    #[test]
    fn an_index_behind_a_redirect_has_plain_urls_or_none(folder in folder(), is_bare in any::<bool>()) {
        if let Ok(page_url) = base().join(&format!("{folder}/")) {
            let link = if is_bare { format!("{PACKAGE}.rpm") } else { format!("./{PACKAGE}.rpm") };
            let page = index::read(format!("<a href='{link}'>").as_bytes(), &page_url, "runner", &Budget::default()).expect("a page");
            if matches!(page_url.scheme(), "http" | "https") {
                holds(&page.listing, page_url.join(&format!("{PACKAGE}.rpm")).ok().map(|mut url| { url.set_query(None); url.set_fragment(None); url }).as_ref())?;
            }
        }
    }

    #[test]
    fn a_mirror_is_plain_or_passed_over(folder in folder(), is_metalink in any::<bool>()) {
        let url = format!("{}/", folder.replace(char::is_whitespace, ""));
        let list = if is_metalink {
            format!(
                "<metalink><files><file name=\"repomd.xml\"><resources><url>{}repodata/repomd.xml</url></resources></file></files></metalink>",
                url.replace('&', "&amp;").replace('<', "&lt;")
            )
        } else {
            url
        };
        if let Some(Ok(mirrors)) = mirrors::parse(&list, &Variables::default(), &Budget::default()) {
            for mirror in mirrors.bases {
                let listing = listed_by_primary(&mirror, None, "Packages/x.rpm");
                prop_assert_eq!(listing.left_out.count, 0, "{}", mirror);
                holds(&listing, None)?;
            }
        }
    }
}

/// Field tests, security 7.
#[test]
fn a_location_with_syntax_is_escaped_and_what_cannot_be_is_left_out_by_name() {
    for (href, url) in [
        ("p/x.rpm", Some("p/x.rpm")),
        ("p/a+b:c@d,e;f=g!h*(i)'&j.rpm", Some("p/a%2Bb%3Ac%40d%2Ce%3Bf%3Dg%21h%2A%28i%29%27%26j.rpm")),
        ("é/\u{202e}x.rpm", Some("%C3%A9/%E2%80%AEx.rpm")),
        ("{{x}}/$CI_JOB_TOKEN.rpm", Some("%7B%7Bx%7D%7D/%24CI_JOB_TOKEN.rpm")),
        ("%24CI_JOB_TOKEN/%7e.rpm", Some("%2524CI_JOB_TOKEN/%257e.rpm")),
        ("%CI_JOB_TOKEN%/x.rpm", Some("%25CI_JOB_TOKEN%25/x.rpm")),
        ("100%/x.rpm", Some("100%25/x.rpm")),
        ("x.rpm?a&id&", Some("x.rpm%3Fa%26id%26")),
        ("x.rpm#a", Some("x.rpm%23a")),
        ("https://yum.example.com/el9/%24CI_JOB_TOKEN/%7e.rpm", Some("%24CI_JOB_TOKEN/%7e.rpm")),
        ("https://yum.example.com/el9/%CI_JOB_TOKEN%/x.rpm", None),
        ("https://yum.example.com/el9/100%/x.rpm", None),
        ("https://yum.example.com/el9/x.rpm?a&id&", None),
        ("https://yum.example.com/el9/x.rpm?{{ansible_env.X}}", None),
        ("https://yum.example.com/el9/x.rpm#a", None),
        ("https://host$CI_JOB_TOKEN/x.rpm", None),
        ("https://u:12/p4ss@host/x.rpm", None),
    ] {
        let listing = listed_by_primary(&base(), None, href);
        let urls: Vec<&str> = listing.packages.iter().map(|package| package.url.as_str()).collect();
        let expected = url.map(|url| format!("https://yum.example.com/el9/{url}"));
        assert_eq!(urls, expected.iter().map(String::as_str).collect::<Vec<_>>(), "{href}");
        let told: Vec<String> = listing.left_out.lines().collect();
        assert_eq!(told.len(), usize::from(url.is_none()), "{href}");
        assert!(told.iter().all(|line| line.starts_with(PACKAGE) && !line.contains("p4ss")), "{told:?}");
    }
}
