//! Output and messages for people. A closed pipe (`… | head`) does not change how a run ends: its work is done.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use ami_scheduler::text::printable_lines;

/// Prints a line on stdout.
macro_rules! output {
    ($($text:tt)*) => { $crate::messages::print(std::io::stdout(), &format!($($text)*)) };
}

/// Prints a line on stderr.
macro_rules! message {
    ($($text:tt)*) => { $crate::messages::print(std::io::stderr(), &format!($($text)*)) };
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// Prints nothing from now on. Results and errors have ways of their own.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub fn print(mut stream: impl Write, line: &str) {
    // A test's output is what the tested function returns.
    if !cfg!(test) && !QUIET.load(Ordering::Relaxed) {
        let _ = writeln!(stream, "{}", printable_lines(line));
    }
}
