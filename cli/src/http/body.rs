//! Bodies that end too early.

use std::io::{self, ErrorKind, Read};

use super::Response;

/// Makes it an error if a body ends before its `Content-Length`.
pub fn checked(mut response: Response) -> Response {
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

#[cfg(test)]
mod tests {
    use super::*;

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
