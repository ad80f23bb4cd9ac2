//! Bodies that end too early, or never seem to end.

use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

use super::Response;
use super::transport::TIMEOUT;

/// A slower answer, in bytes a second, is not read for longer than `TIMEOUT`.
const MIN_RATE: u64 = 1000;

/// Makes it an error if a body ends before its `Content-Length`, or comes too slowly.
pub fn checked(mut response: Response) -> Response {
    response.body = Box::new(NotTooSlow { body: response.body, begun: Instant::now(), read: 0 });
    if let Some(length) = response.header("content-length").and_then(|length| length.trim().parse().ok()) {
        response.body = Box::new(ExactLength { body: response.body, missing: length });
    }
    response
}

struct ExactLength {
    body: Box<dyn Read>,
    missing: u64,
}

impl Read for ExactLength {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        if read == 0 && self.missing > 0 && !buffer.is_empty() {
            let words = format!("its last {} bytes are missing", self.missing);
            return Err(io::Error::new(ErrorKind::UnexpectedEof, words));
        }
        self.missing = self.missing.saturating_sub(read as u64);
        Ok(read)
    }
}

struct NotTooSlow {
    body: Box<dyn Read>,
    begun: Instant,
    read: u64,
}

impl Read for NotTooSlow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.read += read as u64;
        let elapsed = self.begun.elapsed();
        if read > 0 && is_too_slow(self.read, elapsed) {
            let (bytes, seconds) = (self.read, elapsed.as_secs());
            let words = format!("the server is too slow: {bytes} bytes in {seconds} s");
            return Err(io::Error::new(ErrorKind::TimedOut, words));
        }
        Ok(read)
    }
}

fn is_too_slow(bytes: u64, elapsed: Duration) -> bool {
    elapsed > TIMEOUT && bytes < elapsed.as_secs() * MIN_RATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_too_slow_below_a_thousand_bytes_a_second_after_half_a_minute() {
        for (bytes, seconds, too_slow) in [
            (10, 29, false),
            (10, 30, false),
            (10, 31, true),
            (30_999, 31, true),
            (31_000, 31, false),
            (599_999, 600, true),
            (600_000, 600, false),
        ] {
            assert_eq!(is_too_slow(bytes, Duration::from_secs(seconds)), too_slow, "{bytes} bytes in {seconds} s");
        }
    }

    fn of_length(length: u64) -> ExactLength {
        ExactLength { body: Box::new(io::Cursor::new(b"the whole")), missing: length }
    }

    #[test]
    fn a_body_that_ends_before_its_length_is_an_error_that_says_how_much_is_missing() {
        let mut text = String::new();
        let error = of_length(11).read_to_string(&mut text).expect_err("cut short");
        assert_eq!((error.kind(), text.as_str()), (ErrorKind::UnexpectedEof, "the whole"));
        assert_eq!(error.to_string(), "its last 2 bytes are missing");
        assert_eq!(of_length(9).read_to_string(&mut String::new()).expect("whole"), 9);
    }
}
