//! dnf's variables: `$releasever`, `${basearch}`, `${name:-default}`, `${name:+alternate}`.
//!
//! The rules are those of dnf5 (`Vars::substitute` of libdnf5).

use std::collections::BTreeMap;

use crate::redacted::split_credentials;
use crate::text::named;

/// How deep defaults and alternates can lie in one another, as in dnf.
const MAX_DEPTH: usize = 32;

/// The values of variables.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl FromIterator<(String, String)> for Variables {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A variable is left in a text that is to be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// Nobody gave it a value.
    #[error("the variable ${0} has no value: give it one by --repo-var {0}=… (input repo_vars), or write it out")]
    NoValue(String),
    /// `${` that is not ended, or goes on otherwise than variables do.
    #[error("a ${{ in it begins no variable: expected ${{name}}, ${{name:-default}} or ${{name:+alternate}}")]
    NoVariable,
}

/// A text with the values of its variables, and the first variable that is left in it.
struct Expanded {
    text: String,
    left: Option<VariableError>,
}

impl Variables {
    /// Whether a text can be the name of a variable.
    pub fn is_name(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(is_of_name)
    }

    /// A text with the values of its variables. Those without a value stay as they are, and a `\` takes away what the
    /// next character means.
    pub fn expand(&self, text: &str) -> String {
        self.expanded(text).text
    }

    /// A URL with the values of its variables. One that is left is an error, unless it is a part of user or password.
    pub fn expand_url(&self, url: &str) -> Result<String, VariableError> {
        if !url.contains('$') {
            return Ok(url.to_owned());
        }
        let (credentials, rest) = split_credentials(url);
        let Expanded { text, left } = self.expanded(rest);
        left.map_or_else(|| Ok(self.expand(credentials) + &text), Err)
    }

    fn value(&self, name: &str) -> Option<&str> {
        let given = |name: &str| self.0.get(name).map(String::as_str);
        let major_and_minor = || given("releasever")?.split_once('.');
        given(name).or_else(|| match name {
            "releasever_major" => major_and_minor().map(|(major, _)| major).or_else(|| given("releasever")),
            "releasever_minor" => major_and_minor().map(|(_, minor)| minor).filter(|minor| !minor.is_empty()),
            _ => None,
        })
    }

    fn expanded(&self, text: &str) -> Expanded {
        let mut expanded = Expanded { text: String::with_capacity(text.len()), left: None };
        // Nothing ends the whole before its own end.
        let _ = self.expand_into(&mut expanded, text, 0);
        expanded
    }

