//! Output and messages for people. A closed pipe (`… | head`) does not change how a run ends: its work is done.

pub(crate) use ami_scheduler::text::printable_lines;

/// Prints a line on stdout.
macro_rules! output {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::messages::printable_lines(&format!($($text)*)));
    }};
}

/// Prints a line on stderr.
macro_rules! message {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::messages::printable_lines(&format!($($text)*)));
    }};
}
