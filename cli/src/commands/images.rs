use std::path::PathBuf;

use ami_scheduler::artifacts::Images as ImagesJson;
use ami_scheduler::images::{Current, current, in_channel};
use ami_scheduler::policy::{Keep, LeadingVersion};
use ami_scheduler::release::{Nevra, Target};
use ami_scheduler::report;
use ami_scheduler::text::printable;
use ami_scheduler::tracker::heads::read_all;
use ami_scheduler::tracker::{ChannelName, Document, LATEST, Place, Pointer, Slot, TrackerName, version_of_ref};
use anyhow::{Context as _, anyhow, bail};
use clap::{ArgAction, Args, ValueEnum};

use crate::args::lists::ListOf;
use crate::args::values::{Architecture, product, switch};
use crate::args::{Channel, Per, TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::{print, write};
use crate::gitlab::{PackageFile, Published};
use crate::session::{Session, project};
use crate::trackers::{no_channel, no_tracker};

const EXAMPLES: &str = "Examples:
  The image to use on each target, of each major version:
    $ ami-scheduler images --tracker tracker --ref main

  For Terraform, or another program:
    $ ami-scheduler images --tracker tracker --ref main --format json \\
        --output amis.json

  The id of one, as variables of a shell or of GitLab's dotenv report:
    $ ami-scheduler images --tracker tracker --ref main --target al2023 \\
        --series 18 --place us-east-1 --format dotenv

  All of them, at a URL that stays:
    $ ami-scheduler images --tracker gitlab --ref main --publish";

/// Names the images to use: the current one of each target and series
///
/// That is the newest image of the newest release which has one. It stays so while a newer build is under way, or
/// after that has failed. The command changes nothing.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Images {
    #[command(flatten)]
    tracker: TrackerArgs,
    /// Only the images of this product; without it, of all that the ref has trackers of
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: Option<String>,
    /// Only these targets
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    target: ListOf<Target>,
    /// Only images from packages of this architecture, such as x86_64
    #[arg(long, value_name = "ARCH")]
    arch: Option<Architecture>,
    /// Only this series, such as 18 or 18.6: the newest image of its releases
    #[arg(long, value_name = "VERSION")]
    series: Option<LeadingVersion>,
    /// The images that this channel points to, instead of the current ones; exit code 11 if one of them is revoked
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<Channel>,
    /// What a series is, where none is named
    #[arg(long, value_enum, value_name = "PART", default_value_t = Per::Major)]
    per: Per,
    /// Only images that have an id in this place, such as us-east-1
    #[arg(long = "place", value_name = "PLACE")]
    in_place: Option<Place>,
    /// In which form
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Table)]
    format: Format,
    /// Where to write it; without it, to stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Publish images.json of each product, with all of its images, among the generic packages of the GitLab project
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    publish: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table for terminals
    Table,
    /// For programs
    Json,
    /// One image, as variables
    Dotenv,
}

