//! The packets of a file, armoured or not.

use std::io::Read as _;

use pgp::armor::Dearmor;
use pgp::errors::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP ";

/// The packets of all armoured blocks, whatever stands around them; else those of the file as it is.
#[allow(clippy::disallowed_methods)] // no longer than the file that they are read from
pub(super) fn of(file: &[u8]) -> pgp::errors::Result<Vec<u8>> {
    let mut blocks = memchr::memmem::find_iter(file, BEGIN).peekable();
    let mut packets = Vec::new();
    if blocks.peek().is_none() {
        packets.extend_from_slice(file);
    }
    while let Some(begin) = blocks.next() {
        let block = &file[begin..blocks.peek().copied().unwrap_or(file.len())];
        Dearmor::new(block).read_to_end(&mut packets)?;
    }
    Ok(packets)
}

/// Whether a packet is one of a kind or version that a reader may pass over.
pub(super) fn is_unknown(error: &Error) -> bool {
    match error {
        Error::Unsupported { .. } => true,
        Error::InvalidPacketContent { source } => is_unknown(source),
        _ => false,
    }
}

/// The first words of a parser's error. The rest of it names places in the parser's own code.
pub(super) fn in_short(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(", backtrace:").next().unwrap_or_default();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
