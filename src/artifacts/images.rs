//! `images.json`: the images to use, for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::images::{Current, in_channel};
use crate::release::Target;
use crate::text::escaped_json;
use crate::tracker::{ChannelName, Document, Ids, ImageId, Ingredients, Notes, Place, Revocation, placed};

const IMAGES_FORMAT: &str = "ami-scheduler/images/1";

/// `images.json`: the current images of all targets and series, and those that channels point to.
#[derive(Debug, Serialize)]
pub struct Images<'a> {
    format: &'static str,
    images: Vec<ImageRow<'a>>,
    /// What each channel points to.
    channels: BTreeMap<&'a ChannelName, Vec<ImageRow<'a>>>,
}

/// A current image.
#[derive(Debug, Serialize)]
pub struct ImageRow<'a> {
    product: &'a str,
    #[serde(rename = "ref")]
    reference: &'a str,
    target: &'a Target,
    arch: &'a str,
    series: String,
    version: &'a str,
    release: &'a str,
    package: String,
    /// The id in each place that has one alone.
    ids: BTreeMap<&'a Place, &'a ImageId>,
    bases: Vec<&'a ImageId>,
    /// What it is made of besides the package, as its claim had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingredients: Option<&'a Ingredients>,
    recorded: Timestamp,
    claim: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_url: Option<&'a String>,
    notes: &'a Notes,
    /// Why it is not to be used, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    /// Since when the repositories do not offer the release, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<Timestamp>,
}

impl<'a> Images<'a> {
    /// The images of some trackers, and those that channels point to, as far as they are wanted.
    pub fn new(current: &'a [(&'a Document, Vec<Current<'a>>)], is_wanted: impl Fn(&Current<'_>) -> bool) -> Self {
        let rows =
            current.iter().flat_map(|(document, images)| images.iter().map(|image| ImageRow::new(document, image)));
        let mut channels: BTreeMap<&ChannelName, Vec<ImageRow<'_>>> = BTreeMap::new();
        for (document, _) in current {
            for name in document.channels().names() {
                let pointed = in_channel(document, name, None, |_| true);
                let wanted = pointed.iter().filter(|image| is_wanted(image));
                channels.entry(name).or_default().extend(wanted.map(|image| ImageRow::new(document, image)));
            }
        }
        Self { format: IMAGES_FORMAT, images: rows.collect(), channels }
    }

    /// The text of it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(escaped_json(&serde_json::to_string_pretty(self)?) + "\n")
    }
}

impl<'a> ImageRow<'a> {
    fn new(document: &'a Document, current: &Current<'a>) -> Self {
        let Current { target, series, package, key, image, revocation, missing_since } = current;
        Self {
            product: document.product(),
            reference: document.reference(),
            target,
            arch: package.arch(),
            series: series.clone(),
            version: &package.evr().version,
            release: &package.evr().release,
            package: package.to_string(),
            ids: image.ids.counting().collect(),
            bases: image.bases.iter().collect(),
            ingredients: document.ingredients(package, target, &key.claim),
            recorded: image.recorded,
            claim: key.claim.to_string(),
            job_url: image.job_url.as_ref(),
            notes: &image.notes,
            revoked: revocation.map(Revocation::in_words),
            withdrawn: *missing_since,
        }
    }
}

/// The most places of which each has a variable of its own: GitLab takes 20 or 50 in a report, as it was installed.
const MAX_PLACES: usize = 15;

/// The ids of an image as variables, for a dotenv report: all in `AMI_IDS`, each in `AMI_ID_` and its place unless there are
/// more than fifteen, and in `AMI_ID` the one of an image that has no other. Places with several ids have none here.
pub fn variables(ids: &Ids) -> String {
    let counting: Vec<(&Place, &ImageId)> = ids.counting().collect();
    let word = |place: &Place| -> String {
        let upper = place.as_str().to_ascii_uppercase();
        upper.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    let all: Vec<String> = counting.iter().map(|(place, id)| placed(place, id)).collect();
    let mut text = format!("AMI_IDS={}\n", all.join(","));
    let of_places = counting.iter().filter(|(place, _)| !place.is_none());
    for (place, id) in of_places.take(if counting.len() > MAX_PLACES { 0 } else { MAX_PLACES }) {
        let _ = writeln!(text, "AMI_ID_{}={}", word(place), id.as_str());
    }
    if let [(_, id)] = counting.as_slice() {
        let _ = writeln!(text, "AMI_ID={}", id.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::placed_id;

    #[test]
    fn the_ids_of_an_image_are_variables() {
        let mut ids = Ids::default();
        let add = |ids: &mut Ids, text: &str| {
            let (place, id) = placed_id(text).expect("an id with its place");
            ids.add(place, id);
        };
        add(&mut ids, "us-east-1=ami-1");
        assert_eq!(variables(&ids), "AMI_IDS=us-east-1=ami-1\nAMI_ID_US_EAST_1=ami-1\nAMI_ID=ami-1\n");
        add(&mut ids, "eu-west-1=ami-2");
        assert_eq!(
            variables(&ids),
            "AMI_IDS=eu-west-1=ami-2,us-east-1=ami-1\nAMI_ID_EU_WEST_1=ami-2\nAMI_ID_US_EAST_1=ami-1\n"
        );
    }
}
