//! The progress of a long download, for a person who waits at a terminal: one line on stderr, which is
//! rewritten, and removed at the end. A job's log gets nothing.

use std::io::{IsTerminal as _, Read, Result, Write as _, stderr};
use std::time::{Duration, Instant};

use ami_scheduler::text::printable;

use super::location::Location;

/// A shorter download shows no progress.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN_TWO_LINES: Duration = Duration::from_millis(200);

/// A body, as it is read.
pub struct Progress<R> {
    body: R,
    name: String,
    /// Of the whole, in bytes, where it is known.
    size: Option<u64>,
    read: u64,
    begun: Instant,
    /// When the line was written last.
    written: Option<Instant>,
    is_terminal: bool,
}

impl<R: Read> Progress<R> {
    /// Of a file and its size in bytes.
    pub fn new(body: R, file: &Location, size: Option<u64>) -> Self {
        Self {
            body,
            name: file.to_string(),
            size,
            read: 0,
            begun: Instant::now(),
            written: None,
            is_terminal: stderr().is_terminal(),
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        let soon = self.written.map_or(self.begun + PATIENCE, |written| written + BETWEEN_TWO_LINES);
        if self.is_terminal && now >= soon {
            self.written = Some(now);
            let name = printable(self.name.rsplit('/').next().unwrap_or_default());
            // Short enough for the narrowest terminal: a line that wraps can't be rewritten.
            let name: String = name.chars().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect();
            let _ = write!(stderr(), "\r\x1b[K{}", line(&name, self.read, self.size));
        }
    }
}

/// `primary.xml.gz: 12.3 of 24.4 MB, 50 %`
fn line(name: &str, read: u64, size: Option<u64>) -> String {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10);
    match size.filter(|size| *size > 0 && read <= *size) {
        Some(size) => format!("{name}: {} of {} MB, {} %", megabytes(read), megabytes(size), read * 100 / size),
        None => format!("{name}: {} MB", megabytes(read)),
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.body.read(buffer)?;
        self.read += read as u64;
        self.show();
        Ok(read)
    }
}

impl<R> Drop for Progress<R> {
    fn drop(&mut self) {
        if self.written.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_line_says_how_much_of_how_much() {
        for (read, size, told) in [
            (12_345_678, Some(24_400_000), "primary.xml.gz: 12.3 of 24.4 MB, 50 %"),
            (24_400_000, Some(24_400_000), "primary.xml.gz: 24.4 of 24.4 MB, 100 %"),
            (12_345_678, None, "primary.xml.gz: 12.3 MB"),
            (2, Some(1), "primary.xml.gz: 0.0 MB"),
            (0, Some(0), "primary.xml.gz: 0.0 MB"),
        ] {
            assert_eq!(line("primary.xml.gz", read, size), told);
        }
    }
}
