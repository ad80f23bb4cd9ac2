//! Decompression of metadata, told from its first bytes: file names lie.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::{DeflateDecoder, GzDecoder};
use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::budget::{Budget, Held};

/// The largest zstd window and xz dictionary, in KiB: those of `xz -9` and `zstd --ultra -21`. While it
/// is filled it takes up to twice as much memory.
const MAX_WINDOW_KIB: u32 = 64 << 10;
/// The memory that the xz decoder may ask for, in KiB: the dictionary and what it needs beside it.
const MAX_XZ_KIB: u32 = MAX_WINDOW_KIB + 1024;
/// The longest header of a zstd frame, its magic number with it, in bytes: RFC 8878, section 3.1.1.
const MAX_ZSTD_HEADER: usize = 18;
/// What it takes to begin a gzip member or zstd frame, however short.
const STEPS_OF_FRAME: u64 = 1 << 10;
/// What it takes to begin a bzip2 stream: its tables.
const STEPS_OF_BZIP2: u64 = 1 << 20;
/// The tables of bzip2.
const BZIP2_ROOM: usize = 4 << 20;

/// The bytes of a file that is gzip, zstd, xz, bzip2 or none of these.
///
/// Several gzip members, zstd frames or xz streams after one another are one file.
#[allow(clippy::disallowed_methods)] // of six bytes
pub(super) fn decompress<'a>(mut compressed: impl Read + 'a, budget: &Budget) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut magic = Vec::with_capacity(6);
    compressed.by_ref().take(6).read_to_end(&mut magic)?;
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(magic.clone()).chain(compressed));
    let plain: Box<dyn Read + 'a> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(GzipMembers::new(whole, budget)),
        file if is_zstd(file) => Box::new(ZstdFrames::new(whole, budget)?),
        [0xfd, b'7', b'z', b'X', b'Z', 0x00] => Box::new(Holding {
            _held: budget.hold((MAX_XZ_KIB as usize) << 10).map_err(io::Error::other)?,
            body: lzma_rust2::XzReader::new_mem_limit(whole, true, MAX_XZ_KIB),
        }),
        [b'B', b'Z', b'h', ..] => Box::new(Holding {
            _held: budget.hold(BZIP2_ROOM).map_err(io::Error::other)?,
            body: Bzip2Streams { body: Some(BzDecoder::new(whole)), budget: budget.clone() },
        }),
        _ => return Ok(Box::new(whole)),
    };
    Ok(Box::new(BufReader::with_capacity(64 << 10, plain)))
}

/// A decoder, and the room that it takes.
struct Holding<R> {
    body: R,
    _held: Held,
}

impl<R: Read> Read for Holding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

/// bzip2 streams after one another.
struct Bzip2Streams<R> {
    /// `None` after an error.
    body: Option<BzDecoder<R>>,
    budget: Budget,
}

impl<R: BufRead> Read for Bzip2Streams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(mut body) = self.body.take() {
            let read = body.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                self.body = Some(body);
                return Ok(read);
            }
            let mut compressed = body.into_inner();
            if compressed.fill_buf()?.is_empty() {
                break;
            }
            self.budget.work(STEPS_OF_BZIP2).map_err(io::Error::other)?;
            self.body = Some(BzDecoder::new(compressed));
        }
        Ok(0)
    }
}

/// gzip members after one another.
///
/// gzip's own CRC is not looked at: it is over what a member unpacks to, which takes a sixth of the time of
/// unpacking it, and `repomd.xml` has a checksum of the file itself.
struct GzipMembers<R> {
    body: DeflateDecoder<R>,
    state: Member,
    budget: Budget,
}

enum Member {
    Begins { is_first: bool },
    Goes { unpacked: u32 },
}

impl<R: BufRead> GzipMembers<R> {
    fn new(compressed: R, budget: &Budget) -> Self {
        Self { body: DeflateDecoder::new(compressed), state: Member::Begins { is_first: true }, budget: budget.clone() }
    }

    /// Whether another member follows. What is none, such as the zeros that fill a block, is passed over, as gzip does.
    fn is_at_member(&mut self) -> io::Result<bool> {
        Ok(self.body.get_mut().fill_buf()?.first() == Some(&0x1f))
    }

