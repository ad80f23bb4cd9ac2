use std::path::PathBuf;

use ami_scheduler::alarm::{AlarmKind, AlarmKindError};
use ami_scheduler::artifacts::{Images, Night, Paused, ToTell, ToldAlarm};
use ami_scheduler::images::current;
use ami_scheduler::report::{self, markdown};
use ami_scheduler::tracker::heads::Tracker;
use anyhow::anyhow;
use clap::Args;

use crate::args::values::{attempts, pipeline, product};
use crate::args::{LaneArgs, Per, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{remove_earlier, write, write_json};
use crate::session::Session;
use crate::trackers::no_tracker;

const EXAMPLES: &str = "Examples:
  What became of the builds of pipeline 4711:
    $ ami-scheduler report --tracker tracker --ref main \\
        --product gitlab-runner --pipeline 4711

  The same for programs, for people, and as variables:
    $ ami-scheduler report --tracker tracker --ref main \\
        --product gitlab-runner --pipeline 4711 --json night.json \\
        --markdown night.md --dotenv night.env";

/// Tells what became of the builds that a pipeline claimed
///
/// In the child pipeline it runs once, after the builds, however they ended: what it writes is for the jobs that hand
/// on the images (publish_job) and that tell people (notify_job). The command changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Report {
    #[command(flatten)]
    tracker: TrackerArgs,
    /// The product
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: String,
    /// The pipeline that claimed the builds: the one whose diff job ran
    #[arg(long, value_name = "ID", value_parser = pipeline)]
    pipeline: u64,
    #[command(flatten)]
    lane: LaneArgs,
    /// How often a build may be tried: after that many failures it is reported as given up
    #[arg(long, value_name = "N", default_value = "3", value_parser = attempts)]
    max_attempts: u32,
    /// The alarms of the run: a JSON array of objects with alarm and explanation, as the child pipeline has it
    #[arg(long, value_name = "JSON", default_value = "[]", hide_default_value = true, value_parser = alarms)]
    alarms: ToldAlarms,
    /// The builds that failed before, and that the run left to a later one: a JSON array of objects with package and
    /// target, as the child pipeline has it
    #[arg(long, value_name = "JSON", default_value = "[]", hide_default_value = true, value_parser = paused)]
    paused: PausedBuilds,
    /// Where to write it for programs; without it, nowhere
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write it as GitLab's Markdown; without it, nowhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Where to write the variables BUILT, FAILED, GIVEN_UP, OPEN, PAUSED, ALARMS and SUMMARY; without it, nowhere
    #[arg(long, value_name = "FILE")]
    dotenv: Option<PathBuf>,
    /// Where to write images.json, the images to use of the product; without it, nowhere
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
}

/// The alarms that are told. A type of its own: clap takes a list for several values.
#[derive(Debug, Clone)]
struct ToldAlarms(Vec<ToldAlarm>);

fn alarms(text: &str) -> Result<ToldAlarms, String> {
    let told: Vec<ToldAlarm> = serde_json::from_str(text).map_err(|error| not_of_diff(&error))?;
    for ToldAlarm { alarm, .. } in &told {
        alarm.parse::<AlarmKind>().map_err(|error: AlarmKindError| error.to_string())?;
    }
    Ok(ToldAlarms(told))
}

/// The same.
#[derive(Debug, Clone)]
struct PausedBuilds(Vec<Paused>);

fn paused(text: &str) -> Result<PausedBuilds, String> {
    serde_json::from_str(text).map(PausedBuilds).map_err(|error| not_of_diff(&error))
}

fn not_of_diff(error: &serde_json::Error) -> String {
    format!("it is not what diff writes into child-pipeline.yml: {error}")
}

impl Report {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let files = [&self.json, &self.markdown, &self.dotenv, &self.images];
        remove_earlier(files.into_iter().flatten().map(PathBuf::as_path))?;
        let reference = &self.tracker.reference;
        let store = session.store(&self.tracker.place)?;
        let tracker = Tracker::new(store.as_ref(), &self.product, reference).with_exit(Exit::Tracker)?;
        let Some(document) = tracker.read().with_exit(Exit::Tracker)?.document else {
            return Err(anyhow!(no_tracker(store.as_ref(), Some(&self.product), reference))).with_exit(Exit::Tracker);
        };
        let to_tell = ToTell { alarms: self.alarms.0, paused: self.paused.0 };
        let (lane, max_attempts) = (self.lane.into_lane(), u64::from(self.max_attempts));
        let night = Night::new(&document, self.pipeline, lane.as_deref(), max_attempts, to_tell, session.now());
        if let Some(file) = &self.json {
            write_json(file, &night)?;
        }
        if let Some(file) = &self.markdown {
            write(file, markdown::night(&night).as_bytes())?;
        }
        if let Some(file) = &self.dotenv {
            write(file, night.variables().as_bytes())?;
        }
        if let Some(file) = &self.images {
            let images = [(&document, current(&document, Per::Major.keep(), None, |_| true))];
            let json = Images::new(&images, |_| true).to_json().map_err(anyhow::Error::from)?;
            write(file, json.as_bytes())?;
        }
        output!("{}", report::night(&night).trim_end());
        Ok(())
    }
}
