//! A password in whatever form of URL, or of what was meant as one, stands in no message, and is no name of a host.

use ami_scheduler::budget::Budget;
use ami_scheduler::redacted::{RedactedUrl, given_url, may_hold_a_password, without_credentials, without_urls};
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{LocationError, mirrors, resolve};
use proptest::prelude::*;
use url::Url;

const HOST: &str = "yum.example.com";
/// Of digits too, which can be taken for a port.
const PARTS: [&str; 4] = ["zq1xk", "7391", "8264", "wv9jj"];

fn tells_a_part(text: &str) -> bool {
    PARTS.iter().any(|part| text.to_lowercase().contains(part))
}

/// A password that is not percent-encoded: its parts, with what means something in a URL between them.
fn password(between: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = (prop::sample::select(&PARTS[..]), prop::sample::select(between));
    (prop::collection::vec(piece, 1..4), prop::sample::select(&PARTS[..]), any::<bool>()).prop_map(
        |(pieces, last, ends)| {
            let begun: String = pieces.into_iter().flat_map(|(part, between)| [part, between]).collect();
            if ends { begun } else { begun + last }
        },
    )
}

const SYNTAX: &[&str] = &[
    "", "/", "?", "#", "@", ":", "\\", "%", "+", "=", "//", "://", "[", "]", "&", ";", "$", "'", "\"", "%41", "/@", "é",
];

/// A URL with a password where a person puts one.
fn with_password(schemes: &'static [&'static str]) -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(schemes);
    let user = prop::sample::select(vec!["", "anna:", "bot:", "anna%40example.com:", ":"]);
    let rest = prop::sample::select(vec!["", "/", "/v", "/results/@group/x/", ":8443/el9?repo=9"]);
    (scheme, user, password(SYNTAX), rest)
        .prop_map(|(scheme, user, password, rest)| format!("{scheme}{user}{password}@{HOST}{rest}"))
}

/// A URL with a token behind its path.
fn with_token() -> impl Strategy<Value = String> {
    let place = prop::sample::select(vec!["?", "?sig=", "?a=b&token=", "#", "?a#"]);
    (place, password(&["", "+", "=", "%2B", ":", "/"]))
        .prop_map(|(place, token)| format!("https://{HOST}/el9/{place}{token}"))
}

fn stays_secret(text: &str) -> Result<(), TestCaseError> {
    match given_url(text) {
        Ok(url) => {
            prop_assert_eq!(url.host_str(), Some(HOST), "no part of it is looked up");
            let shown = RedactedUrl::from(&url);
            let shown = format!("{shown} {shown:?}");
            prop_assert!(!tells_a_part(&shown), "{}", shown);
        }
        Err(error) => {
            let told = format!("{error} {error:?}");
            prop_assert!(!tells_a_part(&told), "{}", told);
        }
    }
    // What a server sends is not refused wherever that of a person is: it is shown all the same.
    if let Ok(url) = Url::parse(text) {
        let shown = RedactedUrl::from(&url).to_string();
        prop_assert!(!tells_a_part(&shown), "{}", shown);
        prop_assert!(may_hold_a_password(&url) || url.host_str() == Some(HOST), "{}", url);
    }
    let told = without_urls(&format!("invalid value {text:?} for --targets: '{text}' is no target"));
    prop_assert!(!tells_a_part(&told), "{}", told);
    Ok(())
}

fn location_errors(base: &Url, xml_base: Option<&str>, href: &str) -> Option<LocationError> {
    resolve(base, xml_base, href).err()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_password_stands_in_no_message_and_is_no_host(text in with_password(&["https://", "http://", "HTTPS://", "https:", "http:/"])) {
        stays_secret(&text)?;
        for text in [format!("Error: cannot read {text}: is it there? Ask a@b"), format!("'{text}'")] {
            let clean = without_credentials(&text);
            prop_assert!(!text.contains("://") || !tells_a_part(&clean), "{}", clean);
        }
    }

    #[test]
    fn a_token_in_a_query_or_fragment_stands_in_no_message(text in with_token()) {
        stays_secret(&text)?;
    }

    #[test]
    fn a_password_in_what_a_mirror_says_stands_in_no_message_and_is_no_host(text in with_password(&["https://", "http://"])) {
        let base: Url = format!("https://{HOST}/el9/").parse().expect("a URL");
        for (xml_base, href) in [(None, text.as_str()), (Some(text.as_str()), "x.rpm")] {
            if let Some(error) = location_errors(&base, xml_base, href) {
                let told = format!("{error} {error:?}");
                prop_assert!(!tells_a_part(&told), "{}", told);
            } else {
                let url = resolve(&base, xml_base, href).expect("a location");
                prop_assert_eq!(url.host_str(), Some(HOST));
            }
        }
        for list in [text.clone(), format!("<metalink><files><file name=\"repomd.xml\"><resources><url><![CDATA[{text}/repodata/repomd.xml]]></url></resources></file></files></metalink>")] {
            match mirrors::parse(&list, &Variables::default(), &Budget::default()) {
                Some(Ok(mirrors)) => prop_assert!(mirrors.bases.iter().all(|base| base.host_str() == Some(HOST)), "{:?}", mirrors),
                Some(Err(error)) => {
                    let told = format!("{error} {error:?}");
                    prop_assert!(!tells_a_part(&told), "{}", told);
                }
                None => {}
            }
        }
    }
}

#[test]
fn an_at_in_a_path_is_no_password_where_it_begins_a_segment_or_is_encoded() {
    for url in [
        "https://copr.example.com/results/@group/project/epel-9/",
        "https://copr.example.com/@group/",
        "https://anna:p4ss%2Fw%40rd@copr.example.com/results/@group/",
        "https://anna:p@ss@yum.example.com/",
        "http://[::1]:8000/@group/",
        "https://yum.example.com/a%40b/",
        "http://yum/el9/",
    ] {
        given_url(url).expect(url);
    }
    for url in [
        "http://user:1234/abcd@host/v",
        "http://bot:p@ss/w:rd@host/v",
        "https://AKIA/sec+ret=@host/v",
        "http://user:1234/@host/v",
        "http://user:12?34@host.example.com/v",
        "https://yum.example.com/a@b/",
        "https://user:pass\\word@host/",
    ] {
        given_url(url).expect_err(url);
    }
}