    fn read_header(&mut self) -> io::Result<()> {
        self.budget.work(STEPS_OF_FRAME).map_err(io::Error::other)?;
        let mut member = GzDecoder::new(self.body.get_mut());
        if member.header().is_none() {
            member.read_exact(&mut [0])?;
        }
        self.body.reset_data();
        Ok(())
    }

    fn read_trailer(&mut self, unpacked: u32) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.body.get_mut().read_exact(&mut trailer)?;
        let [_, _, _, _, size @ ..] = trailer;
        if u32::from_le_bytes(size) == unpacked {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "gzip: it unpacks to another size than it says"))
        }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state {
                Member::Begins { is_first } => {
                    if !is_first && !self.is_at_member()? {
                        return Ok(0);
                    }
                    self.read_header()?;
                    self.state = Member::Goes { unpacked: 0 };
                }
                Member::Goes { unpacked } => {
                    let read = self.body.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        // The size in the trailer is modulo 2^32, too.
                        #[allow(clippy::cast_possible_truncation)]
                        let unpacked = unpacked.wrapping_add(read as u32);
                        self.state = Member::Goes { unpacked };
                        return Ok(read);
                    }
                    self.read_trailer(unpacked)?;
                    self.state = Member::Begins { is_first: false };
                }
            }
        }
    }
}

/// zstd frames after one another, skippable ones among them.
///
/// The formats from before zstd 1.0, which the decoder knows too, are refused: nothing writes them any more.
struct ZstdFrames<R> {
    frame: Decoder<'static>,
    between_frames: bool,
    /// Bytes of the file that are read and not yet decoded.
    ahead: Vec<u8>,
    compressed: R,
    budget: Budget,
    /// The largest window so far.
    window: usize,
    held: Held,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(compressed: R, budget: &Budget) -> io::Result<Self> {
        let mut frame = Decoder::new()?;
        frame.set_parameter(DParameter::WindowLogMax((MAX_WINDOW_KIB << 10).ilog2()))?;
        let (ahead, held) = (Vec::with_capacity(MAX_ZSTD_HEADER), budget.hold(0).map_err(io::Error::other)?);
        Ok(Self { frame, between_frames: true, ahead, compressed, budget: budget.clone(), window: 0, held })
    }

    /// Whether another frame follows. Its header is handed to the decoder in one piece: of one in two
    /// pieces it can take the second for the beginning of a frame.
    #[allow(clippy::disallowed_methods)] // of eighteen bytes
    fn begin_frame(&mut self) -> io::Result<bool> {
        let missing = MAX_ZSTD_HEADER - self.ahead.len();
        self.compressed.by_ref().take(missing as u64).read_to_end(&mut self.ahead)?;
        if self.ahead.is_empty() {
            return Ok(false);
        }
        if !is_zstd(&self.ahead) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "zstd: a frame is followed by something else"));
        }
        self.budget.work(STEPS_OF_FRAME).map_err(io::Error::other)?;
        let window = window_of(&self.ahead).min((MAX_WINDOW_KIB as usize) << 10);
        self.held.add(window.saturating_sub(self.window)).map_err(io::Error::other)?;
        self.window = self.window.max(window);
        self.between_frames = false;
        Ok(true)
    }
}

