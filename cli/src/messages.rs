//! Output and messages for people. A closed pipe (`… | head`) does not change how a run ends: its work is done.

use std::io::Write;

use ami_scheduler::text::printable_lines;

/// Prints a line on stdout.
macro_rules! output {
    ($($text:tt)*) => { $crate::messages::print(std::io::stdout(), &format!($($text)*)) };
}

/// Prints a line on stderr.
macro_rules! message {
    ($($text:tt)*) => { $crate::messages::print(std::io::stderr(), &format!($($text)*)) };
}

pub fn print(mut stream: impl Write, line: &str) {
    // A test's output is what the tested function returns.
    if !cfg!(test) {
        let _ = writeln!(stream, "{}", printable_lines(line));
    }
}
