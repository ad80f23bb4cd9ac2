//! Text for people: what came from outside made safe to print, numbers and times in words.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The most characters of a text from outside that a message repeats.
const EXCERPT: usize = 500;
/// The most characters of a value that a message names.
const NAMED: usize = 80;

/// Text from outside as a part of one line, without what would move a terminal's cursor or turn its
/// writing round.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) { c } else { '?' }).collect()
}

/// Text from outside as one or several lines, made safe as by [`printable`].
pub fn printable_lines(text: &str) -> String {
    text.chars().map(|c| if is_printable(c) || c == '\n' { c } else { '?' }).collect()
}

/// JSON for a terminal. JSON itself escapes the oldest control characters alone; all others are in its
/// strings, too.
pub fn escaped_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if is_printable(c) || c == '\n' {
            text.push(c);
        } else {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        }
        text
    })
}

/// The beginning of a text from outside, for a message: at most 500 characters.
pub fn excerpt(text: &str) -> String {
    printable(&beginning(text, EXCERPT))
}

/// A value from outside, for a message that names it: at most 80 characters.
pub fn named(text: &str) -> String {
    printable(&beginning(text, NAMED))
}

/// As many characters of a text as it may have, and a sign that there were more.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    let mut beginning: String = text.chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        beginning.push('…');
    }
    beginning
}

/// Neither a control character nor one that ends a line or changes its direction, and one that XML may hold.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        && !matches!(character, '\u{fffe}'..='\u{ffff}')
}

/// A time to the minute: `2026-11-24 02:00 UTC`.
pub fn minute(time: Timestamp) -> String {
    format!("{} UTC", bare_minute(time))
}

/// A time to the minute where its place says that it is UTC: `2026-11-24 02:00`.
pub fn bare_minute(time: Timestamp) -> String {
    let time = TimeZone::UTC.to_datetime(time);
    format!("{} {:02}:{:02}", time.date(), time.hour(), time.minute())
}

/// How long ago something was: `3 hours ago`.
pub fn ago(since: Timestamp, now: Timestamp) -> String {
    let (number, unit) = match u64::try_from(now.as_second() - since.as_second()).unwrap_or_default() / 60 {
        0 => return "just now".to_owned(),
        minutes @ 1..60 => (minutes, "minute"),
        minutes @ 60..2880 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{} ago", count(number, unit))
}

/// A number of things: `1 release`, `2 releases`.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
