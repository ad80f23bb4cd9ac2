//! The links of an HTML page: the `href` of each `<a>`.
//!
//! Tags are read as <https://html.spec.whatwg.org/multipage/parsing.html> has it, as far as it takes to tell
//! a link from what only looks like one: comments, scripts, quotes, attributes without quotes.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// Elements whose text is no markup, whatever it looks like.
const RAW_TEXT: [&[u8]; 4] = [b"script", b"style", b"title", b"textarea"];

/// The links of a page, as their characters are: `&amp;` is `&`. What is not UTF-8 is passed over.
pub(super) fn links(page: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let links = Links { rest: page }.filter_map(|href| std::str::from_utf8(href).ok());
    links.map(|href| quick_xml::escape::unescape(href).unwrap_or(Cow::Borrowed(href)))
}

struct Links<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Links<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            self.rest = &self.rest[memchr(b'<', self.rest)? + 1..];
            if self.rest.starts_with(b"!--") {
                // `<!-->` is a whole comment.
                self.rest = &self.rest[memmem::find(&self.rest[1..], b"-->")? + 4..];
            } else if self.rest.first().is_some_and(u8::is_ascii_alphabetic) {
                let tag = Tag::at_start(self.rest)?;
                self.rest = tag.rest;
                if let Some(element) = RAW_TEXT.into_iter().find(|element| tag.name.eq_ignore_ascii_case(element)) {
                    self.rest = raw_text_end(tag.rest, element)?;
                } else if let Some(href) = tag.href.filter(|_| tag.name.eq_ignore_ascii_case(b"a")) {
                    return Some(href);
                }
            }
        }
    }
}

struct Tag<'a> {
    name: &'a [u8],
    href: Option<&'a [u8]>,
    /// The page after the tag.
    rest: &'a [u8],
}

impl<'a> Tag<'a> {
    /// The tag that begins here; `None` where the page ends first.
    fn at_start(page: &'a [u8]) -> Option<Self> {
        let ends_name = |b: u8| is_space(b) || matches!(b, b'/' | b'>' | b'=');
        let (name, mut rest) = split_before(page, |b| ends_name(b) && b != b'=')?;
        let mut href = None;
        loop {
            rest = trim_start(rest, |b| is_space(b) || b == b'/');
            if let Some(rest) = rest.strip_prefix(b">") {
                return Some(Self { name, href, rest });
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
    #[test]
    fn a_link_is_found_however_it_is_written() {
        for (page, links) in [
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
            assert_eq!(super::links(page.as_bytes()).collect::<Vec<_>>(), links, "{page}");
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
            assert_eq!(super::links(page.as_bytes()).count(), 0, "{page}");
        }
    }
}
