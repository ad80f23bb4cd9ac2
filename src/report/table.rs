//! A tracker as a table for terminals, oldest release first: the newest is beside the prompt.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::status::{more, summary};
use super::told::Told;
use crate::text::{bare_minute, printable};
use crate::tracker::{Document, Standing, Tone};

const HEADINGS: [&str; 6] = ["PACKAGE", "TARGET", "STATE", "SINCE (UTC)", "ATTEMPTS", "MORE"];
const STATE: usize = 2;
const MORE: usize = 5;
/// The fewest characters that are left of the last column, however narrow the terminal.
const LEAST_OF_MORE: usize = 12;

/// The table, in colours where they are wanted. Without them it is plain text. Times are UTC.
///
/// A claim that was made before `lapsed_before` has lapsed.
/// Where a `width` in columns is given, the last cell of a row is shortened to fit, and ends in `…` then.
pub fn status(document: &Document, lapsed_before: Timestamp, colours: bool, width: Option<usize>) -> String {
    let painted = |style: Style, text: &str| if colours { format!("{style}{text}{style:#}") } else { text.to_owned() };
    let bold = Style::new().bold();
    let heading = format!("{} on {}", document.product(), printable(document.reference()));
    let mut text = format!("{}: {}\n", painted(bold, &heading), summary(document, lapsed_before));
    let rows: Vec<([String; 6], Style)> = document
        .entries()
        .map(|(package, target, entry)| {
            let standing = Standing::of(entry, lapsed_before);
            let attempts = if entry.attempts() == 0 { String::new() } else { entry.attempts().to_string() };
            let cells = [
                package.to_string(),
                target.to_string(),
                standing.word().to_owned(),
                bare_minute(entry.since),
                attempts,
                more(entry, &Told::of(document, package, target)),
            ];
            (cells, style(standing))
        })
        .collect();
    let headings = (HEADINGS.map(str::to_owned), bold);
    let widths = widths(rows.iter().chain([&headings]).map(|(row, _)| row));
    let taken: usize = widths[..MORE].iter().map(|width| width + 2).sum();
    let room = width.map(|width| width.saturating_sub(taken).max(LEAST_OF_MORE));
    for (number, (row, style)) in [&headings].into_iter().chain(&rows).enumerate() {
        let mut line = String::new();
        let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or_default();
        for (column, cell) in row.iter().enumerate().take(last + 1) {
            let is_painted = number == 0 || column == STATE;
            let cell = if column == MORE { &within(cell, room) } else { cell };
            line.push_str(&if is_painted { painted(*style, cell) } else { cell.clone() });
            if column < last {
                let _ = write!(line, "{:1$}", "", widths[column] - cell.chars().count() + 2);
            }
        }
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The characters of the widest cell of each column.
fn widths<'a, const N: usize>(rows: impl Iterator<Item = &'a [String; N]>) -> [usize; N] {
    rows.fold([0; N], |widths, row| std::array::from_fn(|column| widths[column].max(row[column].chars().count())))
}

/// Rows in columns, below their headings; nothing where there are no rows.
pub(super) fn columns<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let all = || (!rows.is_empty()).then_some(&headings).into_iter().chain(rows);
    let widths = widths(all());
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    all().map(line).collect()
}

/// A text of at most so many characters.
fn within(text: &str, room: Option<usize>) -> String {
    match room {
        Some(room) if text.chars().count() > room => {
            let kept: String = text.chars().take(room.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
        _ => text.to_owned(),
    }
}

fn style(standing: Standing) -> Style {
    match standing.tone() {
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Busy => AnsiColor::Yellow.on_default(),
        Tone::Waiting => AnsiColor::Cyan.on_default(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Quiet => Style::new().dimmed(),
    }
}
