//! The elements of a document that is too large to be kept: each `<package>` of `primary.xml`, each `<update>` of
//! `updateinfo.xml`.
//!
//! The document is read as a stream and cut at the end tag of each element. Memory holds one element at a time, and
//! only its reader parses it.

use std::io::{ErrorKind, Read};

use memchr::memmem::{self, Finder};

use super::{RepositoryError, html};
use crate::budget::Held;

/// The most bytes that a single element may have. The largest `<package>` of distributions has 2 MB.
pub(super) const MAX_ELEMENT: usize = 16 << 20;
/// The most bytes that a document may unpack to, some ten times what the largest of distributions have.
const MAX_DOCUMENT: u64 = 4 << 30;
/// The most elements that a document may have.
const MAX_ELEMENTS: u64 = 5_000_000;

const COMMENT: (&[u8], &[u8]) = (b"<!--", b"-->");
const CDATA: (&[u8], &[u8]) = (b"<![CDATA[", b"]]>");

/// The shape of a document: elements of one name in its root.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// The file, as messages name it.
    pub(super) what: &'static str,
    pub(super) root: &'static str,
    pub(super) element: &'static str,
}

/// Cuts a document into its elements.
pub(super) struct Elements<R> {
    document: R,
    shape: Shape,
    start_tag: Finder<'static>,
    end_tag: Finder<'static>,
    /// Bytes that were read, up to `filled`; beyond them is room.
    buffer: Vec<u8>,
    filled: usize,
    /// `buffer[start..filled]` has not been given out yet.
    start: usize,
    /// `buffer[start..searched]` holds no end of an element.
    searched: usize,
    /// `buffer[..blanked]` holds markup and text alone: comments and CDATA in it are blank.
    blanked: usize,
    /// The end mark of the comment or CDATA in which `buffer[blanked]` lies.
    inside: Option<&'static [u8]>,
    /// The place of `buffer[0]` in the document.
    position: u64,
    at_end: bool,
    found: u64,
    /// The buffer.
    held: Held,
}

impl<R: Read> Elements<R> {
    pub(super) fn new(document: R, shape: Shape, held: Held) -> Self {
        let tag = |begin: &str| Finder::new(&format!("{begin}{}", shape.element)).into_owned();
        Self {
            document,
            shape,
            start_tag: tag("<"),
            end_tag: tag("</"),
            buffer: Vec::new(),
            filled: 0,
            start: 0,
            searched: 0,
            blanked: 0,
            inside: None,
            position: 0,
            at_end: false,
            found: 0,
            held,
        }
    }

    /// The next element and its place in the document.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, RepositoryError> {
        loop {
            if let Some(found) = self.find_end(&self.buffer[self.searched..self.filled]) {
                let end = self.searched + found;
                let position = self.position + end as u64;
                let Shape { what, element, .. } = self.shape;
                let Some(offset) = self.find_start(&self.buffer[self.start..end]) else {
                    let reason = format!("</{element}> without its <{element}>");
                    return Err(RepositoryError::malformed(what, position, &reason));
                };
                let whole = self.start + offset..end;
                (self.start, self.searched, self.found) = (end, end, self.found + 1);
                if self.found > MAX_ELEMENTS {
                    let reason = format!("it has more than {MAX_ELEMENTS} {element}s");
                    return Err(RepositoryError::malformed(what, position, &reason));
                }
                return Ok(Some((self.position + whole.start as u64, &self.buffer[whole])));
            }
            if self.at_end {
                return self.end().map(|()| None);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), RepositoryError> {
        const PIECE: usize = 256 << 10;
        let Shape { what, element, .. } = self.shape;
        let over_budget = |over| RepositoryError::OverBudget { what, over };
        // A long element grows piece by piece: it is not to be moved each time.
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.held.work((self.filled - self.start) as u64).map_err(over_budget)?;
        }
        self.filled -= self.start;
        self.position += self.start as u64;
        self.blanked = self.blanked.saturating_sub(self.start);
        // The last tag may lie across the seam.
        self.searched = memchr::memrchr(b'<', &self.buffer[..self.filled]).unwrap_or(self.filled);
        self.start = 0;
        if self.filled > MAX_ELEMENT {
            let reason = format!("a single <{element}> has more than {} MiB", MAX_ELEMENT >> 20);
            return Err(RepositoryError::malformed(what, self.position, &reason));
        }
        if self.position > MAX_DOCUMENT {
            let reason = format!("it unpacks to more than {} GiB", MAX_DOCUMENT >> 30);
            return Err(RepositoryError::malformed(what, self.position, &reason));
        }
        if self.buffer.len() < self.filled + PIECE {
            // Room for several pieces: a server may send them byte by byte. What grows is there twice for a moment.
            let size = self.filled + 2 * PIECE;
            self.held.add(2 * (size - self.buffer.len())).map_err(over_budget)?;
            self.buffer.resize(size, 0);
        }
        // All of a piece: each one is searched through, and a document can come byte by byte.
        let full = self.filled + PIECE;
        while self.filled < full && !self.at_end {
            match self.document.read(&mut self.buffer[self.filled..full]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(RepositoryError::read(what, error)),
                Ok(read) => {
                    self.held.work(read as u64).map_err(over_budget)?;
                    self.filled += read;
                    self.at_end = read == 0;
                }
            }
        }
        self.blank();
        Ok(())
    }

