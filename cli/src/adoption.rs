//! Images that exist already, and the builds that they are of.

use std::collections::BTreeMap;

use std::fs;
use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::images::{self, Candidate, Found, Image, ImageMatcher};
use ami_scheduler::release::{BuildKey, StatedTarget};
use ami_scheduler::tracker::{self, Baked, Document, Ids, Place, Recorded, State};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::args::{MatcherArgs, PlacedFile};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read_file_or_stdin;

/// Images, and how they say which build they are of.
pub struct Adoption {
    pub images: Vec<Image>,
    matcher: ImageMatcher,
}

impl Adoption {
    pub fn read(
        files: &[(PlacedFile, Vec<u8>)],
        args: &MatcherArgs,
        targets: &[StatedTarget],
    ) -> Result<Self, Failure> {
        let matcher = args.matcher();
        check(&matcher, targets).with_exit(Exit::CommandLine)?;
        let mut images = Vec::new();
        for (PlacedFile { place, file }, json) in files {
            let doing = || format!("{} cannot be taken over", file.display());
            images.extend(images::parse(place, json).with_context(doing)?);
        }
        Ok(Self { images, matcher })
    }

    /// The images that the files of a folder tell, each of a region.
    pub fn of_folder(folder: &Path, args: &MatcherArgs, targets: &[StatedTarget]) -> Result<Self, Failure> {
        Self::read(&read_all(&files_in(folder)?)?, args, targets)
    }

    /// Records the images of builds that nobody has tried: what an attempt that failed has left is for a person to judge.
    pub fn adopt_untried(
        &self,
        packages: &Packages,
        document: &mut Document,
        targets: &[StatedTarget],
        now: Timestamp,
    ) -> Adopted {
        let found = self.find(packages, document, targets);
        let mut adopted = Adopted { is_any_known: !found.images.is_empty(), ..Adopted::default() };
        for (build, images) in &found.images {
            let image = adopted_image(images, now);
            let ids = image.ids.clone();
            let is_built = document.get(build).is_some_and(|entry| entry.state == State::Built);
            if !is_built && !document.is_untried(build) {
                adopted.tried.push((build.clone(), ids));
            } else if document.import_image(build, image, now) == Recorded::Changed {
                adopted.new.push((build.clone(), ids));
            }
        }
        adopted
    }

    /// Which builds the images are of, among the releases in the repository and in the tracker.
    pub fn find(&self, packages: &Packages, document: &Document, targets: &[StatedTarget]) -> Found<'_> {
        let listed = packages.packages.iter();
        let listed = listed.map(|one| Candidate { package: one.nevra.clone(), built_at: one.built_at });
        let filtered = packages.filtered.iter().map(|row| &row.package);
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

/// What became of images that are there.
#[derive(Debug, Default)]
pub struct Adopted {
    /// The builds that are recorded by them.
    pub new: Vec<(BuildKey, Ids)>,
    /// The builds that were tried, or asked for, and are not done: they stay so.
    pub tried: Vec<(BuildKey, Ids)>,
    /// Whether any of them is of a release that is known.
    pub is_any_known: bool,
}

/// The files of a folder, each of the place that it is named after: `us-east-1.json`.
pub fn files_in(folder: &Path) -> anyhow::Result<Vec<PlacedFile>> {
    let doing = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(doing)? {
        let file = entry.with_context(doing)?.path();
        if file.extension().is_some_and(|extension| extension == "json") {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            let place = name.parse().with_context(|| format!("{} is named after no region", file.display()))?;
            files.push(PlacedFile { place, file });
        }
    }
    files.sort_by(|a, b| a.file.cmp(&b.file));
    if files.is_empty() {
        bail!(
            "there is no file in {}: expected one for each region, such as us-east-1.json, with the JSON of `aws ec2 describe-images`",
            folder.display()
        );
    }
    Ok(files)
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
pub fn adopted_image(images: &BTreeMap<&Place, &Image>, now: Timestamp) -> tracker::Image {
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
        let image = adopted_image(images, now);
        let ids = image.ids.clone();
        if document.import_image(build, image, now) == Recorded::Changed {
            new.push((build, ids));
        }
    }
    (new, found.images.len())
}

/// Says that no image is of a release that is known, by the options that tell them apart.
pub fn tell_that_none_is_known(matcher: &MatcherArgs) {
    output!(
        "None of them is told by {}: are these the images of the right account and region, and is that how they are told \
         apart?",
        matcher.in_words()
    );
}

/// Says which images count for nothing.
pub fn tell_untested(found: &Found<'_>) {
    for (build, image) in &found.untested {
        output!("  not tested, or failed in its test  {} {}  {}", build.package, build.target, image.id);
    }
}
