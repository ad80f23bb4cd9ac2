//! The images to use, as a table.

use jiff::Timestamp;

use super::table::columns;
use crate::images::Current;
use crate::plan::gone_since;
use crate::text::{ago, printable};
use crate::tracker::{ChannelName, Document, Image, Place, placed};

const HEADINGS: [&str; 5] = ["TARGET", "SERIES", "RELEASE", "RECORDED", "IMAGE"];

/// The images to use of a tracker, or of a channel: their ids that count, in one place or in all, and what their builds
/// reported.
pub fn images(
    document: &Document,
    channel: Option<&ChannelName>,
    images: &[Current<'_>],
    place: Option<&Place>,
    now: Timestamp,
) -> String {
    let channel = channel.map(|channel| format!(", channel {channel}")).unwrap_or_default();
    let mut text = format!("{} on {}{channel}:", document.product(), printable(document.reference()));
    if images.is_empty() {
        return text + " no image\n";
    }
    let rows: Vec<[String; 5]> = images
        .iter()
        .map(|Current { target, series, package, image, revocation, missing_since, .. }| {
            let revoked = revocation.map(|revocation| format!("REVOKED: {}", revocation.in_words()));
            let withdrawn = missing_since.map(|since| format!("WITHDRAWN: {}", gone_since(since)));
            let marks = revoked.into_iter().chain(withdrawn);
            let facts = marks.chain(ids(image, place)).chain(notes(image)).collect::<Vec<_>>();
            let facts = printable(&facts.join("  "));
            let release = format!("{}.{}", package.evr(), package.arch());
            [target.to_string(), series.clone(), release, ago(image.recorded, now), facts]
        })
        .collect();
    text.push('\n');
    text + &columns(HEADINGS, &rows)
}

fn ids<'a>(image: &'a Image, only: Option<&'a Place>) -> impl Iterator<Item = String> {
    let wanted = image.ids.counting().filter(move |(place, _)| only.is_none_or(|only| only == *place));
    wanted.map(|(place, id)| placed(place, id))
}

/// The notes that say more than an id of the image.
fn notes(image: &Image) -> impl Iterator<Item = String> {
    let is_id = |value: &str| image.ids.iter().any(|(_, id)| id.as_str() == value);
    image.notes.iter().filter(move |(_, value)| !is_id(value)).map(|(name, value)| format!("{name}={value}"))
}