/// The window of a zstd frame, in bytes; of one that is a single segment as much as of the largest. RFC 8878,
/// section 3.1.1.1.
fn window_of(header: &[u8]) -> usize {
    match header {
        [0x28, 0xb5, 0x2f, 0xfd, descriptor, window, ..] if descriptor & 0x20 == 0 => {
            let base = 1_usize.checked_shl(10 + u32::from(window >> 3)).unwrap_or(usize::MAX);
            base.saturating_add(base / 8 * usize::from(window & 7))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => usize::MAX,
        _ => 0,
    }
}

/// RFC 8878, sections 3.1.1 and 3.1.2.
fn is_zstd(file: &[u8]) -> bool {
    matches!(file, [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.between_frames && !self.begin_frame()? {
                return Ok(0);
            }
            let is_ahead = !self.ahead.is_empty();
            let compressed = if is_ahead { &self.ahead } else { self.compressed.fill_buf()? };
            let is_at_end = compressed.is_empty();
            let done = self.frame.run_on_buffers(compressed, buffer)?;
            if is_ahead {
                self.ahead.drain(..done.bytes_read);
            } else {
                self.compressed.consume(done.bytes_read);
            }
            self.between_frames = done.remaining == 0;
            if done.bytes_written > 0 {
                return Ok(done.bytes_written);
            }
            if is_at_end && !self.between_frames {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

// The files to read are made by the real programs, which a module can't start.
#[cfg(all(test, not(target_os = "wasi")))]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::repository::RepositoryError;
    use std::process::{Command, Stdio};

    const TEXT: &[u8] = b"<metadata/>";

    fn decompressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decompress(bytes, &Budget::default())?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_is_compressed_by_nothing_is_taken_as_it_is() {
        for text in [TEXT, b"", b"<", b"12345"] {
            assert_eq!(decompressed(text).expect("plain"), text);
        }
    }

    #[test]
    fn a_file_that_ends_early_is_an_error_and_never_a_shorter_file() {
        for name in ["gzip", "zstd", "xz", "bzip2"] {
            let whole = compressed_by(name, &TEXT.repeat(1000));
            for length in [7, whole.len() / 2, whole.len() - 1] {
                let error = decompressed(&whole[..length]).expect_err(name);
                let told = RepositoryError::read("primary.xml", error).to_string();
                assert_eq!(told, "cannot read primary.xml: its compressed data ends early", "{name} cut to {length}");
            }
        }
    }

    #[test]
    fn files_written_one_after_another_are_one_file() {
        for name in ["gzip", "zstd", "xz", "bzip2"] {
            let twice = compressed_by(name, TEXT).repeat(2);
            assert_eq!(decompressed(&twice).expect(name), TEXT.repeat(2), "{name}");
        }
    }

    #[test]
    fn a_skippable_zstd_frame_is_skipped() {
        let mut file = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        file.extend(compressed_by("zstd", TEXT));
        assert_eq!(decompressed(&file).expect("zstd"), TEXT);
        assert!(decompressed(&file[..10]).is_err());
    }

    #[test]
    fn what_follows_the_last_gzip_member_is_passed_over() {
        for rest in [&[0; 512][..], b"\n", b"garbage"] {
            let file = [&compressed_by("gzip", TEXT), rest].concat();
            assert_eq!(decompressed(&file).expect("gzip"), TEXT, "{rest:?}");
        }
    }

    #[test]
    fn a_zstd_frame_is_followed_by_another_or_by_nothing() {
        for (what, next) in
            [("zstd 0.7", [0x27, 0xb5, 0x2f, 0xfd].as_slice()), ("gzip", &[0x1f, 0x8b]), ("zeros", &[0; 8])]
        {
            let file = [&compressed_by("zstd", TEXT), next].concat();
            let error = decompressed(&file).expect_err(what).to_string();
            assert_eq!(error, "zstd: a frame is followed by something else", "{what}");
        }
    }

    #[test]
    fn a_zstd_frame_in_the_header_of_another_is_none() {
        // The header is one of a frame with a dictionary and goes on where the other frame begins.
        let file = [&[0x28, 0xb5, 0x2f, 0xfd, 0x55, 0x55], compressed_by("zstd", TEXT).as_slice()].concat();
        for length in 1..20 {
            let mut plain = decompress(file[..length].chain(&file[length..]), &Budget::default()).expect("a file");
            let error = plain.fill_buf().map(<[u8]>::to_vec).expect_err("a dictionary is missing");
            assert_eq!(error.to_string(), "Dictionary mismatch", "{length}");
        }
    }

    /// What the real program makes of it.
    fn compressed_by(program: &str, text: &[u8]) -> Vec<u8> {
        let mut child = Command::new(program)
            .arg("-c")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} is needed for this test: {error}"));
        io::Write::write_all(&mut child.stdin.take().expect("stdin"), text).expect(program);
        child.wait_with_output().expect(program).stdout
    }
}
