//! Where a repository's mirrors are: a mirrorlist (text, a URL a line) or a metalink (XML).

use url::Url;

use super::RepositoryError;
use super::public_url::plain;
use super::xml::{for_each_element, is_root};
use crate::redacted::may_hold_a_password;
use crate::release::Checksum;

const WHAT: &str = "the list of mirrors";
const REPOMD: &str = "repodata/repomd.xml";

/// The mirrors of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrors {
    /// The URLs of the repository, each ending with a slash, the one to try first first. There is one at least.
    pub bases: Vec<Url>,
    /// Checksums of the `repomd.xml` that may be read: of the present one, then of older ones that are still good.
    /// Empty where the list does not say.
    pub repomd: Vec<Checksum>,
}

/// Reads a list of mirrors, told by its content; `None` where the document is something else.
///
/// Only http and https count, and URLs without `$`: dnf has values for such variables, this has none.
pub fn parse(document: &str) -> Option<Result<Mirrors, RepositoryError>> {
    if is_root(document, "metalink") { Some(metalink(document)) } else { mirrorlist(document) }
}

fn mirrorlist(document: &str) -> Option<Result<Mirrors, RepositoryError>> {
    let lines = || document.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_comment = |line: &&str| line.starts_with('#');
    let urls = || lines().filter(|line| !is_comment(line));
    if lines().next().is_none() || !urls().all(|line| line.contains("://") && !line.contains(char::is_whitespace)) {
        return None;
    }
    // A server that knows no such repository says so in a comment.
    let said = lines().find(is_comment).map(|comment| format!("; it says: {comment}")).unwrap_or_default();
    Some(mirrors(urls(), Vec::new(), &said))
}

fn metalink(document: &str) -> Result<Mirrors, RepositoryError> {
    let malformed = |reason: &str| RepositoryError::malformed(WHAT, 0, reason);
    let mut found = false;
    let mut urls: Vec<(Option<i64>, String)> = Vec::new();
    // For each state of repomd.xml, the present one first, the strongest checksum.
    let mut stated: Vec<Option<Checksum>> = Vec::new();
    let mut hashes: Vec<Checksum> = Vec::new();
    for_each_element(document, &mut |path| {
        let [_, _, file, rest @ ..] = path else { return };
        if file.name != "file" || file.attribute("name") != Some("repomd.xml") {
            return;
        }
        found = true;
        match rest {
            [.., verification, hash] if verification.name == "verification" && hash.name == "hash" => {
                hashes.extend(Checksum::new(hash.attribute("type").unwrap_or_default(), hash.text()).ok());
            }
            [.., verification] if verification.name == "verification" => stated.push(hashes.drain(..).max()),
            [resources, url] if resources.name == "resources" && url.name == "url" => {
                let preference = url.attribute("preference").and_then(|number| number.trim().parse().ok());
                urls.push((preference, url.text().to_owned()));
            }
            _ => {}
        }
    })
    .map_err(|reason| malformed(&reason))?;
    if !found {
        return Err(malformed("it is a metalink that names no file repomd.xml"));
    }
    let repomd: Vec<Checksum> = stated.iter().flatten().cloned().collect();
    if repomd.is_empty() && !stated.is_empty() {
        return Err(malformed("none of the checksums that it has for repomd.xml can be verified"));
    }
    urls.sort_by_key(|(preference, _)| std::cmp::Reverse(*preference));
    mirrors(urls.iter().filter_map(|(_, url)| url.strip_suffix(REPOMD)), repomd, "")
}

