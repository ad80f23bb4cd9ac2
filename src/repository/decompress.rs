//! Decompression of metadata, told from its first bytes: file names lie.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The largest zstd window and xz dictionary, in KiB: those of `xz -9` and `zstd --ultra -21`. While it
/// is filled it takes up to twice as much memory.
const MAX_WINDOW_KIB: u32 = 64 << 10;
/// The memory that the xz decoder may ask for, in KiB: the dictionary and what it needs beside it.
const MAX_XZ_KIB: u32 = MAX_WINDOW_KIB + 1024;

/// The bytes of a file that is gzip, zstd, xz, bzip2 or none of these.
///
/// Several gzip members, zstd frames or xz streams after one another are one file.
pub(super) fn decompress<'a>(mut compressed: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut magic = Vec::with_capacity(6);
    compressed.by_ref().take(6).read_to_end(&mut magic)?;
    let whole = BufReader::with_capacity(64 << 10, Cursor::new(magic.clone()).chain(compressed));
    let plain: Box<dyn Read + 'a> = match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(GzipMembers::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Box::new(ZstdFrames::new(whole)),
        [0xfd, b'7', b'z', b'X', b'Z', 0x00] => Box::new(lzma_rust2::XzReader::new_mem_limit(whole, true, MAX_XZ_KIB)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(whole)),
        _ => return Ok(Box::new(whole)),
    };
    Ok(Box::new(BufReader::with_capacity(64 << 10, plain)))
}

/// gzip members after one another.
///
/// gzip's own CRC is not looked at: it is over what a member unpacks to, which takes a sixth of the time of
/// unpacking it, and `repomd.xml` has a checksum of the file itself.
struct GzipMembers<R> {
    body: DeflateDecoder<R>,
    state: Member,
}

enum Member {
    Begins,
    Goes { unpacked: u32 },
}

impl<R: BufRead> GzipMembers<R> {
    fn new(compressed: R) -> Self {
        Self { body: DeflateDecoder::new(compressed), state: Member::Begins }
    }

    fn read_header(&mut self) -> io::Result<()> {
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
                Member::Begins if self.body.get_mut().fill_buf()?.is_empty() => return Ok(0),
                Member::Begins => {
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
                    self.state = Member::Begins;
                }
            }
        }
    }
}

/// zstd frames after one another, skippable ones among them; ruzstd's own reader ends with the first.
struct ZstdFrames<R> {
    frame: FrameDecoder,
    compressed: R,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(compressed: R) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(u64::from(MAX_WINDOW_KIB) << 10);
        Self { frame, compressed }
    }

    fn skip(&mut self, length: u32) -> io::Result<()> {
        let skipped = io::copy(&mut self.compressed.by_ref().take(length.into()), &mut io::sink())?;
        if skipped < u64::from(length) { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.frame.can_collect() == 0 {
            if !self.frame.is_finished() {
                let one_block = BlockDecodingStrategy::UptoBlocks(1);
                self.frame.decode_blocks(&mut self.compressed, one_block).map_err(io::Error::other)?;
            } else if self.compressed.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                match self.frame.reset(&mut self.compressed) {
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length, ..
                    })) => self.skip(length)?,
                    other => other.map_err(io::Error::other)?,
                }
            }
        }
        self.frame.read(buffer)
    }
}

// The files to read are made by the real programs, which a module can't start.
#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    const TEXT: &[u8] = b"<metadata/>";

    fn decompressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        decompress(bytes)?.read_to_end(&mut plain)?;
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
                assert!(decompressed(&whole[..length]).is_err(), "{name} cut to {length} of {}", whole.len());
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
