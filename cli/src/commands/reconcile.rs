use std::str::FromStr;

use ami_scheduler::images;
use ami_scheduler::text::count;
use anyhow::anyhow;
use clap::Args;

use crate::adoption::{Adoption, none_is_known, read_all, set_aside};
use crate::args::lists::ListOf;
use crate::args::targets::{TargetArg, stated};
use crate::args::{ImageArgs, PlacedFile, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read_packages;
use crate::session::Session;
use crate::trackers::{self, Kept};

const EXAMPLES: &str = "Examples:
  What the tracker holds and there is no image of, and the other way round:
    $ aws ec2 describe-images --owners self | ami-scheduler reconcile - \\
        --targets al2023 --image-tag Package={package} \\
        --image-tag Target={target} --tracker gitlab --ref main

  Record as built what there is an image of:
    $ aws ec2 describe-images --owners self | ami-scheduler reconcile - \\
        --targets al2023 --image-name '{product}-{version}-{target}-*' \\
        --apply adopt --tracker tracker --ref main";

/// Reports where the tracker and the images that there are disagree, in both directions
///
/// It changes nothing unless --apply says so.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Reconcile {
    /// The JSON of `aws ec2 describe-images`, of each region with its name before it: us-east-1=us.json; - for stdin
    #[arg(value_name = "[PLACE=]FILE", required = true)]
    files: Vec<PlacedFile>,
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    tracker: TrackerArgs,
    /// What the images were built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    targets: ListOf<TargetArg>,
    /// What to change: adopt records images as built, rebuild builds again what has no image
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    apply: ListOf<Apply>,
    /// At most so many builds are built again; where more have no image, nothing is changed
    #[arg(long, value_name = "NUMBER", default_value = "10")]
    at_most: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apply {
    Adopt,
    Rebuild,
}

impl FromStr for Apply {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "adopt" => Ok(Self::Adopt),
            "rebuild" => Ok(Self::Rebuild),
            _ => Err(format!("{text:?} is nothing to apply: expected adopt or rebuild")),
        }
    }
}

impl Reconcile {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let files = read_all(&self.files)?;
        let targets = stated(self.targets.clone());
        let adoption = Adoption::read(&files, &self.images.matcher, &targets)?;
        let packages = read_packages(&self.images.packages)?;
        let product = &packages.product;
        let adopts = self.apply.0.contains(&Apply::Adopt);
        let rebuilds = self.apply.0.contains(&Apply::Rebuild);
        let (not_recorded, without_image, gone, is_any_known) =
            trackers::change(session, &self.tracker, product, Kept::Left, |document, _| {
                let now = session.now();
                let found = adoption.find(&packages, document, &targets);
                let disagreements = images::compare(document, &adoption.images, &found, &targets);
                output!(
                    "{product} on {}: images: {}, of a known release: {}",
                    self.tracker.reference,
                    adoption.images.len(),
                    adoption.images.len() - found.unknown.len()
                );
                if found.images.is_empty() {
                    output!("{}", none_is_known(&self.images.matcher));
                }
                if rebuilds {
                    self.brake(found.images.is_empty(), disagreements.without_image.len())?;
                }
                set_aside(&found).for_each(|told| output!("{told}"));
                for (build, found) in &disagreements.not_recorded {
                    let image = images::adopted_image(found, now);
                    let name = found.values().next().map(|image| image.name.as_str()).unwrap_or_default();
                    output!("  not in the tracker  {} {}  {} {name:?}", build.package, build.target, image.ids);
                    if adopts {
                        document.import_image(build, image, now);
                    }
                }
                for (build, place, id, other) in &disagreements.gone {
                    let other = other.map(|image| format!(", and its name has {} now", image.id)).unwrap_or_default();
                    output!("  gone from {place}  {} {}  {}{other}", build.package, build.target, id.as_str());
                }
                for (build, image) in &disagreements.unknown_in {
                    output!("  not recorded in {}  {} {}  {}", image.place, build.package, build.target, image.id);
                }
                if !disagreements.gone.is_empty() || !disagreements.unknown_in.is_empty() {
                    output!("  `update --image` records the right ids of an image, in all regions.");
                }
                if !disagreements.elsewhere.is_empty() {
                    output!(
                        "  In other regions than these, and not looked for: {}",
                        count(disagreements.elsewhere.len(), "build")
                    );
                }
                for build in &disagreements.without_image {
                    output!("  without an image    {} {}", build.package, build.target);
                    if rebuilds {
                        document.rebuild(
                            &build.package,
                            std::slice::from_ref(&build.target),
                            "its image is gone",
                            None,
                            now,
                        );
                    }
                }
                let is_any_known = !found.images.is_empty();
                let counts = (
                    disagreements.not_recorded.len(),
                    disagreements.without_image.len(),
                    disagreements.gone.len() + disagreements.unknown_in.len(),
                );
                Ok((counts.0, counts.1, counts.2, is_any_known))
            })?;
        if not_recorded + without_image + gone == 0 && is_any_known {
            output!("The tracker and the images agree.");
        }
        if adopts {
            output!("Recorded as built: {not_recorded}");
        }
        if rebuilds {
            output!("Will be built again: {without_image}");
        }
        if not_recorded + without_image > 0 && !adopts && !rebuilds {
            output!(
                "Nothing was changed: --apply adopt records the former as built, --apply rebuild builds the latter again."
            );
        }
        Ok(())
    }

    /// Refuses to build much again: a list of images from elsewhere looks as if all were gone.
    fn brake(&self, is_none_known: bool, without_image: usize) -> Result<(), Failure> {
        let refused = if without_image == 0 {
            return Ok(());
        } else if is_none_known {
            "no image is of a release that is known, so that it would build again all that was ever built".to_owned()
        } else if without_image > self.at_most {
            format!(
                "builds without an image: {without_image}, and --at-most is {}. To build all of them again, give --at-most {without_image}",
                self.at_most
            )
        } else {
            return Ok(());
        };
        Err(anyhow!("--apply rebuild: {refused}. Nothing was changed")).with_exit(Exit::CommandLine)
    }
}