    /// Expands a text, or below the top what stands before the `}` that ends it. Returns where that is; `None` where
    /// there is none.
    fn expand_into(&self, expanded: &mut Expanded, text: &str, depth: usize) -> Option<usize> {
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let rest = &text[at..];
            match next {
                '}' if depth > 0 => return Some(at),
                '\\' if rest.len() > 1 => {
                    let length = rest[1..].chars().next().map_or(0, char::len_utf8);
                    expanded.text.push_str(&rest[1..=length]);
                    at += 1 + length;
                }
                '$' => {
                    let Some(length) = self.variable(expanded, rest, depth) else {
                        expanded.left.get_or_insert(VariableError::NoVariable);
                        expanded.text.push_str(rest);
                        return None;
                    };
                    at += length;
                }
                other => {
                    expanded.text.push(other);
                    at += other.len_utf8();
                }
            }
        }
        None
    }

    /// Expands the variable that a text begins with. Returns how long it is there; `None` where it does not end.
    fn variable(&self, expanded: &mut Expanded, text: &str, depth: usize) -> Option<usize> {
        let has_braces = text[1..].starts_with('{');
        let start = if has_braces { 2 } else { 1 };
        let end = start + text.bytes().skip(start).take_while(|byte| is_of_name(*byte)).count();
        let name = &text[start..end];
        let value = self.value(name);
        let mut stays = |length: usize, left: Option<VariableError>| {
            expanded.text.push_str(&text[..length]);
            expanded.left = expanded.left.take().or(left);
            Some(length)
        };
        let no_value = || Some(VariableError::NoValue(named(name)));
        if !has_braces {
            return match value {
                Some(value) => {
                    expanded.text.push_str(value);
                    Some(end)
                }
                None => stays(end, no_value().filter(|_| !name.is_empty())),
            };
        }
        match (&text.as_bytes()[end..], value) {
            ([b'}', ..], Some(value)) => {
                expanded.text.push_str(value);
                Some(end + 1)
            }
            ([b'}', ..], None) => stays(end + 1, no_value()),
            ([b':', mode, _, ..], value) if depth < MAX_DEPTH => {
                let mut word = Expanded { text: String::new(), left: None };
                let start = end + 1 + text[end + 1..].chars().next().map_or(0, char::len_utf8);
                let length = self.expand_into(&mut word, &text[start..], depth + 1)?;
                let value = value.filter(|value| !value.is_empty());
                let chosen = match (mode, value) {
                    (b'-', Some(value)) => Expanded { text: value.to_owned(), left: None },
                    (b'+', None) => Expanded { text: String::new(), left: None },
                    (b'-' | b'+', _) => word,
                    _ => return stays(end + 1, Some(VariableError::NoVariable)),
                };
                expanded.text.push_str(&chosen.text);
                expanded.left = expanded.left.take().or(chosen.left);
                Some(start + length + 1)
            }
            ([] | [b':', ..], _) => None,
            _ => stays(end, Some(VariableError::NoVariable)),
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        [("releasever", "9.4"), ("basearch", "x86_64"), ("empty", ""), ("dollar", "$basearch}")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    #[test]
    fn a_variable_has_its_value_or_stays() {
        for (text, expanded) in [
            ("el/$releasever/$basearch/", "el/9.4/x86_64/"),
            ("el${releasever}x", "el9.4x"),
            ("$releasever_major and ${releasever_minor}", "9 and 4"),
            ("$releaseverx $unknown ${unknown}", "$releaseverx $unknown ${unknown}"),
            ("${unknown:-8}-${empty:-8}-${releasever:-8}", "8-8-9.4"),
            ("[${unknown:+x}][${empty:+x}][${releasever:+x}]", "[][][x]"),
            ("${unknown:-${basearch}-${empty:-a}}", "x86_64-a"),
            ("${unknown:-}${releasever:+}", ""),
            (r"\$releasever \\ \x", r"$releasever \ x"),
            (r"${unknown:-a\}b}", "a}b"),
            ("$ $- ${} a}b", "$ $- ${} a}b"),
            ("$dollar", "$basearch}"),
            ("${dollar:+$basearch}", "x86_64"),
            ("${releasever", "${releasever"),
            ("${releasever:-", "${releasever:-"),
            ("${unknown:-$basearch", "${unknown:-$basearch"),
            ("${releasever:=x} $basearch", "${releasever:=x} x86_64"),
            ("${releasever:é} $basearch", "${releasever:é} x86_64"),
            ("${releasever-x} $basearch", "${releasever-x} x86_64"),
            ("x\\", "x\\"),
            ("é$basearch", "éx86_64"),
            ("$", "$"),
        ] {
            assert_eq!(variables().expand(text), expanded, "{text}");
        }
    }

    #[test]
    fn a_release_of_one_part_has_no_minor_one() {
        let variables: Variables = [("releasever".to_owned(), "9".to_owned())].into_iter().collect();
        assert_eq!(variables.expand("$releasever_major $releasever_minor"), "9 $releasever_minor");
        assert_eq!(Variables::default().expand("$releasever_major"), "$releasever_major");
    }

    #[test]
    fn a_variable_without_a_value_is_left_in_no_url() {
        let no_value = |name: &str| Err(VariableError::NoValue(name.to_owned()));
        for (url, expanded) in [
            ("https://yum.example.com/$releasever/", Ok("https://yum.example.com/9.4/")),
            ("https://$unknown.example.com/", no_value("unknown")),
            ("https://yum.example.com/${unknown}/$other", no_value("unknown")),
            ("https://yum.example.com/${unknown:-$other}", no_value("other")),
            ("https://yum.example.com/${releasever:-$other}", Ok("https://yum.example.com/9.4")),
            ("https://yum.example.com/${releasever", Err(VariableError::NoVariable)),
            ("https://yum.example.com/${unknown:-a", Err(VariableError::NoVariable)),
            ("https://yum.example.com/${releasever-x}", Err(VariableError::NoVariable)),
            (r"https://yum.example.com/\$x/$/", Ok("https://yum.example.com/$x/$/")),
            (r"https://us3r:1\2@yum.example.com/", Ok(r"https://us3r:1\2@yum.example.com/")),
            ("https://us3r:p$s@yum.example.com/$basearch", Ok("https://us3r:p$s@yum.example.com/x86_64")),
            ("https://$basearch:p@yum.example.com/", Ok("https://x86_64:p@yum.example.com/")),
            ("https://yum.example.com/@group/$unknown/", no_value("unknown")),
        ] {
            assert_eq!(variables().expand_url(url), expanded.map(str::to_owned), "{url}");
        }
    }

    #[test]
    fn defaults_lie_in_one_another_as_deep_as_in_dnf() {
        let nested = |depth: usize| format!("{}x{}", "${unknown:-".repeat(depth), "}".repeat(depth));
        assert_eq!(variables().expand(&nested(MAX_DEPTH)), "x");
        assert_eq!(variables().expand(&nested(MAX_DEPTH + 1)), nested(MAX_DEPTH + 1));
    }
}
