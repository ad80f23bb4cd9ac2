use std::collections::BTreeMap;

use ami_scheduler::images;
use ami_scheduler::release::{Nevra, StatedTarget, builds_on};
use ami_scheduler::text::count;
use ami_scheduler::tracker::{Document, Recorded, plain_text};
use anyhow::{Context as _, anyhow};
use clap::{ArgAction, Args};

use crate::adoption::{Adoption, grown, read_all, set_aside};
use crate::args::lists::ListOf;
use crate::args::targets::{TargetArg, stated};
use crate::args::values::switch;
use crate::args::{ImageArgs, PlacedFile, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read_packages;
use crate::session::Session;
use crate::trackers::{self, Kept};

const EXAMPLES: &str = "Examples:
  The list of a hand-written pipeline; each package counts as built on both:
    $ ami-scheduler import main.txt --targets al2023,rhel9 \\
        --tracker tracker --ref main

  The images that there are, by their names, and the releases of packages.json:
    $ aws ec2 describe-images --owners self | ami-scheduler import - \\
        --targets al2023,rhel9 --image-name '{product}-{version}-{target}-*' \\
        --tracker gitlab --ref main

  Show the images of two regions, without recording them:
    $ ami-scheduler import eu-central-1=eu.json us-east-1=us.json --dry-run \\
        --targets al2023,rhel9 --image-name '{product}-{version}-{target}-*' \\
        --tracker gitlab --ref main";

/// Takes over what was built before: a plain-text tracker, or the images that there are
///
/// A plain-text tracker has one package file name a line; all of them count as built. diff takes one over by
/// itself, on its first run, from a file in the tracker's store that is named after the ref (main.txt,
/// feature_a.txt). Images are the JSON of `aws ec2 describe-images`; they need --packages and --image-name or
/// --image-tag. What the tracker knows already stays as it is.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Import {
    /// The file, or several; images of each region with its name before them: us-east-1=us.json; - for stdin
    #[arg(value_name = "[PLACE=]FILE", required = true)]
    files: Vec<PlacedFile>,
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    tracker: TrackerArgs,
    /// What each of these packages was built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    targets: ListOf<TargetArg>,
    /// Tell what would be recorded, and change nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    dry_run: bool,
}

impl Import {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let targets = stated(self.targets.clone());
        if targets.is_empty() {
            return Err(anyhow!(
                "--targets is empty; name what these packages were built on, such as --targets al2023"
            ))
            .with_exit(Exit::CommandLine);
        }
        let files = read_all(&self.files)?;
        if files.iter().any(|(_, content)| content.trim_ascii_start().starts_with(b"{")) {
            return self.import_images(&files, &targets, session);
        }
        let mut packages = Vec::new();
        for (PlacedFile { file, .. }, content) in files {
            let doing = || format!("{} cannot be taken over", file.display());
            let text =
                String::from_utf8(content).context("it is no UTF-8 text; store it as such").with_context(doing)?;
            packages.extend(plain_text::parse(&text).with_context(doing)?);
        }
        let from = self.files.iter().map(|placed| placed.file.display().to_string()).collect::<Vec<_>>().join(", ");
        let mut by_product: BTreeMap<&str, Vec<&Nevra>> = BTreeMap::new();
        for package in &packages {
            by_product.entry(package.name()).or_default().push(package);
        }
        if by_product.is_empty() {
            output!("{from} names no package: nothing to take over.");
        }
        let unfit = packages.iter().filter(|package| builds_on(&targets, package).next().is_none()).count();
        if unfit > 0 {
            output!("Left out, since no target is of their architecture: {}", count(unfit, "package"));
        }
        for (product, packages) in by_product {
            let builds = packages.iter().flat_map(|package| builds_on(&targets, package));
            let reason = format!("imported from {from}");
            let (new, known): (Vec<_>, Vec<_>) = self.change(session, product, |document| {
                builds
                    .map(|build| document.import(&build, &reason, session.now()))
                    .partition(|one| *one == Recorded::Changed)
            })?;
            self.tell(product, new.len(), known.len());
        }
        Ok(())
    }

    fn import_images(
        &self,
        files: &[(PlacedFile, Vec<u8>)],
        targets: &[StatedTarget],
        session: &Session,
    ) -> Result<(), Failure> {
        let adoption = Adoption::read(files, &self.images.matcher, targets)?;
        let packages = read_packages(&self.images.packages)?;
        let product = &packages.product;
        self.change(session, product, |document| {
            let found = adoption.find(&packages, document, targets);
            set_aside(&found).for_each(|told| output!("{told}"));
            let adopted = images::adopt(document, &found, session.now());
            if self.dry_run {
                for (build, ids) in &adopted.new {
                    output!("  {} {}  {ids}", build.package, build.target);
                }
            }
            grown(&adopted).for_each(|told| output!("{told}"));
            self.tell(product, adopted.new.len(), found.images.len() - adopted.new.len());
            if !found.unknown.is_empty() {
                let names: Vec<&str> = found.unknown.iter().take(10).map(|image| image.name.as_str()).collect();
                output!(
                    "Images of no release of {product} that is known: {}, such as {}",
                    found.unknown.len(),
                    names.join(", ")
                );
            }
        })
    }

    /// Changes the tracker; in a dry run a copy of it.
    fn change<T>(
        &self,
        session: &Session,
        product: &str,
        change: impl FnOnce(&mut Document) -> T,
    ) -> Result<T, Failure> {
        trackers::change(session, &self.tracker, product, Kept::Left, |document, _| {
            let mut copy = self.dry_run.then(|| document.clone());
            Ok(change(copy.as_mut().unwrap_or(document)))
        })
    }

    fn tell(&self, product: &str, new: usize, known: usize) {
        if self.dry_run {
            output!("{product}: {new} would be recorded as built, {known} are so already. Nothing was changed.");
        } else {
            output!("{product}: {new} recorded as built, {known} were so before.");
        }
    }
}
