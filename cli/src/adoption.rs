//! Images that exist already, and the builds that they are of.

use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::images::{self, Candidate, Found, Image, ImageMatcher};
use ami_scheduler::release::StatedTarget;
use ami_scheduler::tracker::{self, Baked, Document, Notes, Place, Recorded};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::args::ImageArgs;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read;

/// Images, and what they may be of.
pub struct Adoption {
    pub packages: Packages,
    pub images: Vec<Image>,
    matcher: ImageMatcher,
}

impl Adoption {
    pub fn read(file: &Path, json: &[u8], args: &ImageArgs, targets: &[StatedTarget]) -> Result<Self, Failure> {
        let matcher = args.matcher();
        check(&matcher, targets).with_exit(Exit::CommandLine)?;
        let images = images::parse(json).with_context(|| format!("{} cannot be taken over", file.display()))?;
        let packages = read(&args.packages).context("--packages has to name the file that list wrote")?;
        let packages =
            Packages::from_json(&packages).with_context(|| format!("cannot use {}", args.packages.display()))?;
        Ok(Self { packages, images, matcher })
    }

    /// Which builds the images are of, among the releases in the repository and in the tracker.
    pub fn find(&self, document: &Document, targets: &[StatedTarget]) -> Found<'_> {
        let listed = self.packages.packages.iter();
        let listed = listed.map(|one| Candidate { package: one.nevra.clone(), built_at: one.built_at });
        let filtered = self.packages.filtered.iter().map(|row| &row.package);
        let known = filtered.chain(document.entries().map(|(package, _, _)| package));
        let known = known.map(|package| Candidate { package: package.clone(), built_at: None });
        let mut candidates: Vec<Candidate> = listed.chain(known).collect();
        candidates.sort_by(|a, b| a.package.cmp(&b.package)); // stable: what has a build time stays first
        candidates.dedup_by(|a, b| a.package == b.package);
        images::find(&self.images, &candidates, targets, &self.matcher)
    }
}

fn check(matcher: &ImageMatcher, targets: &[StatedTarget]) -> anyhow::Result<()> {
    let templates: Vec<String> =
        matcher.name.iter().chain(matcher.tags.iter().map(|(_, template)| template)).map(ToString::to_string).collect();
    if templates.is_empty() {
        bail!(
            "say how images are told apart: --image-name '{{product}}-{{version}}-{{target}}-*', or --image-tag Package={{package}} --image-tag Target={{target}}"
        );
    }
    if targets.is_empty() {
        bail!("--targets is empty; name what these images were built on, such as --targets al2023");
    }
    if targets.len() > 1 && !templates.iter().any(|template| template.contains("{target}")) {
        bail!("neither --image-name nor --image-tag has a {{target}}: images of several targets cannot be told apart");
    }
    Ok(())
}

/// An image as the tracker keeps it. Which region it is in, the list does not say.
pub fn adopted(image: &Image, now: Timestamp) -> tracker::Image {
    let mut baked = Baked::default();
    if let Ok(id) = image.id.parse() {
        baked.ids.add(Place::default(), id);
    }
    let notes = Notes::from([("AMI_ID".to_owned(), image.id.clone())]);
    tracker::Image::adopted(now, baked, notes, format!("the image {} was there", image.id))
}

/// Records the images of builds that are not recorded as built; how many, and of how many.
pub fn adopt(document: &mut Document, found: &Found<'_>, now: Timestamp) -> (usize, usize) {
    let adopted = found
        .images
        .iter()
        .filter(|(build, image)| document.import_image(build, adopted(image, now), now) == Recorded::Changed);
    (adopted.count(), found.images.len())
}
