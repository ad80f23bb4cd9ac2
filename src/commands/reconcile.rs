use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::images::{self, Candidate, Found, Image, Marks};
use ami_scheduler::tracker::{Document, Notes, Recorded, Target};
use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::{Connect, change_tracker, read};
use crate::cli::{Apply, ImageArgs, Reconcile};
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: Reconcile, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let json = super::import::read_file_or_stdin(&args.file)?;
    let adoption = Adoption::read(&args.file, &json, args.images, &args.targets.0)?;
    let product = &adoption.packages.product;
    let adopts = args.apply.0.contains(&Apply::Adopt);
    let rebuilds = args.apply.0.contains(&Apply::Rebuild);
    let (not_recorded, without_image) = change_tracker(&args.tracker, product, connect, |document, _| {
        let found = adoption.find(document, &args.targets.0);
        let disagreements = images::compare(document, &adoption.images, &found, &args.targets.0);
        say!(
            "{product} on {}: images: {}, of a known release: {}",
            args.tracker.reference,
            adoption.images.len(),
            adoption.images.len() - found.unknown.len()
        );
        for (build, image) in &disagreements.not_recorded {
            say!("  not in the tracker  {} {}  {} {:?}", build.package, build.target, image.id, image.name);
            if adopts {
                document.adopt_image(build, &notes(image), &reason(image), now);
            }
        }
        for build in &disagreements.without_image {
            say!("  without an image    {} {}", build.package, build.target);
            if rebuilds {
                document.forget(&build.package, std::slice::from_ref(&build.target), "its image is gone", None, now);
            }
        }
        Ok((disagreements.not_recorded.len(), disagreements.without_image.len()))
    })?;
    if not_recorded + without_image == 0 {
        say!("The tracker and the images agree.");
    }
    if adopts {
        say!("Recorded as built: {not_recorded}");
    }
    if rebuilds {
        say!("Will be built again: {without_image}");
    }
    if not_recorded + without_image > 0 && !adopts && !rebuilds {
        say!(
            "Nothing was changed: --apply adopt records the former as built, --apply rebuild builds the latter again."
        );
    }
    Ok(())
}

/// Images, and what they may be of.
pub(super) struct Adoption {
    pub packages: Packages,
    images: Vec<Image>,
    marks: Marks,
}

impl Adoption {
    pub fn read(file: &Path, json: &[u8], args: ImageArgs, targets: &[Target]) -> Result<Self, Failure> {
        let marks = Marks {
            name: args.image_name,
            tags: args.image_tag.into_iter().map(|mark| (mark.key, mark.value)).collect(),
        };
        check(&marks, targets).or_exit(Exit::CommandLine)?;
        let images = images::parse(json).with_context(|| format!("{} cannot be taken over", file.display()))?;
        let packages = read(&args.packages).context("--packages has to name the file that list wrote")?;
        let packages =
            Packages::from_json(&packages).with_context(|| format!("cannot use {}", args.packages.display()))?;
        Ok(Self { packages, images, marks })
    }

    /// Which builds the images are of, among the releases in the repository and in the tracker.
    pub fn find(&self, document: &Document, targets: &[Target]) -> Found<'_> {
        let listed = self.packages.packages.iter();
        let listed = listed.map(|one| Candidate { package: one.package.clone(), built_at: one.built_at });
        let left_out = self.packages.left_out.iter().map(|row| &row.package);
        let known = left_out.chain(document.entries().map(|(package, _, _)| package));
        let known = known.map(|package| Candidate { package: package.clone(), built_at: None });
        let mut candidates: Vec<Candidate> = listed.chain(known).collect();
        candidates.sort_by(|a, b| a.package.cmp(&b.package)); // stable: what has a build time stays first
        candidates.dedup_by(|a, b| a.package == b.package);
        images::find(&self.images, &candidates, targets, &self.marks)
    }
}

fn check(marks: &Marks, targets: &[Target]) -> anyhow::Result<()> {
    let templates: Vec<String> =
        marks.name.iter().chain(marks.tags.iter().map(|(_, template)| template)).map(ToString::to_string).collect();
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

/// What the tracker keeps of an image.
fn notes(image: &Image) -> Notes {
    Notes::from([("AMI_ID".to_owned(), image.id.clone())])
}

fn reason(image: &Image) -> String {
    format!("the image {} was there", image.id)
}

/// Records the images of builds that are not recorded as built; how many, and of how many.
pub(super) fn adopt(document: &mut Document, found: &Found<'_>, now: Timestamp) -> (usize, usize) {
    let adopted = found
        .images
        .iter()
        .filter(|(build, image)| document.adopt_image(build, &notes(image), &reason(image), now) == Recorded::Changed);
    (adopted.count(), found.images.len())
}