impl Images {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        self.refuse_contradictions().with_exit(Exit::CommandLine)?;
        let reference = &self.tracker.reference;
        let store = session.store(&self.tracker.place)?;
        let of_ref = |name: &TrackerName| name.is_of_ref(reference);
        let mut documents = read_all(store.as_ref(), of_ref).with_exit(Exit::Tracker)?;
        documents.retain(|document| self.product.as_ref().is_none_or(|product| document.product() == product));
        if documents.is_empty() && self.publish {
            output!(
                "There is nothing to publish yet: {}",
                no_tracker(store.as_ref(), self.product.as_deref(), reference)
            );
            return Ok(());
        }
        if documents.is_empty() {
            return Err(anyhow!(no_tracker(store.as_ref(), self.product.as_deref(), reference)))
                .with_exit(Exit::Tracker);
        }
        let is_known =
            |target: &Target| documents.iter().any(|document| document.entries().any(|(_, known, _)| known == target));
        if let Some(target) = self.target.0.iter().find(|target| !is_known(target)) {
            return Err(anyhow!("--target names {target}, and no tracker on {reference} knows it: is it spelt right?"))
                .with_exit(Exit::CommandLine);
        }
        if let Some(channel) = self.named_channel()
            && !documents.iter().any(|document| document.channels().names().any(|name| name == channel))
        {
            return Err(anyhow!(no_channel(channel, Some(LATEST), &documents))).with_exit(Exit::Tracker);
        }
        let images: Vec<(&Document, Vec<Current<'_>>)> =
            documents.iter().map(|document| (document, self.images(document))).collect();
        let format = if self.publish { Format::Json } else { self.format };
        let text = match format {
            Format::Table => {
                let tables = images.iter().map(|(document, images)| {
                    report::images(document, self.named_channel(), images, self.in_place.as_ref(), session.now())
                });
                tables.collect::<Vec<_>>().join("\n")
            }
            Format::Json => json(&images, |image| self.is_asked_for(image))?,
            Format::Dotenv => self.dotenv(&images).with_exit(Exit::Tracker)?,
        };
        match &self.output {
            Some(file) => write(file, text.as_bytes())?,
            None if self.publish => {}
            None => print(&text)?,
        }
        self.tell_of_missing(&images);
        if self.publish { publish(session, &images) } else { self.refuse_revoked(&images) }
    }

    fn named_channel(&self) -> Option<&ChannelName> {
        match &self.channel {
            Some(Channel::Named(name)) => Some(name),
            Some(Channel::Latest) | None => None,
        }
    }

