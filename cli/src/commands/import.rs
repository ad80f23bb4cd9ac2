use std::collections::BTreeMap;
use std::path::PathBuf;

use ami_scheduler::release::{Nevra, builds_on};
use ami_scheduler::tracker::{Recorded, plain_text};
use anyhow::{Context as _, anyhow};
use clap::Args;

use crate::adoption::{Adoption, adopt};
use crate::args::lists::ListOf;
use crate::args::targets::{TargetArg, stated};
use crate::args::{ImageArgs, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read_file_or_stdin;
use crate::session::Session;
use crate::trackers::{self, Kept};

const EXAMPLES: &str = "Examples:
  The list of a hand-written pipeline; each package counts as built on both:
    $ ami-scheduler import main.txt --targets al2023,rhel9 \\
        --tracker tracker --ref main

  The images that there are, by their names, and the releases of packages.json:
    $ aws ec2 describe-images --owners self | ami-scheduler import - \\
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
    /// The file; - for stdin
    file: PathBuf,
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    tracker: TrackerArgs,
    /// What each of these packages was built on: al2023,rhel9, or a JSON array
    #[arg(long, value_name = "LIST")]
    targets: ListOf<TargetArg>,
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
        let content = read_file_or_stdin(&self.file)?;
        if content.trim_ascii_start().starts_with(b"{") {
            return self.import_images(&content, session);
        }
        let file = self.file.display();
        let doing = || format!("{file} cannot be taken over");
        let text = String::from_utf8(content).context("it is no UTF-8 text; store it as such");
        let packages = plain_text::parse(&text.with_context(doing)?).with_context(doing)?;
        let mut by_product: BTreeMap<&str, Vec<&Nevra>> = BTreeMap::new();
        for package in &packages {
            by_product.entry(package.name()).or_default().push(package);
        }
        if by_product.is_empty() {
            output!("{file} names no package: nothing to take over.");
        }
        for (product, packages) in by_product {
            let builds = packages.iter().flat_map(|package| builds_on(&targets, package));
            let reason = format!("imported from {file}");
            let (new, known): (Vec<_>, Vec<_>) =
                trackers::change(session, &self.tracker, product, Kept::Left, |document, _| {
                    let recorded = builds.map(|build| document.import(&build, &reason, session.now()));
                    Ok(recorded.partition(|one| *one == Recorded::Changed))
                })?;
            output!("{product}: {} recorded as built, {} were so before.", new.len(), known.len());
        }
        Ok(())
    }

    fn import_images(&self, json: &[u8], session: &Session) -> Result<(), Failure> {
        let targets = &stated(self.targets.clone());
        let adoption = Adoption::read(&self.file, json, &self.images, targets)?;
        let product = &adoption.packages.product;
        let (found, new, all) = trackers::change(session, &self.tracker, product, Kept::Left, |document, _| {
            let found = adoption.find(document, targets);
            let (new, all) = adopt(document, &found, session.now());
            Ok((found, new, all))
        })?;
        output!("{product}: {new} recorded as built, {} were so before.", all - new);
        if !found.unknown.is_empty() {
            let names: Vec<&str> = found.unknown.iter().take(10).map(|image| image.name.as_str()).collect();
            output!(
                "Images of no release of {product} that is known: {}, such as {}",
                found.unknown.len(),
                names.join(", ")
            );
        }
        Ok(())
    }
}
