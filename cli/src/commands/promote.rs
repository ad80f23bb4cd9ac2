use std::collections::BTreeMap;

use ami_scheduler::images::{Current, current, current_of, in_channel};
use ami_scheduler::policy::LeadingVersion;
use ami_scheduler::release::{Nevra, Target};
use ami_scheduler::text::printable;
use ami_scheduler::tracker::{ChannelName, Document, Pointer, Recorded, Slot, Word};
use anyhow::{anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args};

use crate::args::lists::ListOf;
use crate::args::values::{product, switch};
use crate::args::{Channel, Per, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::{Kept, Named, change_existing, product_of};

const EXAMPLES: &str = "Examples:
  The image of a release, on each target that it was built for:
    $ ami-scheduler promote 18.6.1 --to stable --by mary \\
        --reason 'a week in staging' --tracker tracker --ref main

  One image, by its id; the way back is the same command:
    $ ami-scheduler promote ami-0abc --to stable --by mary \\
        --reason 'the other loses its network' --tracker tracker --ref main

  What one channel points to, by another; latest stands for the current images:
    $ ami-scheduler promote --from latest --to candidate --by mary \\
        --reason 'to be tried' --tracker tracker --ref main

  Nothing, from now on, of a series that has ended:
    $ ami-scheduler promote --nothing --to stable --series 18 --by mary \\
        --reason 'it has ended' --tracker tracker --ref main";

/// Points a channel to the images of a release, to one image, or to those of another channel
///
/// A channel points to one image for each target, architecture and series. It is pointed to the image that is current
/// now: a build that is made again moves no channel. The tracker keeps each move, with who, when and why; the way back
/// is the same command.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Promote {
    /// The release, or the id of an image: 18.6.1, gitlab-runner-18.6.1-1.x86_64 or ami-0abc
    #[arg(value_name = "RELEASE|IMAGE")]
    what: Option<String>,
    /// Where no release is named, the channel whose images are promoted; latest stands for the current ones
    #[arg(long, value_name = "CHANNEL", env = "AMI_SCHEDULER_PROMOTE_FROM")]
    from: Option<Channel>,
    /// Point it to nothing
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set, env = "AMI_SCHEDULER_PROMOTE_NOTHING")]
    nothing: bool,
    /// The channel, such as stable
    #[arg(long, value_name = "CHANNEL", env = "AMI_SCHEDULER_PROMOTE_TO")]
    to: ChannelName,
    /// Only for these targets; without it, for all
    #[arg(
        long,
        value_name = "LIST",
        default_value = "",
        hide_default_value = true,
        env = "AMI_SCHEDULER_PROMOTE_TARGET"
    )]
    target: ListOf<Target>,
    /// Only images of releases of this version, such as 18 or 18.6
    #[arg(long, value_name = "VERSION", env = "AMI_SCHEDULER_PROMOTE_SERIES")]
    series: Option<LeadingVersion>,
    /// What a series is, of which a channel points to one image; --from another channel has its own
    #[arg(long, value_enum, value_name = "PART", default_value_t = Per::Major, env = "AMI_SCHEDULER_PROMOTE_PER")]
    per: Per,
    /// The product, where the ref has trackers of several
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: Option<String>,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new(), env = "AMI_SCHEDULER_PROMOTE_REASON")]
    reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    #[command(flatten)]
    tracker: TrackerArgs,
}

/// What each slot is to point to.
type Moves = BTreeMap<Slot, Option<Pointer>>;

