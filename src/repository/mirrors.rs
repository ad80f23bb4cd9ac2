//! Where a repository's mirrors are: a mirrorlist (text, a URL a line) or a metalink (XML).

use std::cmp::Reverse;

use url::Url;

use super::RepositoryError;
use super::public_url::plain;
use super::variables::Variables;
use super::xml::{for_each_element, is_root};
use crate::budget::{Budget, MAX_URL};
use crate::redacted::may_hold_a_password;
use crate::release::Checksum;
use crate::text::excerpt;

const WHAT: &str = "the list of mirrors";
const REPOMD: &str = "repodata/repomd.xml";

/// The most mirrors that are taken from a list, the first ones, or those that it prefers.
pub const MAX_MIRRORS: usize = 100;
/// The most states of `repomd.xml` that a metalink may name.
const MAX_STATES: usize = 100;

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
/// Only http and https count. dnf's variables in a URL have their values; one in which a variable is left is passed over.
pub fn parse(document: &str, variables: &Variables, budget: &Budget) -> Option<Result<Mirrors, RepositoryError>> {
    if is_root(document, "metalink") {
        Some(metalink(document, variables, budget))
    } else {
        mirrorlist(document, variables, budget)
    }
}

fn mirrorlist(document: &str, variables: &Variables, budget: &Budget) -> Option<Result<Mirrors, RepositoryError>> {
    let lines = || document.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_comment = |line: &&str| line.starts_with('#');
    let urls = || lines().filter(|line| !is_comment(line));
    if lines().next().is_none() || !urls().all(|line| line.contains("://") && !line.contains(char::is_whitespace)) {
        return None;
    }
    if let Err(over) = budget.work(document.len() as u64) {
        return Some(Err(RepositoryError::OverBudget { what: WHAT, over }));
    }
    let mut bases = Vec::new();
    for base in urls().filter_map(|url| base(url, variables)) {
        if !bases.contains(&base) {
            bases.push(base);
        }
        if bases.len() == MAX_MIRRORS {
            break;
        }
    }
    // A server that knows no such repository says so in a comment.
    let said = lines().find(is_comment).map(|comment| format!("; it says: {}", excerpt(comment))).unwrap_or_default();
    Some(mirrors(bases, Vec::new(), &said))
}

/// What a `<file>` of a metalink says.
#[derive(Default)]
struct MetalinkFile {
    /// Those preferred most, in their order.
    bases: Vec<(Option<i64>, Url)>,
    /// For each state of the file, the present one first, the strongest checksum.
    states: Vec<Option<Checksum>>,
    strongest: Option<Checksum>,
}

impl MetalinkFile {
    fn add(&mut self, preference: Option<i64>, base: Url) {
        let before = self.bases.iter().position(|(_, known)| *known == base);
        if before.is_some_and(|before| self.bases[before].0 >= preference) {
            return;
        }
        before.map(|before| self.bases.remove(before));
        let place = self.bases.partition_point(|(known, _)| Reverse(*known) <= Reverse(preference));
        self.bases.insert(place, (preference, base));
        self.bases.truncate(MAX_MIRRORS);
    }
}

fn metalink(document: &str, variables: &Variables, budget: &Budget) -> Result<Mirrors, RepositoryError> {
    let malformed = |reason: &str| RepositoryError::malformed(WHAT, 0, reason);
    let (mut file, mut found) = (MetalinkFile::default(), None);
    for_each_element(document, budget, &mut |path| {
        let [_, _, own, rest @ ..] = path else { return Ok(()) };
        if !own.is("file") {
            return Ok(());
        }
        match rest {
            [] => {
                let read = std::mem::take(&mut file);
                if own.attribute("name")?.as_deref() == Some("repomd.xml") {
                    found.get_or_insert(read);
                }
            }
            [.., verification, hash] if verification.is("verification") && hash.is("hash") => {
                let kind = hash.attribute("type")?.unwrap_or_default();
                file.strongest = file.strongest.take().max(Checksum::new(&kind, hash.text()).ok());
            }
            [.., verification] if verification.is("verification") => {
                let strongest = file.strongest.take();
                file.states.push(strongest);
                if file.states.len() > MAX_STATES {
                    return Err(format!("it names more than {MAX_STATES} states of one file").into());
                }
            }
            [resources, url] if resources.is("resources") && url.is("url") => {
                if let Some(base) = url.text().strip_suffix(REPOMD).and_then(|url| base(url, variables)) {
                    let preference = url.attribute("preference")?.and_then(|number| number.trim().parse().ok());
                    file.add(preference, base);
                }
            }
            _ => {}
        }
        Ok(())
    })
    .map_err(|error| RepositoryError::xml(WHAT, 0, error))?;
    let file = found.ok_or_else(|| malformed("it is a metalink that names no file repomd.xml"))?;
    let repomd: Vec<Checksum> = file.states.iter().flatten().cloned().collect();
    if repomd.is_empty() && !file.states.is_empty() {
        return Err(malformed("none of the checksums that it has for repomd.xml can be verified"));
    }
    mirrors(file.bases.into_iter().map(|(_, base)| base).collect(), repomd, "")
}

