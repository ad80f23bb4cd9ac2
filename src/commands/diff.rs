use std::path::Path;

use ami_scheduler::alarm::{Alarm, Kind, Limits, alarms};
use ami_scheduler::artifacts::{Builds, Packages};
use ami_scheduler::child_pipeline::{Settings, render};
use ami_scheduler::comparison::Earlier;
use ami_scheduler::diff::{Rules, ask_for, diff};
use ami_scheduler::report::{self, junit, markdown};
use ami_scheduler::tracker::heads::{Heads, Store, StoredFile, Tracker};
use ami_scheduler::tracker::{Build, Document, Origin, Target, TrackerName, plain_text};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use super::{Connect, open_store, read, write, write_json, write_junit};
use crate::cli::{Diff, RuleArgs, TrackerArgs};
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: Diff, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let origin = Origin { line: args.line.into_line(), ..Origin::from(args.origin) };
    if !args.dry_run && args.compare.as_ref().is_some_and(|file| file.0.is_some()) {
        return Err(anyhow!("--compare is for a dry run alone: give --dry-run, or leave it out"))
            .or_exit(Exit::CommandLine);
    }
    let request = Request {
        targets: args.targets.0,
        only_targets: args.only_targets.0,
        record: args.record,
        by: args.by.filter(|by| !by.is_empty()),
    };
    let mut plan = Plan::make(&args.packages, request, &args.tracker, connect, args.rules, &origin, now)?;
    let limits = args.alarms.overdue.limits(args.alarms.unchanged_after);
    let alarms = plan.alarms(origin.line.as_deref().unwrap_or_default(), &limits, now);
    let packages = &plan.packages;
    let (product, reference) = (packages.product.as_str(), args.tracker.reference.as_str());
    let settings = Settings {
        product: product.to_owned(),
        reference: reference.to_owned(),
        pipeline: origin.pipeline,
        line: origin.line,
        build_file: args.build_file,
        build_job: args.build_job,
        image: args.image.and_then(|image| image.0),
        tags: args.tags.0,
        notes: args.notes.0,
        module_url: args.module_url.and_then(|url| url.0),
        module_sha256: args.module_sha256.and_then(|sha256| sha256.0),
    };
    // Claims that no child pipeline comes from would hold builds back: what can fail comes first, and
    // what was not claimed is not left for anybody to build.
    let name = TrackerName::new(product, reference).or_exit(Exit::Tracker)?;
    let recorded = plan.tracker.is_some();
    let child_pipeline = render(&settings, recorded.then_some(&name), &plan.diff.builds).or_exit(Exit::Repository)?;
    let max_attempts = plan.rules.max_attempts;
    let builds = Builds::new(packages, reference, settings.pipeline, now, max_attempts, &plan.diff, &alarms);
    let builds = if recorded { builds } else { builds.not_recorded() };
    let releases = packages.packages.len();
    let text = report::diff(product, reference, releases, &plan.targets, &plan.diff, &alarms, &plan.rules);
    let reports = || -> anyhow::Result<()> {
        if let Some(file) = &args.markdown {
            write(file, markdown::diff(product, reference, now, &plan.diff, &alarms, max_attempts).as_bytes())?;
        }
        if args.junit.is_some() {
            write_junit(args.junit.as_deref(), reference, now, &junit::cases(&plan.diff, &alarms, max_attempts))?;
        }
        Ok(())
    };
    if args.dry_run {
        write_json(&args.builds, &builds.as_plan())?;
        // What is not claimed is not built: a pipeline that is triggered by it says so, and ends well.
        let nothing = render(&settings, None, &[]).or_exit(Exit::Repository)?;
        write(&args.child_pipeline, nothing.as_bytes())?;
        reports()?;
        say!("{}\n\nA dry run: nothing is claimed or recorded.", text.trim_end());
        if let Some(file) = args.compare.and_then(|file| file.0) {
            say!("{}", plan.compare(&file)?.trim_end());
        }
        return fail_on(&args.alarms.overdue.fail_on.0, &alarms);
    }
    let done = write_json(&args.builds, &builds)
        .and_then(|()| write(&args.child_pipeline, child_pipeline.as_bytes()))
        .and_then(|()| reports())
        .map_err(Failure::from)
        .and_then(|()| plan.record());
    if done.is_err() {
        let reports = args.markdown.iter().chain(&args.junit);
        for file in [&args.builds, &args.child_pipeline].into_iter().chain(reports) {
            let _ = std::fs::remove_file(file);
        }
    }
    done?;
    if let Some(taken_over) = plan.taken_over {
        say!("{taken_over}");
    }
    say!("{}", text.trim_end());
    if !recorded {
        say!(
            "\nThe tracker was not asked and will not know of it: --record (input record, variable AMI_SCHEDULER_RECORD) changes both."
        );
    } else if let (Some(version), []) = (packages.policy.versions.asked_for(), plan.diff.builds.as_slice()) {
        say!(
            "\n{version} is not built now, for the reasons above. Was the pipeline that holds it cancelled? Then `forget` it; \
             or build it without a record."
        );
    }
    fail_on(&args.alarms.overdue.fail_on.0, &alarms)
}

