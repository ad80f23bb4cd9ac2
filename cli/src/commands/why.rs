use std::path::{Path, PathBuf};

use ami_scheduler::policy::Pattern;
use ami_scheduler::release::{Nevra, Target, listed};
use ami_scheduler::report;
use ami_scheduler::tracker::Origin;
use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::args::lists::ListOf;
use crate::args::targets::{TargetArg, stated};
use crate::args::{IngredientArgs, RuleArgs, TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{print, read_packages};
use crate::night::{Night, Request, each_once, earlier};
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  Why there was no image of a release last night, by what diff decided then:
    $ ami-scheduler why 18.6.1 al2023 --builds builds.json

  What the next run will do, by the packages.json that list wrote:
    $ ami-scheduler why 18.6.1 al2023 --targets al2023,rhel9 \\
        --tracker tracker --ref main

  What becomes of everything:
    $ ami-scheduler why '*' --builds builds.json";

/// Says of a release which rule builds it, leaves it out or holds it
///
/// With --builds it answers from what a night has decided. Without, it decides as the next run will, by the
/// rules of diff, claims nothing and changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Why {
    /// The release: 18.6.1, 18.6.1-1, '18.7.*' or gitlab-runner-18.6.1-1.x86_64; '*' for all
    #[arg(value_name = "RELEASE")]
    release: Pattern,
    /// Only for this target
    #[arg(value_name = "TARGET")]
    target: Option<Target>,
    /// The builds.json that a night's diff wrote: --targets, --tracker and the rules are not needed then
    #[arg(long, value_name = "FILE")]
    builds: Option<PathBuf>,
    /// The releases, as list wrote them
    #[arg(long, value_name = "FILE", default_value = "packages.json")]
    packages: PathBuf,
    /// What images are built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    targets: Option<ListOf<TargetArg>>,
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    #[arg(long, value_name = "gitlab|DIR")]
    tracker: Option<TrackerPlace>,
    /// The branch or tag that the tracker belongs to
    #[arg(long = "ref", value_name = "REF", env = "AMI_SCHEDULER_REF, CI_COMMIT_REF_NAME", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    ingredients: IngredientArgs,
}

impl Why {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        match self.builds.clone() {
            Some(builds) => self.was_decided(&builds),
            None => self.will_be_decided(session),
        }
    }

    /// Answers from what a night has decided.
    fn was_decided(&self, builds: &Path) -> Result<(), Failure> {
        let night = earlier(builds)?;
        self.check(&night.targets(), &builds.display().to_string())?;
        let text = report::why_then(&night, |package, target| self.is_meant(package, target));
        self.answer(&text, &night.product, &builds.display().to_string())
    }

    /// Answers as the next run will decide.
    fn will_be_decided(self, session: &Session) -> Result<(), Failure> {
        let (Some(targets), Some(place), Some(reference)) = (&self.targets, &self.tracker, &self.reference) else {
            return Err(anyhow!(
                "give --builds, the builds.json of a night, or what the next run will decide by: --targets, --tracker and --ref"
            ))
            .with_exit(Exit::CommandLine);
        };
        let targets = each_once(stated(targets.clone())).with_exit(Exit::CommandLine)?;
        self.check(&targets.iter().map(|stated| &stated.target).collect::<Vec<_>>(), "--targets")?;
        let tracker = TrackerArgs { place: place.clone(), reference: reference.clone() };
        // Of a version that was asked for by hand: as if it were to be recorded.
        let ingredients = self.ingredients.source(false, None);
        let request = Request { targets, only_targets: Vec::new(), record: true, by: None, adopts: None, ingredients };
        let packages = read_packages(&self.packages)?;
        let night = Night::make(session, packages, request, &tracker, self.rules.clone(), Origin::default())?;
        let filtered = night.packages.filtered.iter().map(|row| (row.package.clone(), row.reason));
        let text = report::why(filtered, &night.plan, &night.before, |package, target| self.is_meant(package, target));
        self.answer(&text, &night.packages.product, &night.packages.repository)
    }

    fn is_meant(&self, package: &Nevra, target: Option<&Target>) -> bool {
        let is_meant = |target: &Target| self.target.as_ref().is_none_or(|meant| meant == target);
        self.release.names(package) && target.is_none_or(is_meant)
    }

    /// Checks that the target is one of those of the decisions.
    fn check(&self, targets: &[&Target], place: &str) -> Result<(), Failure> {
        match &self.target {
            Some(target) if !targets.is_empty() && !targets.contains(&target) => {
                Err(anyhow!("{target} is none of {place}: they are {}", listed(targets.iter().copied())))
                    .with_exit(Exit::CommandLine)
            }
            _ => Ok(()),
        }
    }

    fn answer(&self, text: &str, product: &str, place: &str) -> Result<(), Failure> {
        if text.is_empty() {
            let target = self.target.as_ref().map(|target| format!(" for {target}")).unwrap_or_default();
            return Err(anyhow!(
                "{} names no release of {product} in {place}{target}; `why '*'` names all that there are",
                self.release
            ))
            .with_exit(Exit::Repository);
        }
        Ok(print(text)?)
    }
}
