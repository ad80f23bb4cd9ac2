//! HTML pages: the elements that make a page an index, and its title.
//!
//! Tags are read as <https://html.spec.whatwg.org/multipage/parsing.html> has it, as far as it takes to tell
//! a link from what only looks like one: comments, scripts, quotes, attributes without quotes.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::text::excerpt;

/// Elements whose text is no markup, whatever it looks like.
const RAW_TEXT: [&[u8]; 4] = [b"script", b"style", b"title", b"textarea"];

/// An `href` of a page, as its characters are: `&amp;` is `&`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Href<'a> {
    /// Of an `<a>`.
    Link(Cow<'a, str>),
    /// Of an `<a>` or `<link>` to the page that follows: `rel="next"`.
    Next(Cow<'a, str>),
    /// Of a `<base>`: what the links are relative to.
    Base(Cow<'a, str>),
}

/// The links of a page. What is not UTF-8 is passed over.
pub(super) fn links(page: &[u8]) -> impl Iterator<Item = Href<'_>> {
    Tags { rest: page }.filter_map(|tag| {
        let href = std::str::from_utf8(tag.href?).ok()?;
        let href = quick_xml::escape::unescape(href).unwrap_or(Cow::Borrowed(href));
        let is = |name: &[u8]| tag.name.eq_ignore_ascii_case(name);
        if is(b"a") || is(b"link") {
            let mut relations = tag.rel.split(|byte| is_space(*byte));
            let is_next = relations.any(|relation| relation.eq_ignore_ascii_case(b"next"));
            if is_next { Some(Href::Next(href)) } else { is(b"a").then_some(Href::Link(href)) }
        } else {
            is(b"base").then_some(Href::Base(href))
        }
    })
}

/// What an HTML page is, with its title, in words for an error; `None` where a document is something else.
pub fn described(document: &[u8]) -> Option<String> {
    let begins = |start: &[u8]| {
        document.trim_ascii_start().get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start))
    };
    if !begins(b"<!doctype html") && !begins(b"<html") {
        return None;
    }
    let title = Tags { rest: document }.find(|tag| tag.name.eq_ignore_ascii_case(b"title")).and_then(|tag| {
        let end = raw_text_end(tag.rest, b"title")?;
        let words = String::from_utf8_lossy(&tag.rest[..tag.rest.len() - end.len()]).into_owned();
        let title = words.split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty()).then(|| excerpt(&title))
    });
    Some(match title {
        Some(title) => format!("it is an HTML page titled {title:?}"),
        None => "it is an HTML page".to_owned(),
    })
}

struct Tags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            self.rest = &self.rest[memchr(b'<', self.rest)? + 1..];
            if self.rest.starts_with(b"!--") {
                // `<!-->` is a whole comment.
                self.rest = &self.rest[memmem::find(&self.rest[1..], b"-->")? + 4..];
            } else if self.rest.first().is_some_and(u8::is_ascii_alphabetic) {
                let tag = Tag::at_start(self.rest)?;
                self.rest = match RAW_TEXT.into_iter().find(|element| tag.name.eq_ignore_ascii_case(element)) {
                    Some(element) => raw_text_end(tag.rest, element).unwrap_or_default(),
                    None => tag.rest,
                };
                return Some(tag);
            }
        }
    }
}

struct Tag<'a> {
    name: &'a [u8],
    href: Option<&'a [u8]>,
    rel: &'a [u8],
    /// The page after the tag.
    rest: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag that begins here; `None` where the page ends first.
    fn at_start(page: &'a [u8]) -> Option<Self> {
        let ends_name = |b: u8| is_space(b) || matches!(b, b'/' | b'>' | b'=');
        let (name, mut rest) = split_before(page, |b| ends_name(b) && b != b'=')?;
        let (mut href, mut rel) = (None, &b""[..]);
        loop {
            rest = trim_start(rest, |b| is_space(b) || b == b'/');
            if let Some(rest) = rest.strip_prefix(b">") {
                return Some(Self { name, href, rel, rest });
            }
            // An attribute's name may begin with `=`.
            let length = 1 + split_before(rest.get(1..)?, ends_name)?.0.len();
            let (attribute, after) = rest.split_at(length);
            let mut value = &b""[..];
            rest = after;
            if let Some(after) = trim_start(after, is_space).strip_prefix(b"=") {
                (value, rest) = value_at_start(trim_start(after, is_space))?;
            }
            if attribute.eq_ignore_ascii_case(b"href") {
                href.get_or_insert(value);
            } else if attribute.eq_ignore_ascii_case(b"rel") {
                rel = value;
            }
        }
    }
}

