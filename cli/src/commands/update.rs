use std::borrow::Cow;
use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::artifacts::variables;
use ami_scheduler::child_pipeline::NoteName;
use ami_scheduler::images::{self, ManifestError};
use ami_scheduler::release::{BuildKey, Nevra, Target};
use ami_scheduler::report::junit::Case;
use ami_scheduler::text::{minute, named, printable};
use ami_scheduler::tracker::{
    Baked, Claim, Document, IdError, Ids, Image, ImageId, MAX_IDS, MAX_NOTES, Notes, Origin, Place, Report, State,
    Success, placed_id, that_fit,
};
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::args::lists::ListOf;
use crate::args::values::{package, time};
use crate::args::{OriginArgs, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{read, remove_earlier, shown, write, write_junit};
use crate::session::Session;
use crate::trackers::{self, Kept};

/// By how much the clock of the machine that bakes may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);

const EXAMPLES: &str = "Examples:
  A build that has succeeded, with the id of its image:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --note AMI_ID=ami-0abc --tracker tracker --ref main

  The same, by Packer's manifest, or by its ids in two regions:
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --manifest manifest.json --tracker tracker --ref main
    $ ami-scheduler update --package gitlab-runner-18.6.1-1.x86_64 \\
        --target al2023 --image eu-central-1=ami-0abc,us-east-1=ami-0def \\
        --tracker tracker --ref main

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
    /// The manifest that Packer wrote, or a list of several; where none is there, the note AMI_ID is the image
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    manifest: ListOf<PathBuf>,
    /// When the pipeline of this build began: a manifest from before that is of another build
    #[arg(long, value_name = "TIME", value_parser = time, env = "CI_PIPELINE_CREATED_AT")]
    since: Option<Timestamp>,
    /// The id of the image, such as us-east-1=ami-0abc, or a list of its ids in all places; it overrides what a
    /// manifest says
    #[arg(long = "image", value_name = "[PLACE=]ID", env = "AMI_SCHEDULER_IMAGE_ID")]
    images: Vec<ListOf<PlacedId>>,
    /// Record the image, and not yet the success: it counts once its test has passed
    #[arg(long, conflicts_with = "tested")]
    untested: bool,
    /// Record that the images of --claim have passed their test: the build has succeeded
    #[arg(long)]
    tested: bool,
    /// Where to write the ids of the image as variables, for the job that tests it; without it, nowhere
    #[arg(long, value_name = "FILE", conflicts_with = "tested")]
    dotenv: Option<PathBuf>,
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

/// An id as it is given, with its place before it.
#[derive(Debug, Clone)]
struct PlacedId(Place, ImageId);

impl FromStr for PlacedId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        // A URL that is misplaced is named whole, so that it is known for one where it is not to be repeated.
        let whole = |error| if text.contains("://") { IdError::Id(named(text)) } else { error };
        placed_id(text).map(|(place, id)| Self(place, id)).map_err(whole)
    }
}