    /// Says of what the channel points to that it has no id to tell.
    fn tell_of_missing(&self, images: &[(&Document, Vec<Current<'_>>)]) {
        let Some(channel) = self.named_channel() else { return };
        let place = self.in_place.as_ref().map(|place| format!(" in {}", place.as_str())).unwrap_or_default();
        for (document, images) in images {
            let is_told = |slot: &Slot, to: &Pointer| {
                images.iter().any(|image| image.package == &to.package && image.target == &slot.target)
            };
            for (slot, to) in document.channels().pointers(channel) {
                let is_meant = self.is_wanted(&to.package) && self.is_of_targets(&slot.target);
                if is_meant && !is_told(slot, to) {
                    message!(
                        "WARNING: the channel {channel} points to {} for {slot}, whose image has no id{place} that counts: `status` \
                         shows those it has",
                        to.package
                    );
                }
            }
        }
    }

    /// Ends with an exit code of its own where what was told is not to be used.
    fn refuse_revoked(&self, images: &[(&Document, Vec<Current<'_>>)]) -> Result<(), Failure> {
        let Some(channel) = self.named_channel() else { return Ok(()) };
        let all = images.iter().flat_map(|(_, images)| images);
        let revoked = all.filter_map(|image| {
            let why = printable(&image.revocation?.in_words());
            Some(format!("{} for {}, which is revoked: {why}", image.package, image.target))
        });
        let revoked: Vec<String> = revoked.collect();
        if revoked.is_empty() {
            return Ok(());
        }
        Err(anyhow!(
            "the channel {channel} points to {}. `promote RELEASE --to {channel}` points it to another image",
            revoked.join("; ")
        ))
        .with_exit(Exit::Revoked)
    }

    fn refuse_contradictions(&self) -> anyhow::Result<()> {
        if !self.publish {
            return Ok(());
        }
        if !matches!(self.tracker.place, TrackerPlace::Gitlab) {
            bail!(
                "--publish needs --tracker gitlab: images.json is published in the project whose tracker tells the images"
            );
        }
        let narrowing = [
            ("--target", !self.target.0.is_empty()),
            ("--arch", self.arch.is_some()),
            ("--series", self.series.is_some()),
            ("--place", self.in_place.is_some()),
            ("--channel", self.channel.is_some()),
        ];
        match narrowing.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => bail!("--publish is of all images of a product: leave {option} out"),
            None => Ok(()),
        }
    }

    fn is_wanted(&self, package: &Nevra) -> bool {
        self.series.as_ref().is_none_or(|series| series.holds(&package.evr().version))
            && self.arch.as_ref().is_none_or(|Architecture(arch)| package.arch() == arch)
    }

    fn is_of_targets(&self, target: &Target) -> bool {
        self.target.0.is_empty() || self.target.0.contains(target)
    }

    fn is_asked_for(&self, image: &Current<'_>) -> bool {
        let has_place = self.in_place.as_ref().is_none_or(|place| image.image.ids.of(place).is_some());
        has_place && self.is_wanted(image.package) && self.is_of_targets(image.target)
    }

    fn images<'a>(&self, document: &'a Document) -> Vec<Current<'a>> {
        let keep = if self.series.is_some() { Keep::Latest } else { self.per.keep() };
        let is_wanted = |package: &Nevra| self.is_wanted(package);
        let place = self.in_place.as_ref();
        let mut images = match self.named_channel() {
            Some(channel) => in_channel(document, channel, place, is_wanted),
            None => current(document, keep, place, is_wanted),
        };
        images.retain(|image| self.is_of_targets(image.target));
        if let (Some(series), None) = (&self.series, self.named_channel()) {
            for image in &mut images {
                image.series = series.to_string();
            }
        }
        images
    }

    /// One image as variables, whose values need no quotes.
    fn dotenv(&self, images: &[(&Document, Vec<Current<'_>>)]) -> anyhow::Result<String> {
        let all: Vec<(&str, &Current<'_>)> = images
            .iter()
            .flat_map(|(document, images)| images.iter().map(|image| (document.product(), image)))
            .collect();
        let [(product, Current { target, package, image, .. })] = all.as_slice() else {
            let found = all.iter().map(|(_, image)| format!("{} for {}", image.package, image.target));
            let found = found.collect::<Vec<_>>().join(", ");
            let found = if found.is_empty() { "none".to_owned() } else { found };
            bail!(
                "dotenv is of one image, and what was found is {found}: name --product, --target, --arch, --series and --place"
            );
        };
        let is_asked_for = |place: &Place| self.in_place.as_ref().is_none_or(|only| only == place);
        let counting: Vec<_> = image.ids.counting().filter(|(place, _)| is_asked_for(place)).collect();
        let [(_, id)] = counting.as_slice() else {
            let places: Vec<&str> = counting.iter().map(|(place, _)| place.as_str()).collect();
            bail!("{package} for {target} has images in several places, name one with --place: {}", places.join(", "));
        };
        let evr = package.evr();
        Ok(format!(
            "AMI_ID={}\nPRODUCT={product}\nVERSION={}\nRELEASE={}\nPACKAGE={package}\nTARGET={target}\n",
            id.as_str(),
            evr.version,
            evr.release,
        ))
    }
}

fn json(images: &[(&Document, Vec<Current<'_>>)], is_wanted: impl Fn(&Current<'_>) -> bool) -> anyhow::Result<String> {
    Ok(ImagesJson::new(images, is_wanted).to_json()?)
}

/// Each product has a file of its own: the pipelines that build them know nothing of each other.
fn publish(session: &Session, images: &[(&Document, Vec<Current<'_>>)]) -> Result<(), Failure> {
    let (project, client) = (project()?, session.client()?);
    for of_product in images {
        let (product, reference) = (of_product.0.product(), of_product.0.reference());
        let package = format!("ami-scheduler.{product}");
        let name = PackageFile { package: &package, version: &version_of_ref(reference), file: "images.json" };
        let content = json(std::slice::from_ref(of_product), |_| true)?.into_bytes();
        let reference = printable(reference);
        let published = project
            .publish(&client, &name, content)
            .with_context(|| format!("publish the images of {product} on {reference}"))
            .with_exit(Exit::Tracker)?;
        match published {
            Published::Anew(url) => output!("Published the images of {product} on {reference}: {url}"),
            Published::AsBefore(url) => output!("The images of {product} on {reference} are as before: {url}"),
        }
    }
    Ok(())
}