/// The value of an attribute, and what follows it.
fn value_at_start(page: &[u8]) -> Option<(&[u8], &[u8])> {
    match page.first()? {
        quote @ (b'"' | b'\'') => {
            let end = memchr(*quote, &page[1..])? + 1;
            Some((&page[1..end], &page[end + 1..]))
        }
        _ => split_before(page, |b| is_space(b) || b == b'>'),
    }
}

/// The page from the end tag of an element on.
fn raw_text_end<'a>(page: &'a [u8], element: &[u8]) -> Option<&'a [u8]> {
    let mut ends = memmem::find_iter(page, b"</").map(|end| &page[end..]);
    ends.find(|end| end.get(2..2 + element.len()).is_some_and(|name| name.eq_ignore_ascii_case(element)))
}

fn split_before(bytes: &[u8], ends: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    Some(bytes.split_at(bytes.iter().position(|byte| ends(*byte))?))
}

fn trim_start(bytes: &[u8], trimmed: impl Fn(u8) -> bool) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| trimmed(**byte)).count()..]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(page: &str) -> Vec<String> {
        let link = |href| if let Href::Link(link) = href { Some(link.into_owned()) } else { None };
        super::links(page.as_bytes()).filter_map(link).collect()
    }

    #[test]
    fn a_link_is_found_however_it_is_written() {
        for (page, found) in [
            ("<a href=x>", &["x"][..]),
            ("<A\nHREF = 'x' >", &["x"]),
            ("<a class=\"b\" href=\"x y\"/>", &["x y"]),
            ("<a href=x href=y>", &["x"]),
            ("<a href=\"?a=1&amp;b&#45;c&copy;\">", &["?a=1&amp;b&#45;c&copy;"]),
            ("<a href=\"?a=1&amp;b&#45;c\">", &["?a=1&b-c"]),
            ("<a title='href=z>' href=x>", &["x"]),
            ("<a =href href=x>", &["x"]),
            ("<a href=x<b>", &["x<b"]),
            ("<p>1 < 2 <a href=x></p><!DOCTYPE html><a href=y>", &["x", "y"]),
            ("<!--><a href=x>", &["x"]),
            ("<a href>", &[""]),
        ] {
            assert_eq!(links(page), found, "{page}");
        }
    }

    #[test]
    fn what_only_looks_like_a_link_is_none() {
        for page in [
            "<!-- <a href=x> -->",
            "<script>if (a<b) '<a href=x>'</script>",
            "<STYLE><a href=x></style >",
            "<script><a href=x>",
            "<abbr href=x>",
            "<a name=x>",
            "<a data-href=x>",
            "<img src='<a href=x>'>",
            "</a href=x>",
            "<a href=x",
            "<a href='x>",
            "< a href=x>",
            "<a ",
            "<",
            "",
        ] {
            assert!(links(page).is_empty(), "{page}");
        }
    }

    #[test]
    fn a_page_says_where_it_goes_on_and_what_its_links_are_relative_to() {
        for (page, href) in [
            ("<a rel=next href=?page=2>", Href::Next("?page=2".into())),
            ("<link rel='nofollow NEXT' href=?page=2>", Href::Next("?page=2".into())),
            ("<base target=x href='/el9/'>", Href::Base("/el9/".into())),
            ("<link rel=stylesheet href=x><a rel=prev href=y>", Href::Link("y".into())),
        ] {
            assert_eq!(super::links(page.as_bytes()).collect::<Vec<_>>(), [href], "{page}");
        }
    }

    #[test]
    fn an_html_page_is_described_by_its_title() {
        for (document, told) in [
            ("<!DOCTYPE html><html><head><title>\n Sign  in\n</title>", Some("it is an HTML page titled \"Sign in\"")),
            (" <HTML><TITLE>a<b</TITLE>", Some("it is an HTML page titled \"a<b\"")),
            ("<html><body>Sign in", Some("it is an HTML page")),
            ("<html><title>", Some("it is an HTML page")),
            ("<html><title> </title>", Some("it is an HTML page")),
            ("<repomd><title>x</title>", None),
            ("", None),
        ] {
            assert_eq!(described(document.as_bytes()).as_deref(), told, "{document}");
        }
    }
}
