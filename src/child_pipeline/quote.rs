//! Values within the double quotes of a YAML scalar.

use std::fmt;

use askama::filters::Escaper;

/// Escapes what a double-quoted YAML scalar can't hold as it is. JSON's strings are YAML's, but for some
/// characters that YAML wants escaped, the C1 controls among them: <https://yaml.org/spec/1.2.2/#57-escaped-characters>.
#[derive(Debug, Clone, Copy, Default)]
pub struct DoubleQuoted;

impl Escaper for DoubleQuoted {
    fn write_escaped_str<W: fmt::Write>(&self, mut to: W, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_escaped_char(&mut to, c))
    }

    fn write_escaped_char<W: fmt::Write>(&self, mut to: W, c: char) -> fmt::Result {
        match c {
            '"' => to.write_str("\\\""),
            '\\' => to.write_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}'..='\u{2029}' | '\u{feff}' | '\u{fffe}'..='\u{ffff}') => {
                write!(to, "\\u{:04x}", u32::from(c))
            }
            c => to.write_char(c),
        }
    }
}
