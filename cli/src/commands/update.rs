use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::child_pipeline::NoteName;
use ami_scheduler::images;
use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::report::junit::Case;
use ami_scheduler::text::{minute, printable};
use ami_scheduler::tracker::{
    Baked, Claim, Document, IdError, Image, ImageId, MAX_NOTES, Notes, Origin, Place, Report, State, Success, that_fit,
};
use anyhow::{Context as _, anyhow};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::args::lists::ListOf;
use crate::args::values::package;
use crate::args::{OriginArgs, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{read, remove_earlier, write_junit};
use crate::session::Session;
use crate::trackers::{self, Kept};

/// By how much the clock of the machine that bakes may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);

const EXAMPLES: &str = "Examples:
  A build that has succeeded, with the id of its image:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --note AMI_ID=ami-0abc --tracker tracker --ref main

  The same in the project's Secure Files:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --note AMI_ID=ami-0abc --tracker gitlab --ref main";

/// Records that a build succeeded
///
/// It is safe to run again, and at the same time as any number of others.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Update {
    #[command(flatten)]
    tracker: TrackerArgs,
    /// The release: NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64
    #[arg(long, value_name = "NEVRA", value_parser = package)]
    package: Nevra,
    /// What the image was built on
    #[arg(long, value_name = "TARGET")]
    target: Target,
    /// What to remember of the build: NAME=VALUE, or a list of names of variables that hold the values
    #[arg(long = "note", value_name = "NAME=VALUE|LIST", env = "AMI_SCHEDULER_NOTES")]
    notes: Vec<NotesArg>,
    /// The manifest that Packer wrote, or several, of which those count that are there; without one, the note AMI_ID is
    /// the image
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    manifest: ListOf<PathBuf>,
    /// The id of the image, such as us-east-1=ami-0abc, in place of what a manifest says; can be given several times
    #[arg(long = "image", value_name = "[PLACE=]ID", value_parser = image)]
    images: Vec<(Place, ImageId)>,
    /// Where to write the build as a JUnit report, for GitLab's Tests tab; without it, nowhere
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// What it is a success of: the claim as builds.json has it, such as 0.1@102
    ///
    /// The success then counts unless the build was asked for anew since, or a later attempt has succeeded. Without it,
    /// by hand, it is one of the build as the tracker has it now.
    #[arg(long, value_name = "CLAIM", env = "AMI_SCHEDULER_CLAIM")]
    claim: Option<Claim>,
    /// The job that records it; 0 stands for none
    #[arg(long, value_name = "ID", default_value = "0", hide_default_value = true, env = "CI_JOB_ID")]
    job: u64,
    /// Record it without a claim, too, where the tracker knows no such release or target
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    origin: OriginArgs,
}

/// Notes as they are given: one with its value, or the names of variables.
#[derive(Debug, Clone)]
enum NotesArg {
    Value(NoteName, String),
    Variables(Vec<NoteName>),
}

impl FromStr for NotesArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) => Ok(Self::Value(name.parse().map_err(|error| format!("{error}"))?, value.to_owned())),
            None => text.parse().map(|ListOf(names)| Self::Variables(names)),
        }
    }
}

impl Update {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier(self.junit.as_deref())?;
        let reported = notes(self.notes);
        let notes = that_fit(&reported);
        for name in reported.keys().filter(|name| !notes.contains_key(*name)) {
            message!(
                "{name} is not recorded: the notes of one build may have {MAX_NOTES} bytes as JSON, and there is no room left for it. The build is recorded without it."
            );
        }
        let build = BuildKey { package: self.package, target: self.target };
        let (baked, made) = baked(&self.images, &self.manifest.0, &notes)
            .with_context(|| in_place_of_a_bake(&build, self.claim.as_ref()))?;
        let product = build.package.name();
        let is_checked = self.claim.is_none() && !self.force;
        let report = Report { claim: self.claim, job: self.job, baked: baked.clone(), notes: notes.clone() };
        let (success, kept, case) =
            trackers::change(session, &self.tracker, product, Kept::Used, |document, place| {
                if is_checked {
                    refuse_unknown(document, &build, place)?;
                }
                refuse_older(document, &build, report.claim.as_ref(), made)?;
                let begun =
                    document.get(&build).filter(|entry| entry.state == State::Building).map(|entry| entry.since);
                let took = begun.map(|begun| session.now().duration_since(begun));
                let success = document.succeed(&build, report, session.now(), Origin::from(self.origin));
                let kept = document.image(&build.package, &build.target).map(|(key, _)| key.claim.clone());
                Ok((success, kept, Case::recorded(&build, document, took)))
            })?;
        for place in baked.ids.ambiguous() {
            message!("WARNING: there are several images in {place}, and none of them counts there: {}", baked.ids);
        }
        let facts = Image::new(session.now(), baked, notes).facts();
        let told: Vec<String> = facts.iter().map(|(name, value)| format!(" {name}={}", printable(value))).collect();
        let what = format!("{} {}{}", build.package, build.target, told.concat());
        match success {
            Success::Counts => output!("Recorded as built: {what}"),
            Success::AsBefore => output!("Was recorded as built before: {what}"),
            Success::AskedForSince => output!(
                "Does not count: {what}. The build was asked for anew after this one had been claimed, and is still to be done. This image is kept as history."
            ),
            Success::Superseded => output!(
                "Does not count: {what}. A later attempt has succeeded{}, and its image counts. This one is kept as history.",
                kept.map(|claim| format!(" ({claim})")).unwrap_or_default()
            ),
        }
        write_junit(self.junit.as_deref(), &self.tracker.reference, session.now(), case.as_slice())?;
        Ok(())
    }
}

