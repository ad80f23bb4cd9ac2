//! What is said to people. Where nobody listens any more (`… | head`), that is no reason to end
//! otherwise: what was to be done is done.

use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use ami_scheduler::text::printable_lines;

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on nothing is said but results and errors.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// A line on stdout.
macro_rules! say {
    ($($text:tt)*) => {
        if !$crate::say::is_quiet() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stdout(), "{}", $crate::say::printable_lines(&format!($($text)*)));
        }
    };
}

/// A line on stderr.
macro_rules! say_aside {
    ($($text:tt)*) => {
        if !$crate::say::is_quiet() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{}", $crate::say::printable_lines(&format!($($text)*)));
        }
    };
}
