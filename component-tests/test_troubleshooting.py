"""Each message that the program can end with has its entry in docs/troubleshooting.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import ROOT

PAGE = " ".join((ROOT / "docs" / "troubleshooting.md").read_text().split())
#: Macros and functions whose first text is what a person reads.
TELLS = re.compile(r'(?:#\[error\(|bail!\(|anyhow!\(|context\(|with_context\(\|\| format!\(|Err\((?:format!\()?|map_err\(\|\w*\| format!\(|'
                   r'message!\(|=> format!\(|=> \{?\s*)\s*'
                   r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
#: What only goes before the message that counts.
PREFIXES = {
    "cannot use {}", "{file} cannot be taken over", "--gpg-key {}", "cannot read {what}: {error}", "the signature {} is not believed",
    "the location of primary in {}: {}", "could not {doing} in {place}", "{what} is malformed{}: {reason}", "{} answers {status}: {advice}",
    "in {}: expected an XML document in UTF-8: {}",
}
#: What is said of a run that goes well: sentences of reports, and the words of rules.
REPORTS = {"src/report", "src/plan", "src/policy", "src/alarm.rs"}


def source(path: Path) -> str:
    return path.read_text().partition("#[cfg(test)]")[0].partition("#[cfg(all(test")[0]


def messages() -> list[str]:
    files = sorted(file for folder in ("src", "cli/src") for file in (ROOT / folder).rglob("*.rs")
                   if not any(file.is_relative_to(ROOT / report) for report in REPORTS))
    told = {re.sub(r"\\\n\s*", "", text).replace('\\"', '"') for path in files for text in TELLS.findall(source(path))}
    return sorted(text for text in told - PREFIXES if " " in text and len(longest_piece(text)) > 11)


def longest_piece(message: str) -> str:
    """Of a message that which is the same whatever it is about."""
    return max(re.split(r"\{[^}]*\}|\\n", message), key=len).strip(" :;,.([")


@pytest.mark.parametrize("message", messages())
def test_a_message_has_its_entry(message: str) -> None:
    assert longest_piece(message) in PAGE, f"docs/troubleshooting.md has no entry of {message!r}"
