//! Images that exist already, and the builds that they are of.

use std::collections::BTreeMap;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::images::{self, Candidate, Found, Image, ImageMatcher};
use ami_scheduler::release::{BuildKey, StatedTarget};
use ami_scheduler::tracker::{self, Baked, Document, Ids, Place, Recorded};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::args::{ImageArgs, PlacedFile};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{read, read_file_or_stdin};

/// Images, and what they may be of.
pub struct Adoption {
    pub packages: Packages,
    pub images: Vec<Image>,
    matcher: ImageMatcher,
}

impl Adoption {
    pub fn read(files: &[(PlacedFile, Vec<u8>)], args: &ImageArgs, targets: &[StatedTarget]) -> Result<Self, Failure> {
        let matcher = args.matcher();
        check(&matcher, targets).with_exit(Exit::CommandLine)?;
        let mut images = Vec::new();
        for (PlacedFile { place, file }, json) in files {
            let doing = || format!("{} cannot be taken over", file.display());
            images.extend(images::parse(place, json).with_context(doing)?);
        }
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
        let mut found = images::find(&self.images, &candidates, targets, &self.matcher);
        found.set_untested_aside(document);
        found
    }
}

/// What the files hold.
pub fn read_all(files: &[PlacedFile]) -> anyhow::Result<Vec<(PlacedFile, Vec<u8>)>> {
    files.iter().map(|placed| Ok((placed.clone(), read_file_or_stdin(&placed.file)?))).collect()
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

/// Images of one build in several places, as the tracker keeps them: one image.
pub fn adopted(images: &BTreeMap<&Place, &Image>, now: Timestamp) -> tracker::Image {
    let mut baked = Baked::default();
    for (place, image) in images {
        if let Ok(id) = image.id.parse() {
            baked.ids.add((*place).clone(), id);
        }
    }
    let ids: Vec<&str> = images.values().map(|image| image.id.as_str()).collect();
    let (what, were) = if ids.len() == 1 { ("image", "was") } else { ("images", "were") };
    let reason = format!("the {what} {} {were} there", ids.join(", "));
    // Where nobody says the place, the id is what it always was.
    let notes = images.get(&Place::default()).map(|image| ("AMI_ID".to_owned(), image.id.clone()));
    tracker::Image::adopted(now, baked, notes.into_iter().collect(), reason)
}

/// Records the images of builds that are not recorded as built; which they are, and of how many.
pub fn adopt<'a>(document: &mut Document, found: &'a Found<'a>, now: Timestamp) -> (Vec<(&'a BuildKey, Ids)>, usize) {
    let mut new = Vec::new();
    for (build, images) in &found.images {
        let image = adopted(images, now);
        let ids = image.ids.clone();
        if document.import_image(build, image, now) == Recorded::Changed {
            new.push((build, ids));
        }
    }
    (new, found.images.len())
}

/// Says which images count for nothing.
pub fn tell_untested(found: &Found<'_>) {
    for (build, image) in &found.untested {
        output!("  not tested, or failed in its test  {} {}  {}", build.package, build.target, image.id);
    }
}