/// The URL of a mirror, with a slash at its end; `None` where it is none that can be used.
fn base(url: &str, variables: &Variables) -> Option<Url> {
    if url.len() > MAX_URL {
        return None;
    }
    let url = variables.expand_url(url).ok().filter(|url| url.len() <= MAX_URL && !url.contains('$'))?;
    let url = Url::parse(&url).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || may_hold_a_password(&url) {
        return None;
    }
    let mut url = plain(url).ok()?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

fn mirrors(bases: Vec<Url>, repomd: Vec<Checksum>, said: &str) -> Result<Mirrors, RepositoryError> {
    if bases.is_empty() {
        let reason =
            format!("it names no mirror with an http or https URL, and no variable without a value in it{said}");
        return Err(RepositoryError::malformed(WHAT, 0, &reason));
    }
    Ok(Mirrors { bases, repomd })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Option<Result<Mirrors, RepositoryError>> {
        let variables = [("releasever".to_owned(), "9".to_owned())].into_iter().collect();
        parse(document, &variables, &Budget::default())
    }

    fn bases(document: &str) -> Vec<String> {
        let mirrors = read(document).expect("a list").expect("with mirrors");
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
                    rsync://c.example.com/el9/\nhttps://d.example.com/$basearch/\nhttps://a.example.com/el9/\n\
                    https://e.example.com/el$releasever\n";
        let found = ["https://a.example.com/el9/", "http://b.example.com/el9/", "https://e.example.com/el9/"];
        assert_eq!(bases(text), found);
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
        let repomd = read(&document).expect("a list").expect("with mirrors").repomd;
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
    fn a_mirror_that_is_named_twice_has_the_higher_of_its_preferences() {
        let url = |preference: u8, host: &str| {
            format!("<url preference='{preference}'>https://{host}.example.com/repodata/repomd.xml</url>")
        };
        for [first, of_other, second] in [[90, 50, 20], [20, 50, 90]] {
            let urls = [url(first, "a"), url(of_other, "b"), url(second, "a")].concat();
            assert_eq!(bases(&metalink("", &urls)), ["https://a.example.com/", "https://b.example.com/"], "{urls}");
        }
    }

    #[test]
    fn a_metalink_may_name_a_hundred_states_of_repomd() {
        let states = |count: usize| {
            let of = |number: usize| format!("<verification><hash type='sha256'>{number:064}</hash></verification>");
            let url = "<url>https://a.example.com/repodata/repomd.xml</url>";
            metalink(&(0..count).map(of).collect::<String>(), url)
        };
        assert_eq!(read(&states(MAX_STATES)).expect("a list").expect("with mirrors").repomd.len(), MAX_STATES);
        let error = read(&states(MAX_STATES + 1)).expect("a list").expect_err("too many").to_string();
        assert!(error.contains("it names more than 100 states of one file"), "{error}");
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
        assert_eq!(read(&document).expect("a list").expect("with mirrors").repomd, []);
    }

    #[test]
    fn what_names_no_mirror_is_an_error_that_says_why() {
        let mirror = "<url>https://a.example.com/repodata/repomd.xml</url>";
        for (document, told) in [
            ("# repo = el99 arch = x86_64 error: invalid repo or arch\n".to_owned(), "it says: # repo = el99 arch"),
            ("ftp://a.example.com/el9/\n".to_owned(), "names no mirror"),
            ("https://a.example.com/$basearch/\n".to_owned(), "no variable without a value in it"),
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
            let error = read(&document).expect(told).expect_err(told).to_string();
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
            assert!(read(document).is_none(), "{document:?}");
        }
    }
}