fn mirrors<'a>(
    urls: impl Iterator<Item = &'a str>,
    repomd: Vec<Checksum>,
    said: &str,
) -> Result<Mirrors, RepositoryError> {
    let mut bases: Vec<Url> = Vec::new();
    for url in urls.filter(|url| !url.contains('$')) {
        let Ok(url) = Url::parse(url) else { continue };
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || may_hold_a_password(&url) {
            continue;
        }
        let Ok(mut url) = plain(url) else { continue };
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        if !bases.contains(&url) {
            bases.push(url);
        }
    }
    if bases.is_empty() {
        let reason = format!("it names no mirror with an http or https URL, and without $ in it{said}");
        return Err(RepositoryError::malformed(WHAT, 0, &reason));
    }
    Ok(Mirrors { bases, repomd })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(document: &str) -> Vec<String> {
        let mirrors = parse(document).expect("a list").expect("with mirrors");
        mirrors.bases.into_iter().map(String::from).collect()
    }

    fn metalink(verification: &str, urls: &str) -> String {
        format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" xmlns:mm0="http://fedorahosted.org/mirrormanager">
  <files><file name="primary.xml"/>
    <file name="repomd.xml"><mm0:timestamp>1347459931</mm0:timestamp><size>2621</size>{verification}
      <resources maxconnections="1">{urls}</resources></file></files></metalink>"#
        )
    }

    #[test]
    fn a_mirrorlist_has_a_url_a_line() {
        let text = "\n# repo = el9 arch = x86_64\r\nhttps://a.example.com/el9\r\nhttp://b.example.com/el9/\n\
                    https://c.example.com/%CI_JOB_TOKEN%/\nhttps://u:12/p4ss@c.example.com/\nhttps://host$x/\n\
                    rsync://c.example.com/el9/\nhttps://d.example.com/$releasever/\nhttps://a.example.com/el9/\n";
        assert_eq!(bases(text), ["https://a.example.com/el9/", "http://b.example.com/el9/"]);
    }

    #[test]
    fn a_metalink_names_repomd_by_preference_and_says_what_it_may_be() {
        let hash = |kind: &str, digit: &str, length| format!("<hash type=\"{kind}\">{}</hash>", digit.repeat(length));
        let alternate = |hashes: &str| {
            format!("<mm0:alternate><size>1</size><verification>{hashes}</verification></mm0:alternate>")
        };
        let verification = format!(
            "<verification>{}{}{}</verification><mm0:alternates>{}{}{}</mm0:alternates>",
            hash("md5", "0", 32),
            hash("sha512", "1", 128),
            hash("sha256", "2", 64),
            alternate(&hash("sha256", "3", 64)),
            alternate(&hash("sha1", "foo", 2)),
            alternate(&hash("sha1", "4", 40)),
        );
        let document = metalink(
            &verification,
            r#"<url protocol="rsync" preference="100">rsync://a.example.com/el9/repodata/repomd.xml</url>
               <url protocol="http" preference="80">http://b.example.com/el9/repodata/repomd.xml</url>
               <url protocol="https" preference="99">https://c.example.com/el9/repodata/repomd.xml</url>
               <url>https://d.example.com/el9/repodata/repomd.xml</url>
               <url preference="70">https://e.example.com/el9/elsewhere.xml</url>"#,
        );
        assert_eq!(
            bases(&document),
            ["https://c.example.com/el9/", "http://b.example.com/el9/", "https://d.example.com/el9/"]
        );
        let repomd = parse(&document).expect("a list").expect("with mirrors").repomd;
        let repomd: Vec<String> = repomd.iter().map(ToString::to_string).collect();
        assert_eq!(
            repomd,
            [
                format!("sha512:{}", "1".repeat(128)),
                format!("sha256:{}", "3".repeat(64)),
                format!("sha1:{}", "4".repeat(40))
            ]
        );
    }

    #[test]
    fn what_else_a_metalink_says_of_repomd_is_no_mirror() {
        let document = metalink(
            "<signatures><url>https://x.example.com/repodata/repomd.xml</url></signatures>",
            "<url>https://a.example.com/repodata/repomd.xml</url><other>https://y.example.com/repodata/repomd.xml</other>",
        );
        assert_eq!(bases(&document), ["https://a.example.com/"]);
    }

    #[test]
    fn a_metalink_may_say_nothing_of_what_repomd_is() {
        let document = metalink("", "<url>https://a.example.com/repodata/repomd.xml</url>");
        assert_eq!(parse(&document).expect("a list").expect("with mirrors").repomd, []);
    }

    #[test]
    fn what_names_no_mirror_is_an_error_that_says_why() {
        let mirror = "<url>https://a.example.com/repodata/repomd.xml</url>";
        for (document, told) in [
            ("# repo = el99 arch = x86_64 error: invalid repo or arch\n".to_owned(), "it says: # repo = el99 arch"),
            ("ftp://a.example.com/el9/\n".to_owned(), "names no mirror"),
            ("https://a.example.com/$releasever/\n".to_owned(), "without $ in it"),
            (metalink("", ""), "names no mirror"),
            (metalink("", mirror).replace("repomd.xml\"", "other.xml\""), "a metalink that names no file repomd.xml"),
            ("<metalink><files/></metalink>".to_owned(), "a metalink that names no file repomd.xml"),
            (
                metalink("<verification><hash type=\"sha256\">bad</hash></verification>", mirror),
                "none of the checksums",
            ),
            (metalink("<verification><hash type=\"md5\">0</hash></verification>", mirror), "none of the checksums"),
            (metalink("", mirror).replace("</files>", ""), "malformed"),
        ] {
            let error = parse(&document).expect(told).expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn what_is_no_list_of_mirrors_is_something_else() {
        for document in [
            "",
            "\n \n",
            "Not found",
            "https://a.example.com/ is down",
            "<html><a href=\"https://a.example.com/\">",
            "<repomd></repomd>",
            "[{\"name\": \"a.rpm\"}]",
            "../a.rpm",
        ] {
            assert!(parse(document).is_none(), "{document:?}");
        }
    }
}
