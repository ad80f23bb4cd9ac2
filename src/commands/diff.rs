use ami_scheduler::artifacts::{Builds, Packages};
use ami_scheduler::child_pipeline::{Settings, render};
use ami_scheduler::diff::{Rules, diff};
use ami_scheduler::report::{self, junit, markdown};
use ami_scheduler::tracker::heads::{Heads, Store, StoredFile, Tracker};
use ami_scheduler::tracker::{Build, Document, Origin, Target, TrackerName, plain_text};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use super::{open_store, read, write, write_if_asked, write_json, write_junit};
use crate::cli::Diff;
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: Diff, now: Timestamp) -> Result<(), Failure> {
    let targets = targets(args.targets.0).or_exit(Exit::CommandLine)?;
    let packages = read(&args.packages).context("--packages has to name the file that list wrote")?;
    let packages = Packages::from_json(&packages).with_context(|| format!("cannot use {}", args.packages.display()))?;
    let (product, reference) = (packages.product.as_str(), args.tracker.reference.as_str());
    let rules = Rules {
        first_run: args.first_run.into(),
        max_builds: args.max_builds as usize,
        max_attempts: args.max_attempts.into(),
        claim_timeout: args.claim_timeout,
    };
    let origin = Origin::from(args.origin);
    let settings = Settings {
        product: product.to_owned(),
        reference: reference.to_owned(),
        pipeline: origin.pipeline,
        build_file: args.build_file,
        build_job: args.build_job,
        image: args.image.and_then(|image| image.0),
        tags: args.tags.0,
        notes: args.notes.0,
    };

    let store = open_store(&args.tracker.tracker)?;
    let tracker = Tracker::new(store.as_ref(), product, reference).or_exit(Exit::Tracker)?;
    let name = TrackerName::new(product, reference).or_exit(Exit::Tracker)?;
    let heads = tracker.read().or_exit(Exit::Tracker)?;
    let mut document = match &heads.document {
        Some(document) => document.clone(),
        None => first_document(store.as_ref(), &tracker, &heads, product, reference, &targets, now)?,
    };
    let diff = diff(&packages.packages, &targets, &mut document, &rules, &origin, now);
    // Claims that no child pipeline comes from would hold builds back: what can fail comes first, and
    // what was not claimed is not left for anybody to build.
    let child_pipeline = render(&settings, &name, &diff.builds).or_exit(Exit::Repository)?;
    let builds = Builds::new(product, reference, origin.pipeline, now, rules.max_attempts, &diff);
    let markdown = markdown::diff(product, reference, now, &diff, rules.max_attempts);
    let cases = junit::cases(&diff, rules.max_attempts);
    let done = write_json(&args.builds, &builds)
        .and_then(|()| write(&args.child_pipeline, child_pipeline.as_bytes()))
        .and_then(|()| write_if_asked(args.markdown.as_deref(), markdown.as_bytes()))
        .and_then(|()| write_junit(args.junit.as_deref(), reference, now, &cases))
        .map_err(Failure::from)
        .and_then(|()| tracker.write(&heads, &document).or_exit(Exit::Tracker));
    if done.is_err() {
        let reports = args.markdown.iter().chain(&args.junit);
        for file in [&args.builds, &args.child_pipeline].into_iter().chain(reports) {
            let _ = std::fs::remove_file(file);
        }
    }
    done?;
    let text = report::diff(product, reference, packages.packages.len(), &targets, &diff, &rules);
    say!("{}", text.trim_end());
    Ok(())
}

fn targets(mut targets: Vec<Target>) -> anyhow::Result<Vec<Target>> {
    if targets.is_empty() {
        bail!("--targets is empty; name at least one, such as --targets al2023");
    }
    targets.sort();
    if let Some((twice, _)) = targets.iter().zip(&targets[1..]).find(|(one, other)| one == other) {
        bail!("--targets names {twice} twice; name each target once");
    }
    Ok(targets)
}

/// The document of a tracker that has no heads: from the plain-text tracker of the same ref, where
/// there is one; else an empty one.
fn first_document(
    store: &dyn Store,
    tracker: &Tracker<'_>,
    heads: &Heads,
    product: &str,
    reference: &str,
    targets: &[Target],
    now: Timestamp,
) -> Result<Document, Failure> {
    let mut document = tracker.new_document();
    let name = plain_text::file_name(reference);
    let Some(file) = heads.other_files.iter().rfind(|file| file.name == name) else {
        return Ok(document);
    };
    let packages = read_plain_text(store, file).or_exit(Exit::Tracker)?;
    let own: Vec<_> = packages.iter().filter(|package| package.name() == product).collect();
    let reason = format!("in {name}");
    for (package, target) in own.iter().flat_map(|package| targets.iter().map(move |target| (*package, target))) {
        document.import(&Build { package: package.clone(), target: target.clone() }, &reason, now);
    }
    say!(
        "Took over the plain-text tracker {name}: {} of its {} packages are {product}, recorded as built. \
         The file itself stays as it is and is not read again.",
        own.len(),
        packages.len()
    );
    Ok(document)
}

fn read_plain_text(store: &dyn Store, file: &StoredFile) -> anyhow::Result<Vec<ami_scheduler::package::Nevra>> {
    let doing = || format!("the plain-text tracker {} in {} cannot be taken over", file.name, store.place());
    let content = store.download(file).map_err(anyhow::Error::from_boxed).with_context(doing)?;
    let content =
        content.ok_or_else(|| anyhow!("it is listed, but it is not there; run the job again")).with_context(doing)?;
    let text = String::from_utf8(content).context("it is no UTF-8 text; store it as such").with_context(doing)?;
    plain_text::parse(&text).with_context(doing)
}