impl Update {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        remove_earlier(self.junit.iter().chain(&self.dotenv).map(PathBuf::as_path))?;
        if self.tested {
            return self.record_test(session);
        }
        if self.untested && self.claim.is_none() {
            return Err(anyhow!(
                "--untested is about the image of a claim: give it, as builds.json has it, by --claim"
            ))
            .with_exit(Exit::CommandLine);
        }
        let reported = notes(self.notes);
        let notes = that_fit(&reported);
        for name in reported.keys().filter(|name| !notes.contains_key(*name)) {
            message!(
                "{name} is not recorded: the notes of one build may have {MAX_NOTES} bytes as JSON, and there is no room left for it. The build is recorded without it."
            );
        }
        let build = BuildKey { package: self.package, target: self.target };
        let by_hand = in_place_of_a_bake(&build, self.claim.as_ref(), &self.tracker);
        let given: Vec<PlacedId> = self.images.into_iter().flat_map(|ListOf(ids)| ids).collect();
        let made = baked(given, &self.manifest.0, self.since, &notes).with_context(|| by_hand)?;
        let baked = made.clone().bounded();
        if baked != made {
            message!(
                "Of the ids of the image and of what it was baked from, not all are recorded: the ids of one image may have {MAX_IDS} bytes as JSON. These are: {}",
                baked.ids
            );
        }
        let product = build.package.name();
        let is_checked = self.claim.is_none() && !self.force;
        let report = Report {
            claim: self.claim,
            job: self.job,
            baked: baked.clone(),
            notes: notes.clone(),
            needs_test: self.untested,
        };
        let (success, image, case) =
            trackers::change(session, &self.tracker, product, Kept::Used, |document, place| {
                if is_checked {
                    refuse_unknown(document, &build, place)?;
                }
                let begun =
                    document.get(&build).filter(|entry| entry.state == State::Building).map(|entry| entry.since);
                let took = begun.map(|begun| session.now().duration_since(begun));
                let success = document.succeed(&build, report, session.now(), Origin::from(self.origin));
                warn_of_revocation(document, &build, &baked.ids);
                let image = document.image(&build.package, &build.target);
                let image = image.map(|(key, image)| (key.claim.clone(), image.ids.clone()));
                Ok((success, image, Case::recorded(&build, document, took)))
            })?;
        let (kept, ids) = image.unzip();
        warn_of_several(if self.untested { &baked.ids } else { ids.as_ref().unwrap_or(&baked.ids) });
        if let Some(file) = &self.dotenv {
            write(file, variables(&baked.ids).as_bytes())?;
        }
        let facts = Image::new(session.now(), baked, notes).facts();
        let what = what(&build, &facts);
        tell(success, &what, kept.as_ref());
        write_junit(self.junit.as_deref(), &self.tracker.reference, session.now(), case.as_slice())?;
        Ok(())
    }

    /// Records that what a claim made has passed its test.
    fn record_test(self, session: &Session) -> Result<(), Failure> {
        let Some(claim) = self.claim else {
            return Err(anyhow!("--tested is about the images of a claim: give it, as builds.json has it, by --claim"))
                .with_exit(Exit::CommandLine);
        };
        let build = BuildKey { package: self.package, target: self.target };
        let product = build.package.name();
        let (success, kept, facts, case) =
            trackers::change(session, &self.tracker, product, Kept::Used, |document, place| {
                let Some(success) = document.passed(&build, &claim, session.now(), Origin::from(self.origin)) else {
                    return Err(anyhow!(
                        "the tracker in {place} has no image of {} for {} that the claim {claim} made: \
                         `update --untested` has to record it before its test",
                        build.package,
                        build.target
                    ))
                    .with_exit(Exit::CommandLine);
                };
                let tested = document.image_of_claim(&build, &claim);
                warn_of_revocation(document, &build, &tested.map(|image| image.ids.clone()).unwrap_or_default());
                let kept = document.image(&build.package, &build.target).map(|(key, _)| key.claim.clone());
                let facts = document.image_of_claim(&build, &claim).map(Image::facts).unwrap_or_default();
                Ok((success, kept, facts, Case::recorded(&build, document, None)))
            })?;
        tell(success, &what(&build, &facts), kept.as_ref());
        write_junit(self.junit.as_deref(), &self.tracker.reference, session.now(), case.as_slice())?;
        Ok(())
    }
}

/// Says that what was built is not to be used.
fn warn_of_revocation(document: &Document, BuildKey { package, target }: &BuildKey, ids: &Ids) {
    let of_release =
        document.revocation(package, target).map(|word| (format!("{package} is revoked on {target}"), word));
    let of_image = || document.revocations().of_image(ids).map(|word| (format!("the image {ids} is revoked"), word));
    if let Some((what, word)) = of_release.or_else(of_image) {
        message!(
            "WARNING: {what}: {}. The image is recorded, and not used before `unrevoke`",
            printable(&word.in_words())
        );
    }
}

/// Says where several images are in one place.
fn warn_of_several(ids: &Ids) {
    for place in ids.ambiguous() {
        message!(
            "WARNING: there are several images in {place}, and none of them counts there: {ids}. `update --image` with \
             the right ids, in all places, says which"
        );
    }
}

