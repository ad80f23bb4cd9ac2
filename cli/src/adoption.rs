//! Images that exist already, and the builds that they are of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::images::{self, Adopted, Candidate, Found, Image, ImageMatcher, ImagesError};
use ami_scheduler::plan::Rules;
use ami_scheduler::release::{BuildKey, Nevra, StatedTarget};
use ami_scheduler::tracker::Document;
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use crate::args::{MatcherArgs, PlacedFile};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{read, read_file_or_stdin};

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
            let of_place = images::parse(place, json).with_context(doing)?;
            if of_place.is_empty() {
                return Err(ImagesError::None).with_context(doing)?;
            }
            images.extend(of_place);
        }
        Ok(Self { images, matcher })
    }

    /// The images that the files of a folder tell, each of a region, which may have none.
    fn of_folder(folder: &Path, args: &MatcherArgs, targets: &[StatedTarget]) -> Result<Self, Failure> {
        let matcher = args.matcher();
        check(&matcher, targets).with_exit(Exit::CommandLine)?;
        let mut images = Vec::new();
        for PlacedFile { place, file } in files_in(folder)? {
            let doing = || format!("{} does not tell which images there are", file.display());
            let of_place = images::parse(&place, &read(&file)?).with_context(doing)?;
            if of_place.is_empty() {
                message!("There is no image in {place} yet.");
            }
            images.extend(of_place);
        }
        Ok(Self { images, matcher })
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
        found.heed(document);
        found
    }
}

/// The files of a folder, each of the place that it is named after: `us-east-1.json`.
fn files_in(folder: &Path) -> anyhow::Result<Vec<PlacedFile>> {
    let doing = || {
        format!(
            "cannot read the folder {}: in a job it is that of .ami-scheduler among the artifacts of images_job",
            folder.display()
        )
    };
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
    if !templates.iter().any(|template| template.contains("{package}") || template.contains("{version}")) {
        bail!(
            "neither --image-name nor --image-tag has a {{version}} or {{package}}: they do not say of which release an image is"
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

/// Where the images are told that there are already, and how they say of which build they are.
#[derive(Clone, Copy)]
pub struct Adopts<'a> {
    pub folder: &'a Path,
    pub matcher: &'a MatcherArgs,
}

impl Adopts<'_> {
    /// Records what a run would build and there is an image of; returns what is told of it.
    pub fn adopt(
        self,
        packages: &Packages,
        rules: &Rules,
        document: &mut Document,
        targets: &[StatedTarget],
        now: Timestamp,
    ) -> Result<Vec<String>, Failure> {
        let adoption = Adoption::of_folder(self.folder, self.matcher, targets)?;
        let found = adoption.find(packages, document, targets);
        let offered: BTreeSet<&Nevra> = packages.packages.iter().map(|package| &package.nevra).collect();
        let is_wanted = |package: &Nevra| offered.contains(package) && rules.exclusion_of(package).is_none();
        let adopted = images::adopt_untried(document, &found, is_wanted, now);
        let is_any_known = !found.images.is_empty() || !found.untested.is_empty() || !found.revoked.is_empty();
        let unknown = (!is_any_known && !adoption.images.is_empty()).then(|| none_is_known(self.matcher));
        let new = adopted.new.iter().map(|(BuildKey { package, target }, ids)| {
            format!("Counts as built, since there is an image of it: {package} {target}  {ids}")
        });
        let tried = adopted.tried.iter().map(|(BuildKey { package, target }, ids)| {
            format!(
                "There is an image, and its build was tried or asked for and is not done: {package} {target}  {ids}. \
                 `reconcile --apply adopt` records it"
            )
        });
        Ok(unknown.into_iter().chain(set_aside(&found)).chain(new).chain(grown(&adopted)).chain(tried).collect())
    }
}

/// What is said where no image is of a release that is known, by the options that tell them apart.
pub fn none_is_known(matcher: &MatcherArgs) -> String {
    format!(
        "None of them is told by {}: are these the images of the right account and region, and is that how they are told \
         apart?",
        matcher.in_words()
    )
}

/// What is said of the builds whose image is in more places than before.
pub fn grown(adopted: &Adopted) -> impl Iterator<Item = String> {
    adopted.grown.iter().map(|(BuildKey { package, target }, ids)| {
        format!("Its image is in more places now: {package} {target}  {ids}")
    })
}

/// What is said of the images that count for nothing.
pub fn set_aside(found: &Found<'_>) -> impl Iterator<Item = String> {
    let untested = found.untested.iter().map(|of_build| ("not tested, or failed in its test", of_build));
    let revoked = found.revoked.iter().map(|of_build| ("revoked", of_build));
    untested
        .chain(revoked)
        .map(|(what, (BuildKey { package, target }, image))| format!("  {what}  {package} {target}  {}", image.id))
}