    /// Makes each `<` in a comment or CDATA a space, so that no search takes it for markup.
    fn blank(&mut self) {
        let end = self.filled;
        while self.blanked < end {
            let rest = &mut self.buffer[self.blanked..end];
            if let Some(closing) = self.inside {
                let found = memmem::find(rest, closing);
                // What closes it may lie across the seam, as what opens it may below.
                let length = found.unwrap_or((rest.len() + 1).saturating_sub(closing.len()));
                rest[..length].iter_mut().filter(|byte| **byte == b'<').for_each(|byte| *byte = b' ');
                self.blanked += length;
                if found.is_none() {
                    return;
                }
                self.blanked += closing.len();
                self.inside = None;
            } else {
                let Some(found) = memmem::find(rest, b"<!") else {
                    self.blanked = if rest.ends_with(b"<") { end - 1 } else { end };
                    return;
                };
                let rest = &rest[found..];
                self.blanked += found;
                match [COMMENT, CDATA].into_iter().find(|(opening, _)| rest.starts_with(opening)) {
                    Some((opening, closing)) => {
                        self.blanked += opening.len();
                        self.inside = Some(closing);
                    }
                    None if rest.len() < CDATA.0.len() && !self.at_end => return,
                    None => self.blanked += 2,
                }
            }
        }
    }

    /// Checks that the rest is the end of the root, or all of an empty one.
    fn end(&self) -> Result<(), RepositoryError> {
        let rest = &self.buffer[self.start..self.filled];
        let has = |text: String| memmem::find(rest, text.as_bytes()).is_some();
        let Shape { what, root, element } = self.shape;
        let reason = if self.find_start(rest).is_some() {
            format!("it ends in the middle of a <{element}>")
        } else if self.found == 0 && !has(format!("<{root}")) {
            let found = html::described(rest).map(|found| format!(", and {found}")).unwrap_or_default();
            format!("expected an XML document <{root}>{found}")
        } else if self.found == 0 && has(format!(":{element}")) {
            "its elements have a namespace prefix, which createrepo never writes".to_owned()
        } else if !has(format!("</{root}")) && !rest.trim_ascii_end().ends_with(b"/>") {
            format!("it ends before </{root}>")
        } else {
            return Ok(());
        };
        Err(RepositoryError::malformed(what, self.position + self.start as u64, &reason))
    }

    /// The start of the first element; `<packager>`, say, is no `<package>`.
    fn find_start(&self, bytes: &[u8]) -> Option<usize> {
        let length = self.start_tag.needle().len();
        self.start_tag
            .find_iter(bytes)
            .find(|start| bytes.get(start + length).is_some_and(|next| next.is_ascii_whitespace() || *next == b'>'))
    }

    /// Where the first element ends: its end tag may have white space before its `>`.
    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        let length = self.end_tag.needle().len();
        self.end_tag.find_iter(bytes).find_map(|start| {
            let rest = &bytes[start + length..];
            let spaces = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            (rest.get(spaces) == Some(&b'>')).then_some(start + length + spaces + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::budget::Budget;

    const SHAPE: Shape = Shape { what: "updateinfo.xml", root: "updates", element: "update" };

    fn elements<R: Read>(document: R) -> Elements<R> {
        Elements::new(document, SHAPE, Budget::default().hold(0).expect("a budget"))
    }

    /// The elements of a document with their places, or the error at its end.
    fn cut(document: impl Read) -> (Vec<(u64, Vec<u8>)>, Option<String>) {
        let (mut elements, mut found) = (elements(document), Vec::new());
        loop {
            match elements.next() {
                Ok(Some((position, element))) => found.push((position, element.to_owned())),
                end => return (found, end.err().map(|error| error.to_string())),
            }
        }
    }

    /// Gives a document out in pieces of these lengths, again and again.
    struct Pieces<'a> {
        rest: &'a [u8],
        lengths: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let length = self.lengths.next().map_or(0, |length| *length).min(buffer.len());
            self.rest.by_ref().take(length as u64).read(buffer)
        }
    }

    #[test]
    fn a_document_without_end_is_left() {
        let error = |change: fn(&mut Elements<&[u8]>)| {
            let mut elements = elements(&b"<updates><update></update>"[..]);
            change(&mut elements);
            elements.next().map(|element| element.is_some()).expect_err("no end").to_string()
        };
        assert!(error(|elements| elements.position = MAX_DOCUMENT + 1).ends_with("it unpacks to more than 4 GiB"));
        assert!(error(|elements| elements.found = MAX_ELEMENTS).ends_with("it has more than 5000000 updates"));
    }

    const ELEMENTS: [&str; 5] = [
        "<update>a</update>",
        "<update\n type='x'><updated/></update >",
        "<update><![CDATA[</update><update>]]></update>",
        "<update><!-- </update> --><id>1</id></update\n>",
        "<update></update>",
    ];
    const OTHERS: [&str; 5] =
        ["<!-- <update></update> -->", "<![CDATA[<update>]]>", "\n  ", "<updated></updated>", "<!---->"];

    proptest! {
        #[test]
        fn a_document_is_cut_alike_wherever_its_pieces_end(
            parts in vec(select([ELEMENTS, OTHERS].concat()), 0..20),
            is_whole in any::<bool>(),
            lengths in vec(1..30_usize, 1..9),
        ) {
            let mut document = format!("<?xml version='1.0'?><updates>{}</updates>", parts.concat());
            document.truncate(if is_whole { document.len() } else { document.len() * 2 / 3 });
            let whole = cut(document.as_bytes());
            prop_assert_eq!(&cut(Pieces { rest: document.as_bytes(), lengths: lengths.iter().cycle() }), &whole);
            if is_whole {
                let count = parts.iter().filter(|part| ELEMENTS.contains(part)).count();
                prop_assert_eq!((whole.0.len(), whole.1), (count, None));
            }
        }
    }
}