/// A build, and what is told of its image.
fn what(build: &BuildKey, facts: &Notes) -> String {
    let told: Vec<String> = facts.iter().map(|(name, value)| format!(" {name}={}", printable(value))).collect();
    format!("{} {}{}", build.package, build.target, told.concat())
}

fn tell(success: Success, what: &str, kept: Option<&Claim>) {
    match success {
        Success::Counts => output!("Recorded as built: {what}"),
        Success::Untested => output!("Recorded, and to be tested: {what}"),
        Success::AsBefore => output!("Was recorded as built before: {what}"),
        Success::AskedForSince => output!(
            "Does not count: {what}. The build was asked for or begun anew after this one had been claimed, and is still to be done. This image is kept: `images` says which one is current."
        ),
        Success::Superseded => output!(
            "Does not count: {what}. A later attempt has succeeded{}, and its image counts. This one is kept as history.",
            kept.map(|claim| format!(" ({claim})")).unwrap_or_default()
        ),
    }
}

/// The images that were made: those that are given, or that the manifests tell of, or the notes.
fn baked(
    given: Vec<PlacedId>,
    manifests: &[PathBuf],
    since: Option<Timestamp>,
    notes: &Notes,
) -> anyhow::Result<Baked> {
    let mut baked = Baked::default();
    for PlacedId(place, id) in given {
        baked.ids.add(place, id);
    }
    if !baked.ids.is_empty() {
        return Ok(baked);
    }
    let (mut missing, mut unknown) = (Vec::new(), Vec::new());
    for file in manifests {
        if !file.exists() {
            missing.push(file);
            continue;
        }
        let manifest = images::manifest(&read(file)?).with_context(|| format!("{} tells no image", shown(file)))?;
        if let (Some(made), Some(since)) = (manifest.made, since)
            && made.saturating_add(CLOCKS_DIFFER).unwrap_or(made) < since
        {
            bail!(
                "{} is of {}, and this pipeline began at {}: did the runner keep it from another build? The build job has to \
                 write a manifest of its own, and to have it among its artifacts",
                shown(file),
                minute(made),
                minute(since),
            );
        }
        unknown.extend(manifest.unknown.into_iter().map(|builder| (file, builder)));
        baked.ids.extend(manifest.baked.ids);
        baked.bases.extend(manifest.baked.bases);
    }
    let is_by_manifest = !baked.ids.is_empty();
    if !is_by_manifest {
        baked.ids = images::ids_of_notes(notes);
    }
    if baked.ids.is_empty()
        && let Some((file, _)) = unknown.first()
    {
        let doing = format!("{} tells no image", shown(file));
        let builders = unknown.into_iter().map(|(_, builder)| builder).collect();
        return Err(ManifestError::Builder(builders)).context(doing);
    }
    for (file, builder) in unknown {
        message!("The builder {builder} in {} is not known: what it made is not recorded.", shown(file));
    }
    for file in missing {
        if is_by_manifest {
            message!("WARNING: there is no {}, and the image is recorded with what the others tell.", shown(file));
        } else {
            message!("There is no {} that would tell the ids of the image.", shown(file));
        }
    }
    if baked.ids.is_empty()
        && let Some(reported) = notes.get("AMI_ID")
    {
        message!("WARNING: AMI_ID is {:?}, which is no id of an image, such as ami-0abc.", named(reported));
    }
    Ok(baked)
}

/// A word of a command line, which a person may copy into a shell.
fn quoted(word: &str) -> String {
    let word = printable(word);
    shlex::try_quote(&word).map_or_else(|_| word.clone(), Cow::into_owned)
}

/// How an image is recorded that is there, though it is not known here.
fn in_place_of_a_bake(
    build: &BuildKey,
    claim: Option<&Claim>,
    TrackerArgs { place, reference }: &TrackerArgs,
) -> String {
    let claim = claim.map(|claim| format!(" --claim {claim}")).unwrap_or_default();
    format!(
        "the build succeeded, and its image cannot be recorded. Is it there? Then record it without a new bake: \
         ami-scheduler update --package {} --target {}{claim} --tracker {} --ref {} --image REGION=ID,REGION=ID",
        build.package,
        build.target,
        quoted(&place.to_string()),
        quoted(reference)
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