fn image(text: &str) -> Result<(Place, ImageId), String> {
    let (place, id) = text.split_once('=').unwrap_or(("", text));
    let parsed = place.parse().and_then(|place| Ok((place, id.parse()?)));
    parsed.map_err(|error: IdError| error.to_string())
}

/// The images that were made: those that are given, or that the manifests tell of, or the notes; and when the first of
/// them was, if a manifest says so.
fn baked(
    given: &[(Place, ImageId)],
    manifests: &[PathBuf],
    notes: &Notes,
) -> anyhow::Result<(Baked, Option<Timestamp>)> {
    let (mut baked, mut first) = (Baked::default(), None);
    for (place, id) in given {
        baked.ids.add(place.clone(), id.clone());
    }
    if given.is_empty() {
        for file in manifests.iter().filter(|file| file.exists()) {
            let manifest = images::manifest(&read(file)?);
            let (images, made) = manifest.with_context(|| format!("{} tells no image", file.display()))?;
            baked.ids.extend(images.ids);
            baked.bases.extend(images.bases);
            first = first.into_iter().chain(made).min();
        }
    }
    if baked.ids.is_empty() {
        baked.ids = images::ids_of_notes(notes);
    }
    Ok((baked, first))
}

/// A manifest that was made before the build was claimed is one that the runner kept from another build.
fn refuse_older(
    document: &Document,
    build: &BuildKey,
    claim: Option<&Claim>,
    made: Option<Timestamp>,
) -> Result<(), Failure> {
    let claimed = document.get(build).filter(|entry| entry.state == State::Building && claim == Some(&entry.claim()));
    match (claimed, made) {
        (Some(entry), Some(made)) if made.saturating_add(CLOCKS_DIFFER).unwrap_or(made) < entry.since => Err(anyhow!(
            "the manifest is of {}, and this build was claimed at {}: did the runner keep it from another build? The build \
             job has to write a manifest of its own, and to have it among its artifacts. Nothing was recorded; {}",
            minute(made),
            minute(entry.since),
            in_place_of_a_bake(build, claim)
        ))
        .with_exit(Exit::Other),
        _ => Ok(()),
    }
}

/// How an image is recorded that is there, though it is not known here.
fn in_place_of_a_bake(build: &BuildKey, claim: Option<&Claim>) -> String {
    let claim = claim.map(|claim| format!(" --claim {claim}")).unwrap_or_default();
    format!(
        "the build succeeded, and its image cannot be recorded. Is it there? Then record it without a new bake: \
         ami-scheduler update --package {} --target {}{claim} --image REGION=ID",
        build.package, build.target
    )
}

/// A success by hand is that of a release and a target that the tracker knows: a slip would begin another history.
fn refuse_unknown(document: &Document, build: &BuildKey, place: &str) -> Result<(), Failure> {
    let BuildKey { package, target } = build;
    let knows_release = document.entries().any(|(known, ..)| known == package);
    let what = match (knows_release, document.targets().contains(target) || document.get(build).is_some()) {
        (true, true) => return Ok(()),
        (false, _) => format!("no release {package}"),
        (true, false) => format!("no target {target}"),
    };
    let targets: Vec<String> = document.targets().iter().map(ToString::to_string).collect();
    let targets = if targets.is_empty() { "none".to_owned() } else { targets.join(", ") };
    Err(anyhow!(
        "the tracker of {} on {} in {place} knows {what}: is it spelt right? Its targets are {targets}, and `status` shows \
         its releases. With --force it is recorded all the same",
        document.product(),
        printable(document.reference()),
    ))
    .with_exit(Exit::CommandLine)
}

/// The notes with their values. A variable may be empty: the build did not set it.
fn notes(given: Vec<NotesArg>) -> Notes {
    let mut notes = Notes::new();
    for given in given {
        match given {
            NotesArg::Value(name, value) => drop(notes.insert(name.to_string(), value)),
            NotesArg::Variables(names) => {
                for name in names.iter().map(ToString::to_string) {
                    match std::env::var(&name).ok().filter(|value| !value.is_empty()) {
                        Some(value) => drop(notes.insert(name, value)),
                        None => output!("No {name} is recorded: the build reported none."),
                    }
                }
            }
        }
    }
    notes
}