/// Ends a run that is done with the exit code of an alarm, where there are some that are to end it so.
pub(super) fn fail_on(kinds: &[Kind], alarms: &[Alarm]) -> Result<(), Failure> {
    let mut told: Vec<Kind> = alarms.iter().map(Alarm::kind).filter(|kind| kinds.contains(kind)).collect();
    told.sort_unstable();
    told.dedup();
    let Some(first) = told.first().copied() else { return Ok(()) };
    let told: Vec<String> = told.iter().map(Kind::to_string).collect();
    let told = told.join(", ");
    Err(anyhow!("there are alarms that --fail-on names ({told}): see the warnings above. All else is done"))
        .or_exit(first.into())
}

/// What a run is asked for.
pub(super) struct Request {
    /// The targets that the team has.
    pub targets: Vec<Target>,
    /// Those of them that are meant; none stand for all.
    pub only_targets: Vec<Target>,
    /// Whether the tracker counts, and is told, of a version that is asked for by hand.
    pub record: bool,
    /// Who asks for one.
    pub by: Option<String>,
}

/// What a run would do, before it has any effect.
pub(super) struct Plan {
    pub packages: Packages,
    pub targets: Vec<Target>,
    pub rules: Rules,
    pub diff: ami_scheduler::diff::Diff,
    /// The tracker as it is, and as the run would leave it.
    pub before: Document,
    after: Document,
    /// What was taken over from a tracker of another kind.
    taken_over: Option<String>,
    /// Where the tracker is, and what was read of it; none of a version that is built by hand and not recorded.
    tracker: Option<(Box<dyn Store>, Heads)>,
}

impl Plan {
    pub fn make(
        packages: &Path,
        request: Request,
        tracker: &TrackerArgs,
        connect: &Connect,
        rules: RuleArgs,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let all_targets = each_once(request.targets).or_exit(Exit::CommandLine)?;
        let targets = only(&all_targets, &request.only_targets).or_exit(Exit::CommandLine)?;
        let json = read(packages).context("--packages has to name the file that list wrote")?;
        let packages = Packages::from_json(&json).with_context(|| format!("cannot use {}", packages.display()))?;
        if let Some(target) = targets.iter().find(|target| !packages.cover(target)) {
            return Err(anyhow!(
                "--targets names {target}, and no --repo-url was for it: list has to be told of a repository for it"
            ))
            .or_exit(Exit::CommandLine);
        }
        let rules = rules.into_rules(packages.policy.clone());
        let (product, reference) = (packages.product.as_str(), tracker.reference.as_str());
        let asked_for = packages.policy.versions.asked_for();
        let (before, taken_over, tracker) = if asked_for.is_some() && !request.record {
            (Document::new(product, reference), None, None)
        } else {
            let store = open_store(&tracker.tracker, connect)?;
            let tracker = Tracker::new(store.as_ref(), product, reference).or_exit(Exit::Tracker)?;
            let heads = tracker.read().or_exit(Exit::Tracker)?;
            let (before, taken_over) = match &heads.document {
                Some(document) => (document.clone(), None),
                None => first_document(store.as_ref(), &tracker, &heads, product, reference, &all_targets, now)?,
            };
            (before, taken_over, Some((store, heads)))
        };
        let mut after = before.clone();
        let offered = &packages.packages;
        let diff = match asked_for {
            None => diff(offered, &targets, &mut after, &rules, origin, now),
            Some(version) => {
                let offers_none = |target: &&Target| !offered.iter().any(|package| package.is_for(target));
                if let Some(target) = targets.iter().find(offers_none) {
                    return Err(anyhow!(
                        "there is no {version} of {product} for {target}: name the other targets by --only-targets (input only_targets, variable AMI_SCHEDULER_ONLY_TARGETS)"
                    ))
                    .or_exit(Exit::Repository);
                }
                ask_for(offered, &targets, &mut after, &rules, request.by.as_deref(), origin, now)
            }
        };
        Ok(Self { packages, targets, rules, diff, before, after, taken_over, tracker })
    }