impl Promote {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let is_named = self.what.is_some();
        if is_named && self.nothing {
            return Err(anyhow!("a release and --nothing are both given: which of them is meant?"))
                .with_exit(Exit::CommandLine);
        }
        if !is_named && !self.nothing && self.from.is_none() {
            return Err(anyhow!(
                "say what is promoted: a release, such as 18.6.1, the id of an image, or --from and a channel, such as latest"
            ))
            .with_exit(Exit::CommandLine);
        }
        let product = product_of(session, &self.tracker, self.product.as_deref(), self.what.as_deref())?;
        let told = change_existing(session, &self.tracker, &product, Kept::Left, |document, place| {
            self.refuse_unknown_targets(document, place).with_exit(Exit::CommandLine)?;
            let (moves, without) = self.moves(document).with_exit(Exit::Tracker)?;
            if moves.is_empty() {
                return Err(anyhow!(self.no_image(document))).with_exit(Exit::Tracker);
            }
            self.refuse_another_per(document, &moves).with_exit(Exit::CommandLine)?;
            let stay = without.iter().map(|(package, target)| self.stays(document, package, target));
            let mut told: Vec<String> = stay.collect();
            for (slot, to) in moves {
                if document.channels().is_at_its_end(&self.to, &slot) {
                    return Err(anyhow!(
                        "the channel {} was moved for {slot} as often as can be counted, by its record: no person did that, so \
                         who has written it? Use another channel",
                        self.to
                    ))
                    .with_exit(Exit::Tracker);
                }
                told.push(self.promote(document, slot, to, session));
            }
            Ok(told)
        })?;
        for line in told {
            output!("{line}");
        }
        Ok(())
    }

    fn refuse_unknown_targets(&self, document: &Document, place: &str) -> anyhow::Result<()> {
        let is_known = |target: &&Target| document.entries().any(|(_, known, _)| known == *target);
        match self.target.0.iter().find(|target| !is_known(target)) {
            Some(target) => {
                bail!("--target names {target}, and the tracker in {place} knows no such target: is it spelt right?")
            }
            None => Ok(()),
        }
    }

    /// A slot of another kind would be one that nobody moves any more.
    fn refuse_another_per(&self, document: &Document, moves: &Moves) -> anyhow::Result<()> {
        let parts = |slot: &Slot| slot.series.split('.').filter(|part| !part.is_empty()).count();
        for (slot, _) in moves.iter().filter(|(_, to)| to.is_some()) {
            let is_like = |known: &Slot| known.target == slot.target && known.arch == slot.arch;
            let mut known = document.channels().pointers(&self.to).filter(|(known, _)| is_like(known));
            if let Some((known, _)) = known.find(|(known, _)| parts(known) != parts(slot)) {
                bail!(
                    "the channel {} points to an image for {known}, and would have one for {slot} beside it: series of one kind \
                     are what a channel has. Is --per right? `promote --nothing` ends what it pointed to",
                    self.to
                );
            }
        }
        Ok(())
    }

    fn is_meant(&self, package: &Nevra, target: &Target) -> bool {
        (self.target.0.is_empty() || self.target.0.contains(target)) && self.is_of_series(package)
    }

    fn is_of_series(&self, package: &Nevra) -> bool {
        self.series.as_ref().is_none_or(|series| series.holds(&package.evr().version))
    }

    /// Where the channel is to point, and which builds that are meant have no image that may be used.
    fn moves(&self, document: &Document) -> anyhow::Result<(Moves, Vec<(Nevra, Target)>)> {
        if self.nothing {
            let pointers = document.channels().pointers(&self.to);
            let ended = pointers.filter(|(slot, to)| self.is_meant(&to.package, &slot.target));
            return Ok((ended.map(|(slot, _)| (slot.clone(), None)).collect(), Vec::new()));
        }
        if let Some(what) = &self.what {
            return Ok(self.named(document, what));
        }
        let mut images = match &self.from {
            Some(Channel::Named(name)) => in_channel(document, name, None, |_| true),
            Some(Channel::Latest) | None => {
                let is_of_series = |package: &Nevra| self.is_of_series(package);
                current(document, self.per.keep(), None, is_of_series)
            }
        };
        images.retain(|image| self.is_meant(image.package, image.target));
        if let Some(revoked) = images.iter().find(|image| image.revocation.is_some()) {
            bail!(
                "{} for {} is revoked, and is what {} points to: promote another release there, or name other targets by --target",
                revoked.package,
                revoked.target,
                self.from.as_ref().map(ToString::to_string).unwrap_or_default()
            );
        }
        let slot = |image: &Current<'_>| match &self.from {
            Some(Channel::Named(_)) => Slot { series: image.series.clone(), ..self.slot(image.package, image.target) },
            Some(Channel::Latest) | None => self.slot(image.package, image.target),
        };
        let pointer = |image: &Current<'_>| Pointer { package: image.package.clone(), image: image.key.clone() };
        Ok((images.iter().map(|image| (slot(image), Some(pointer(image)))).collect(), Vec::new()))
    }

    /// The images of a release, or the one image of an id.
    fn named(&self, document: &Document, what: &str) -> (Moves, Vec<(Nevra, Target)>) {
        let (mut moves, mut without) = (Moves::new(), Vec::new());
        match Named::find(document, what) {
            Some(Named::Image(build, key)) if self.is_meant(&build.package, &build.target) => {
                let mut images = document.images(&build.package, &build.target);
                let may_be_used = images
                    .any(|(known, image)| *known == key && image.counts() && image.ids.counting().next().is_some())
                    && document.revocation(&build.package, &build.target).is_none();
                if may_be_used {
                    let slot = self.slot(&build.package, &build.target);
                    moves.insert(slot, Some(Pointer { package: build.package.clone(), image: key }));
                }
            }
            Some(Named::Releases(releases)) => {
                // The oldest first: of several of one series the newest counts.
                let builds = document
                    .entries()
                    .filter(|(package, target, _)| releases.contains(package) && self.is_meant(package, target));
                for (package, target, _) in builds {
                    match current_of(document, package, target, None) {
                        Some((key, _)) => {
                            let to = Pointer { package: package.clone(), image: key.clone() };
                            moves.insert(self.slot(package, target), Some(to));
                        }
                        None => without.push((package.clone(), target.clone())),
                    }
                }
            }
            Some(Named::Image(..)) | None => {}
        }
        (moves, without)
    }

    fn slot(&self, package: &Nevra, target: &Target) -> Slot {
        let series = self.per.keep().series_name(package);
        Slot { target: target.clone(), arch: package.arch().to_owned(), series }
    }

    /// Says that a build has no image to promote, and where its channel goes on to point.
    fn stays(&self, document: &Document, package: &Nevra, target: &Target) -> String {
        let slot = self.slot(package, target);
        let known = document.channels().pointers(&self.to).find(|(known, _)| **known == slot);
        let to = known.map_or_else(|| "nothing".to_owned(), |(_, to)| to.package.to_string());
        format!(
            "There is no image of {package} for {target} that may be used: {} goes on to point to {to} there",
            self.to
        )
    }

    /// Moves the channel; says where it points now, and where it did.
    fn promote(&self, document: &mut Document, slot: Slot, to: Option<Pointer>, session: &Session) -> String {
        let before = document.channels().pointers(&self.to).find(|(known, _)| **known == slot);
        let before = before.map_or_else(|| "nothing".to_owned(), |(_, to)| to.package.to_string());
        let now = to.as_ref().map_or_else(
            || "nothing".to_owned(),
            |Pointer { package, image }| {
                let images = document.images(package, &slot.target).find(|(known, _)| *known == image);
                let ids = images.map(|(_, image)| image.ids.to_string()).unwrap_or_default();
                format!("{package}  {}", printable(&ids))
            },
        );
        let word = Word { reason: self.reason.clone(), by: Some(self.by.clone()), at: session.now() };
        let at = format!("{} for {slot}: {now}", self.to);
        match document.promote(&self.to, slot, to, word) {
            Recorded::Changed => format!("{at}  (before: {before})"),
            Recorded::AsBefore => format!("{at}  (as before)"),
        }
    }

    fn no_image(&self, document: &Document) -> String {
        let what = match (&self.what, &self.from) {
            (Some(what), _) => format!("there is no image of {} that may be used", printable(what)),
            (None, Some(from)) if !self.nothing => format!("the channel {from} points to no image"),
            (None, _) => format!("the channel {} points to no image", self.to),
        };
        format!(
            "{what} in the tracker of {} on {}: nothing was promoted. `status` shows what was built, tested and revoked",
            document.product(),
            printable(document.reference())
        )
    }
}
