//! Text for people: what comes from outside is safe to print, numbers and times are words.
#![allow(clippy::disallowed_methods)] // it reads JSON of our own

use crate::common::time;
use ami_scheduler::text::{
    ago, bare_minute, count, escaped_json, excerpt, hex, minute, named, printable, printable_lines,
};
use jiff::SignedDuration;

#[test]
fn what_moves_a_cursor_or_turns_the_writing_round_is_a_question_mark() {
    for (text, printed) in [
        ("plain, é, ブ, 😀", "plain, é, ブ, 😀"),
        ("\u{1b}[2J", "?[2J"),
        ("a\r\n\tb\0", "a???b?"),
        ("\u{7f}\u{85}\u{9b}", "???"),
        ("\u{61b}\u{61c}\u{61d}", "\u{61b}?\u{61d}"),
        ("\u{200d}\u{200e}\u{200f}\u{2010}", "\u{200d}??\u{2010}"),
        ("\u{2027}\u{2028}\u{202a}\u{202e}\u{202f}", "\u{2027}???\u{202f}"),
        ("\u{2065}\u{2066}\u{2069}\u{206a}", "\u{2065}??\u{206a}"),
        ("\u{fffd}\u{fffe}\u{ffff}", "\u{fffd}??"),
    ] {
        assert_eq!(printable(text), printed, "{text:?}");
    }
    assert_eq!(printable_lines("one\ntwo\r\n\u{202e}three"), "one\ntwo?\n?three");
}

#[test]
fn json_for_a_terminal_means_what_it_meant() {
    let json = serde_json::to_string_pretty(&["\u{1b}", "\u{9b}\u{202e}", "é"]).expect("JSON");
    let escaped = escaped_json(&json);
    assert_eq!(escaped, "[\n  \"\\u001b\",\n  \"\\u009b\\u202e\",\n  \"é\"\n]");
    assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).expect("JSON"), ["\u{1b}", "\u{9b}\u{202e}", "é"]);
}

#[test]
fn of_a_long_text_the_beginning_is_told() {
    for (cut, most) in [(excerpt as fn(&str) -> String, 500), (named, 80)] {
        assert_eq!(cut(""), "");
        assert_eq!(cut(&"é".repeat(most)), "é".repeat(most));
        assert_eq!(cut(&"é".repeat(most + 1)), "é".repeat(most) + "…");
        assert_eq!(cut("a\nb"), "a?b");
    }
}

#[test]
fn a_time_is_told_to_the_minute() {
    let moment = time("2026-11-04T02:03:59Z");
    assert_eq!((minute(moment).as_str(), bare_minute(moment).as_str()), ("2026-11-04 02:03 UTC", "2026-11-04 02:03"));
}

#[test]
fn how_long_ago_something_was_is_told_in_its_largest_unit() {
    let now = time("2026-11-24T02:00:00Z");
    for (seconds, told) in [
        (-60, "just now"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (59 * 60 + 59, "59 minutes ago"),
        (3_600, "1 hour ago"),
        (47 * 3_600 + 3_599, "47 hours ago"),
        (48 * 3_600, "2 days ago"),
        (100 * 86_400, "100 days ago"),
    ] {
        assert_eq!(ago(now - SignedDuration::from_secs(seconds), now), told, "{seconds}");
    }
}

#[test]
fn one_thing_is_singular_and_all_else_is_not() {
    let told = [0_usize, 1, 2, 1_000].map(|number| count(number, "release"));
    assert_eq!(told, ["0 releases", "1 release", "2 releases", "1000 releases"]);
}

#[test]
fn bytes_have_two_digits_each() {
    assert_eq!(hex(&[0, 1, 0x2f, 0xff]), "00012fff");
}