    /// What is told of, besides builds; what that needs to know of the past is recorded with the rest.
    fn alarms(&mut self, line: &str, limits: &Limits, now: Timestamp) -> Vec<Alarm> {
        if self.packages.policy.versions.asked_for().is_some() {
            return Vec::new(); // what is asked for by hand is no run
        }
        let repositories = &self.packages.repositories;
        alarms(&self.before, &mut self.after, repositories, &self.diff.republished, line, limits, now)
    }

    /// What the rules add and drop, beside an earlier run.
    fn compare(&self, builds: &Path) -> Result<String, Failure> {
        let earlier = earlier(builds)?;
        if let Some(version) = &earlier.asked_for {
            return Ok(format!(
                "{} is about {version}, which was asked for by hand: there is nothing to compare with.",
                builds.display()
            ));
        }
        let left_out: Vec<_> = self.packages.left_out.iter().map(|row| (row.package.clone(), row.reason)).collect();
        let comparison = earlier.compare(&self.diff, &left_out, self.rules.max_attempts);
        Ok(report::comparison(&earlier, &comparison))
    }

    /// Claims the builds, and remembers the rest.
    fn record(&self) -> Result<(), Failure> {
        let Some((store, heads)) = &self.tracker else { return Ok(()) };
        let tracker = Tracker::new(store.as_ref(), self.after.product(), self.after.reference());
        tracker.and_then(|tracker| tracker.write(heads, &self.after)).or_exit(Exit::Tracker)
    }
}

/// What a run has decided.
pub(super) fn earlier(builds: &Path) -> Result<Earlier, Failure> {
    let doing = || format!("{}: it is not the builds.json that diff writes", builds.display());
    Ok(Earlier::from_json(&read(builds)?).with_context(doing)?)
}

fn each_once(mut all: Vec<Target>) -> anyhow::Result<Vec<Target>> {
    if all.is_empty() {
        bail!("--targets is empty; name at least one, such as --targets al2023");
    }
    all.sort();
    if let Some((twice, _)) = all.iter().zip(&all[1..]).find(|(one, other)| one == other) {
        bail!("--targets names {twice} twice; name each target once");
    }
    Ok(all)
}

/// Those of the targets that are named; all, where none is.
fn only(all: &[Target], named: &[Target]) -> anyhow::Result<Vec<Target>> {
    if let Some(unknown) = named.iter().find(|target| !all.contains(target)) {
        bail!("--only-targets names {unknown}, which is none of the targets: they are {}", report::listed(all));
    }
    Ok(all.iter().filter(|target| named.is_empty() || named.contains(target)).cloned().collect())
}

/// The document of a tracker that has no heads, and what is to be said of it: from the plain-text tracker of the same ref, where
/// there is one; else an empty one.
fn first_document(
    store: &dyn Store,
    tracker: &Tracker<'_>,
    heads: &Heads,
    product: &str,
    reference: &str,
    targets: &[Target],
    now: Timestamp,
) -> Result<(Document, Option<String>), Failure> {
    let mut document = tracker.new_document();
    let name = plain_text::file_name(reference);
    let Some(file) = heads.other_files.iter().rfind(|file| file.name == name) else {
        return Ok((document, None));
    };
    let packages = read_plain_text(store, file).or_exit(Exit::Tracker)?;
    let own: Vec<_> = packages.iter().filter(|package| package.name() == product).collect();
    let reason = format!("in {name}");
    for (package, target) in own.iter().flat_map(|package| targets.iter().map(move |target| (*package, target))) {
        document.import(&Build { package: package.clone(), target: target.clone() }, &reason, now);
    }
    let told = format!(
        "Took over the plain-text tracker {name}: {} of its {} packages are {product}, recorded as built on {}. \
         The file itself stays as it is and is not read again.",
        own.len(),
        packages.len(),
        report::listed(targets)
    );
    Ok((document, Some(told)))
}

fn read_plain_text(store: &dyn Store, file: &StoredFile) -> anyhow::Result<Vec<ami_scheduler::package::Nevra>> {
    let doing = || format!("the plain-text tracker {} in {} cannot be taken over", file.name, store.place());
    let content = store.download(file).map_err(anyhow::Error::from_boxed).with_context(doing)?;
    let content =
        content.ok_or_else(|| anyhow!("it is listed, but it is not there; run the job again")).with_context(doing)?;
    let text = String::from_utf8(content).context("it is no UTF-8 text; store it as such").with_context(doing)?;
    plain_text::parse(&text).with_context(doing)
}
