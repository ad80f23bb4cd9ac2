use ami_scheduler::artifacts::{Builds, Run};
use ami_scheduler::child_pipeline::{Settings, render};
use ami_scheduler::report::{self, junit, markdown};
use ami_scheduler::tracker::{Origin, TrackerName};
use anyhow::anyhow;
use jiff::Timestamp;

use crate::cli::Diff;
use crate::exit::{Exit, Failure, WithExit as _, fail_on};
use crate::files::{write, write_json, write_junit};
use crate::night::{Night, Request};
use crate::session::Connect;

pub fn run(args: Diff, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let origin = Origin { lane: args.lane.into_lane(), ..Origin::from(args.origin) };
    if !args.dry_run && args.compare.as_ref().is_some_and(|file| file.0.is_some()) {
        return Err(anyhow!("--compare is for a dry run alone: give --dry-run, or leave it out"))
            .with_exit(Exit::CommandLine);
    }
    let request = Request {
        targets: args.targets.0,
        only_targets: args.only_targets.0,
        record: args.record,
        by: args.by.filter(|by| !by.is_empty()),
    };
    let mut night = Night::make(&args.packages, request, &args.tracker, connect, args.rules, origin, now)?;
    let limits = args.alarms.overdue.limits(args.alarms.unchanged_after);
    let alarms = night.alarms(&limits);
    let packages = &night.packages;
    let (product, reference) = (packages.product.as_str(), args.tracker.reference.as_str());
    let settings = Settings {
        product: product.to_owned(),
        reference: reference.to_owned(),
        pipeline: night.origin.pipeline,
        lane: night.origin.lane.clone(),
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
    let name = TrackerName::new(product, reference).with_exit(Exit::Tracker)?;
    let recorded = night.is_recorded();
    let child_pipeline =
        render(&settings, recorded.then_some(&name), &night.plan.builds).with_exit(Exit::Repository)?;
    let run = Run { reference, pipeline: settings.pipeline, decided_at: now, dry_run: args.dry_run, recorded };
    let builds = Builds::new(packages, &night.plan, &alarms, run);
    let text = report::plan(packages, reference, &night.plan, &alarms, &night.context());
    let reports = || -> anyhow::Result<()> {
        if let Some(file) = &args.markdown {
            write(file, markdown::plan(product, reference, now, &night.plan, &alarms).as_bytes())?;
        }
        if args.junit.is_some() {
            write_junit(args.junit.as_deref(), reference, now, &junit::cases(&night.plan, &alarms))?;
        }
        Ok(())
    };
    if args.dry_run {
        write_json(&args.builds, &builds)?;
        // What is not claimed is not built: a pipeline that is triggered by it says so, and ends well.
        let nothing = render(&settings, None, &[]).with_exit(Exit::Repository)?;
        write(&args.child_pipeline, nothing.as_bytes())?;
        reports()?;
        output!("{}\n\nA dry run: nothing is claimed or recorded.", text.trim_end());
        if let Some(file) = args.compare.and_then(|file| file.0) {
            output!("{}", night.compare(&file)?.trim_end());
        }
        return fail_on(&args.alarms.overdue.fail_on.0, &alarms);
    }
    let done = write_json(&args.builds, &builds)
        .and_then(|()| write(&args.child_pipeline, child_pipeline.as_bytes()))
        .and_then(|()| reports())
        .map_err(Failure::from)
        .and_then(|()| night.record());
    if done.is_err() {
        let reports = args.markdown.iter().chain(&args.junit);
        for file in [&args.builds, &args.child_pipeline].into_iter().chain(reports) {
            let _ = std::fs::remove_file(file);
        }
    }
    done?;
    if let Some(taken_over) = &night.taken_over {
        output!("{taken_over}");
    }
    output!("{}", text.trim_end());
    if !recorded {
        output!(
            "\nThe tracker was not asked and will not know of it: --record (input record, variable AMI_SCHEDULER_RECORD) changes both."
        );
    } else if let (Some(version), []) = (packages.policy.versions.asked_for(), night.plan.builds.as_slice()) {
        output!(
            "\n{version} is not built now, for the reasons above. Was the pipeline that holds it cancelled? Then `forget` it; \
             or build it without a record."
        );
    }
    fail_on(&args.alarms.overdue.fail_on.0, &alarms)
}
