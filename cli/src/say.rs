//! What is said to people. Where nobody listens any more (`… | head`), that is no reason to end
//! otherwise: what was to be done is done.

pub(crate) use ami_scheduler::text::printable_lines;

/// A line on stdout.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::say::printable_lines(&format!($($text)*)));
    }};
}

/// A line on stderr.
macro_rules! say_aside {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::say::printable_lines(&format!($($text)*)));
    }};
}
