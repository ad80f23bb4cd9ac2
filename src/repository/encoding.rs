//! Encodings of XML beside UTF-8: those that dnf's XML parser reads by itself.

use std::io::{self, BufReader, Bytes, Cursor, Read};

/// The most bytes in which a document declares its encoding.
const MAX_DECLARATION: u64 = 256;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// ISO-8859-1, of which US-ASCII is a part.
    Latin1,
    Utf16 {
        is_big_endian: bool,
    },
}

impl Encoding {
    /// The encoding of a document that begins so: XML 1.0, appendix F.
    fn of(start: &[u8]) -> Self {
        match start {
            [0xfe, 0xff, ..] | [0, b'<', 0, b'?', ..] => return Self::Utf16 { is_big_endian: true },
            [0xff, 0xfe, ..] | [b'<', 0, b'?', 0, ..] => return Self::Utf16 { is_big_endian: false },
            _ => {}
        }
        let declaration = String::from_utf8_lossy(start);
        let declaration =
            declaration.strip_prefix("<?xml").and_then(|rest| rest.split("?>").next()).unwrap_or_default();
        let stated = declaration.split_once("encoding").map_or("", |(_, stated)| stated);
        let name = stated.split(['"', '\'']).nth(1).unwrap_or_default();
        let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_one_of(&["iso-8859-1", "latin1", "us-ascii"]) { Self::Latin1 } else { Self::Utf8 }
    }
}

/// Reads an XML document as UTF-8.
#[allow(clippy::disallowed_methods)] // of its declaration
pub(super) fn utf8<'a>(mut document: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut start = Vec::new();
    document.by_ref().take(MAX_DECLARATION).read_to_end(&mut start)?;
    let encoding = Encoding::of(&start);
    let whole = Cursor::new(start).chain(document);
    Ok(match encoding {
        Encoding::Utf8 => Box::new(whole),
        _ => Box::new(Transcoded { bytes: BufReader::new(whole).bytes(), encoding, ahead: Cursor::default() }),
    })
}

/// A document of another encoding, in UTF-8. What is no character in it becomes the replacement character.
struct Transcoded<R> {
    bytes: Bytes<BufReader<R>>,
    encoding: Encoding,
    /// What is left of the last character.
    ahead: Cursor<Vec<u8>>,
}

impl<R: Read> Transcoded<R> {
    fn character(&mut self) -> io::Result<Option<char>> {
        let Encoding::Utf16 { is_big_endian } = self.encoding else {
            return Ok(self.bytes.next().transpose()?.map(char::from));
        };
        let mut unit = || {
            let Some(first) = self.bytes.next().transpose()? else { return Ok(None) };
            let pair = [first, self.bytes.next().transpose()?.unwrap_or_default()];
            io::Result::Ok(Some(if is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }))
        };
        let Some(first) = unit()? else { return Ok(None) };
        let is_first_of_two = (0xd800..0xdc00).contains(&first);
        let second = if is_first_of_two { unit()? } else { None };
        let decoded = char::decode_utf16([first].into_iter().chain(second)).next();
        Ok(Some(decoded.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            filled += self.ahead.read(&mut buffer[filled..])?;
            if filled == buffer.len() {
                break;
            }
            match self.character()? {
                // The mark of its byte order.
                Some('\u{feff}') => {}
                Some(character) => self.ahead = Cursor::new(character.to_string().into_bytes()),
                None => break,
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn read(document: &[u8]) -> String {
        let mut text = String::new();
        utf8(document).expect("a document").read_to_string(&mut text).expect("UTF-8");
        text
    }

    #[test]
    fn a_document_is_read_in_the_encoding_that_its_mark_or_its_declaration_states() {
        const TEXT: &str = "<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>é€😀</a>";
        let [big, little] = [u16::to_be_bytes, u16::to_le_bytes].map(|bytes: fn(u16) -> [u8; 2]| {
            move |text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
        });
        for (document, text) in [
            (TEXT.as_bytes().to_vec(), TEXT),
            (big(TEXT), TEXT),
            (little(TEXT), TEXT),
            (big(&format!("\u{feff}{TEXT}")), TEXT),
            (little("\u{feff}<a/>"), "<a/>"),
            (
                b"<?xml version='1.0' encoding='iso-8859-1' ?><a>\xe9</a>".to_vec(),
                "<?xml version='1.0' encoding='iso-8859-1' ?><a>é</a>",
            ),
            (
                b"<?xml version=\"1.0\"?><a encoding='latin1'/>".to_vec(),
                "<?xml version=\"1.0\"?><a encoding='latin1'/>",
            ),
            (vec![], ""),
            // Half of a pair, and half of a unit.
            (little("\u{feff}<")[..].iter().copied().chain([0x3d, 0xd8, b'<']).collect(), "<\u{fffd}"),
        ] {
            assert_eq!(read(&document), text, "{document:?}");
        }
    }

    #[test]
    fn a_document_is_the_same_in_small_pieces() {
        let document: Vec<u8> = "\u{feff}<a>é€😀</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut reader = utf8(document.as_slice()).expect("a document");
        let (mut text, mut byte) = (Vec::new(), [0]);
        while reader.read(&mut byte).expect("read") > 0 {
            text.push(byte[0]);
        }
        assert_eq!(String::from_utf8(text).expect("UTF-8"), "<a>é€😀</a>");
    }
}
