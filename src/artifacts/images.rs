//! `images.json`: the images to use, for programs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::images::Current;
use crate::release::Target;
use crate::tracker::{Document, ImageId, Notes, Place};

const IMAGES_FORMAT: &str = "ami-scheduler/images/1";

/// `images.json`: the current images of all targets and series.
#[derive(Debug, Serialize)]
pub struct Images<'a> {
    format: &'static str,
    images: Vec<ImageRow<'a>>,
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
    recorded: Timestamp,
    claim: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_url: Option<&'a String>,
    notes: &'a Notes,
}

impl<'a> Images<'a> {
    /// The images of some trackers.
    pub fn new(current: &'a [(&'a Document, Vec<Current<'a>>)]) -> Self {
        let rows =
            current.iter().flat_map(|(document, images)| images.iter().map(|image| ImageRow::new(document, image)));
        Self { format: IMAGES_FORMAT, images: rows.collect() }
    }
}

impl<'a> ImageRow<'a> {
    fn new(document: &'a Document, current: &'a Current<'a>) -> Self {
        let Current { target, series, package, key, image } = current;
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
            recorded: image.recorded,
            claim: key.claim.to_string(),
            job_url: image.job_url.as_ref(),
            notes: &image.notes,
        }
    }
}
