use std::collections::BTreeMap;

use ami_scheduler::images::{Current, current, current_of, in_channel};
use ami_scheduler::policy::LeadingVersion;
use ami_scheduler::release::{Nevra, Target};
use ami_scheduler::text::{named, printable};
use ami_scheduler::tracker::{ChannelName, Document, LATEST, Pointer, Recorded, Slot, Standing, State, Word};
use anyhow::{anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args};
use jiff::Timestamp;

use crate::args::lists::ListOf;
use crate::args::values::{product, switch};
use crate::args::{Channel, Per, TrackerArgs};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::session::Session;
use crate::trackers::{Kept, Named, change_existing, no_channel, product_of, refuse_unknown_targets, unknown};

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
    /// What a series is: a channel points to one image of each. Without it, what --series names, or else major;
    /// --from another channel has its own
    #[arg(long, value_enum, value_name = "PART", env = "AMI_SCHEDULER_PROMOTE_PER")]
    per: Option<Per>,
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

/// Builds that are meant and have no image that may be used: the slots stay as they are.
type Without<'a> = Vec<(Slot, &'a Nevra)>;

impl Promote {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        self.refuse_contradictions().with_exit(Exit::CommandLine)?;
        let product = product_of(session, &self.tracker, self.product.as_deref(), self.what.as_deref())?;
        let (told, warnings) = change_existing(session, &self.tracker, &product, Kept::Left, |document, place| {
            refuse_unknown_targets(document, &self.target.0, place).with_exit(Exit::CommandLine)?;
            self.refuse_what_is_unknown(document, place).with_exit(Exit::Tracker)?;
            self.refuse_what_is_left_out(document).with_exit(Exit::CommandLine)?;
            let (moves, without) = self.moves(document).with_exit(Exit::Tracker)?;
            if moves.is_empty() {
                return Err(anyhow!(self.no_image(document, &without))).with_exit(Exit::Tracker);
            }
            self.refuse_another_per(document, &moves).with_exit(Exit::CommandLine)?;
            refuse_long_names(&moves).with_exit(Exit::Tracker)?;
            let warnings: Vec<String> =
                self.is_new(document).into_iter().chain(self.unmoved(document, &moves, &without)).collect();
            let mut told = Vec::new();
            for (slot, to) in moves {
                told.push(self.promote(document, slot, to, session).with_exit(Exit::Tracker)?);
            }
            Ok((told, warnings))
        })?;
        for line in told {
            output!("{line}");
        }
        for warning in warnings {
            message!("WARNING: {warning}");
        }
        Ok(())
    }

    fn refuse_contradictions(&self) -> anyhow::Result<()> {
        let ways =
            [("a release or image", self.what.is_some()), ("--from", self.from.is_some()), ("--nothing", self.nothing)];
        let given: Vec<&str> = ways.iter().filter(|(_, is_given)| *is_given).map(|(way, _)| *way).collect();
        match given.as_slice() {
            [_] => Ok(()),
            [] => bail!(
                "say what is promoted: a release, such as 18.6.1, the id of an image, or --from and a channel, such as latest"
            ),
            several => bail!("{} are given: which one is meant?", several.join(" and ")),
        }
    }

    /// A word on a channel that nobody has promoted to: it may be a slip.
    fn is_new(&self, document: &Document) -> Option<String> {
        let known: Vec<String> = document.channels().names().map(ToString::to_string).collect();
        let is_known = known.iter().any(|name| *name == self.to.to_string());
        (!is_known && !known.is_empty())
            .then(|| format!("{} is a new channel; there were: {}", self.to, known.join(", ")))
    }

    fn refuse_what_is_unknown(&self, document: &Document, place: &str) -> anyhow::Result<()> {
        let is_channel = |name: &ChannelName| document.channels().names().any(|known| known == name);
        match (&self.what, &self.from) {
            (Some(what), _) if Named::find(document, what).is_none() => Err(unknown(document, place, what)),
            (None, Some(Channel::Named(name))) if !is_channel(name) => {
                bail!(no_channel(name, Some(LATEST), std::slice::from_ref(document)))
            }
            (None, None) if !is_channel(&self.to) => bail!(no_channel(&self.to, None, std::slice::from_ref(document))),
            _ => Ok(()),
        }
    }

    /// The slots of the channel that are meant, too, and stay where they are.
    fn unmoved(&self, document: &Document, moves: &Moves, without: &Without<'_>) -> Vec<String> {
        let is_alike = |slot: &Slot| {
            let mut of_release = moves.keys().chain(without.iter().map(|(slot, _)| slot));
            of_release.any(|other| (&other.arch, &other.series) == (&slot.arch, &slot.series))
        };
        let is_image =
            matches!(self.what.as_deref().and_then(|what| Named::find(document, what)), Some(Named::Image(..)));
        let is_meant = |slot: &Slot, package: &Nevra| match &self.what {
            Some(_) => !is_image && is_alike(slot) && self.is_of_target(&slot.target),
            None => !self.nothing && self.is_meant(package, &slot.target),
        };
        let mut told = Vec::new();
        for (slot, to) in document.channels().pointers(&self.to) {
            if moves.contains_key(slot) || !is_meant(slot, &to.package) {
                continue;
            }
            let revoked = document.revocation_of_pointer(&slot.target, to);
            let revoked =
                revoked.map(|word| format!(" (revoked: {})", printable(&word.in_words()))).unwrap_or_default();
            let why = match (without.iter().find(|(known, _)| known == slot), &self.what, &self.from) {
                (Some((_, package)), ..) => why_not(document, package, &slot.target),
                (None, Some(what), _) => format!("{} was not built there", printable(what)),
                (None, None, from) => {
                    let from = from.as_ref().map(ToString::to_string).unwrap_or_default();
                    format!("{from} has no image there")
                }
            };
            let slot = in_words(slot);
            told.push(format!("{} goes on to point to {} for {slot}{revoked}: {why}", self.to, to.package));
        }
        let is_told = |slot: &Slot| document.channels().pointers(&self.to).any(|(known, _)| known == slot);
        for (slot, package) in without.iter().filter(|(slot, _)| !is_told(slot)) {
            told.push(format!(
                "{} points to nothing for {}: {}",
                self.to,
                in_words(slot),
                why_not(document, package, &slot.target)
            ));
        }
        told
    }

    fn refuse_what_is_left_out(&self, document: &Document) -> anyhow::Result<()> {
        let Some(what) = &self.what else { return Ok(()) };
        let builds: Vec<(&Nevra, &Target)> = match &Named::find(document, what) {
            Some(Named::Image(build, _)) => document
                .entries()
                .map(|(package, target, _)| (package, target))
                .filter(|of| *of == (&build.package, &build.target))
                .collect(),
            Some(Named::Releases(releases)) => {
                let builds = document.entries().filter(|(package, ..)| releases.contains(package));
                builds.map(|(package, target, _)| (package, target)).collect()
            }
            None => return Ok(()),
        };
        if builds.is_empty() || builds.iter().any(|(package, target)| self.is_meant(package, target)) {
            return Ok(());
        }
        let narrowing = [("--target", !self.target.0.is_empty()), ("--series", self.series.is_some())];
        let given: Vec<&str> = narrowing.iter().filter(|(_, is_given)| *is_given).map(|(option, _)| *option).collect();
        let of: Vec<String> = builds.iter().map(|(package, target)| format!("{package} for {target}")).collect();
        bail!("{} leaves out all that {} names: {}", given.join(" with "), printable(what), of.join(", "))
    }

    /// A slot of another kind would be one that nobody moves any more.
    fn refuse_another_per(&self, document: &Document, moves: &Moves) -> anyhow::Result<()> {
        let parts = |slot: &Slot| slot.series.split('.').filter(|part| !part.is_empty()).count();
        for (slot, _) in moves.iter().filter(|(_, to)| to.is_some()) {
            let is_like = |known: &Slot| known.target == slot.target && known.arch == slot.arch;
            let mut known = document.channels().pointers(&self.to).filter(|(known, _)| is_like(known));
            if let Some((known, _)) = known.find(|(known, _)| parts(known) != parts(slot)) {
                bail!(
                    "{} has one image for {}, and this would add one for {}: a channel has series of one kind. Repeat it with \
                     the --per of the others, or end what there is: promote --nothing --to {}",
                    self.to,
                    in_words(known),
                    in_words(slot),
                    self.to
                );
            }
        }
        Ok(())
    }

    fn per(&self) -> Per {
        let is_of_minor = self.series.as_ref().is_some_and(|series| series.to_string().contains('.'));
        self.per.unwrap_or(if is_of_minor { Per::Minor } else { Per::Major })
    }

    fn is_meant(&self, package: &Nevra, target: &Target) -> bool {
        self.is_of_target(target) && self.is_of_series(package)
    }

    fn is_of_target(&self, target: &Target) -> bool {
        self.target.0.is_empty() || self.target.0.contains(target)
    }

    fn is_of_series(&self, package: &Nevra) -> bool {
        self.series.as_ref().is_none_or(|series| series.holds(&package.evr().version))
    }

    /// Where the channel is to point, and the slots that are meant and stay.
    fn moves<'a>(&self, document: &'a Document) -> anyhow::Result<(Moves, Without<'a>)> {
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
                current(document, self.per().keep(), None, is_of_series)
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
        let moves: Moves = images.iter().map(|image| (slot(image), Some(pointer(image)))).collect();
        let mut without = Without::new();
        if let Some(Channel::Named(from)) = &self.from {
            let meant =
                document.channels().pointers(from).filter(|(slot, to)| self.is_meant(&to.package, &slot.target));
            let left = meant.filter(|(slot, _)| !moves.contains_key(slot));
            without.extend(left.map(|(slot, to)| (slot.clone(), &to.package)));
        }
        Ok((moves, without))
    }

    /// The images of a release, or the one image of an id.
    fn named<'a>(&self, document: &'a Document, what: &str) -> (Moves, Without<'a>) {
        let (mut moves, mut without) = (Moves::new(), Without::new());
        match Named::find(document, what) {
            Some(Named::Image(build, key)) => {
                let mut images = document.images(&build.package, &build.target);
                let may_be_used = images.any(|(known, image)| {
                    *known == key && document.counts(image) && image.ids.counting().next().is_some()
                }) && document.revocation(&build.package, &build.target).is_none();
                let slot = self.slot(&build.package, &build.target);
                if may_be_used {
                    moves.insert(slot, Some(Pointer { package: build.package.clone(), image: key }));
                } else if let Some((package, ..)) = document
                    .entries()
                    .find(|(package, target, _)| (*package, *target) == (&build.package, &build.target))
                {
                    without.push((slot, package));
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
                        None => without.push((self.slot(package, target), package)),
                    }
                }
            }
            None => {}
        }
        // Of two releases of one version, one may have an image.
        without.retain(|(slot, _)| !moves.contains_key(slot));
        (moves, without)
    }

    fn slot(&self, package: &Nevra, target: &Target) -> Slot {
        let series = self.per().keep().series_name(package);
        Slot { target: target.clone(), arch: package.arch().to_owned(), series }
    }

    /// Moves the channel; says where it points now, and where it did.
    fn promote(
        &self,
        document: &mut Document,
        slot: Slot,
        to: Option<Pointer>,
        session: &Session,
    ) -> anyhow::Result<String> {
        let before = document.channels().pointers(&self.to).find(|(known, _)| **known == slot).map(|(_, to)| to);
        let ids = |to: &Pointer| {
            let image = document.pointed(&slot.target, to);
            printable(&image.map(|(_, image)| image.ids.to_string()).unwrap_or_default())
        };
        let before = match (before, &to) {
            (None, _) => "nothing".to_owned(),
            (Some(before), Some(to)) if before.package == to.package => format!("{} of the same release", ids(before)),
            (Some(before), _) => before.package.to_string(),
        };
        let now = to.as_ref().map_or_else(|| "nothing".to_owned(), |to| format!("{}  {}", to.package, ids(to)));
        let at = format!("{} for {}: {now}", self.to, in_words(&slot));
        let word = Word { reason: self.reason.clone(), by: Some(self.by.clone()), at: session.now() };
        match document.promote(&self.to, slot, to, word) {
            Recorded::Changed => Ok(format!("{at}  (before: {before})")),
            Recorded::AsBefore => Ok(format!("{at}  (as before)")),
            Recorded::AtItsEnd => bail!(
                "the channel {} was moved as often as can be counted, by its record ({at}): no person did that, so who has \
                 written it? Use another channel",
                self.to
            ),
        }
    }

    fn no_image(&self, document: &Document, without: &Without<'_>) -> String {
        let why = |(slot, package): &(Slot, &Nevra)| {
            format!("{package} for {}: {}", slot.target, why_not(document, package, &slot.target))
        };
        let series = self.series.as_ref().map(|series| format!(" of series {series}")).unwrap_or_default();
        let what = match (&self.what, &self.from) {
            (Some(what), _) => {
                let why: Vec<String> = without.iter().map(why).collect();
                format!("there is no image of {} that may be used ({})", printable(what), why.join("; "))
            }
            (None, Some(from)) => format!("the channel {from} points to no image{series} that may be used"),
            (None, None) => format!("the channel {} points to no image{series}", self.to),
        };
        format!(
            "{what} in the tracker of {} on {}: nothing was promoted",
            document.product(),
            printable(document.reference())
        )
    }
}

/// What is written can be read again.
fn refuse_long_names(moves: &Moves) -> anyhow::Result<()> {
    match moves.iter().find(|(slot, _)| slot.to_string().parse::<Slot>().is_err()) {
        Some((slot, _)) => bail!(
            "the target, architecture and series of {} are too long for a channel: leave it out by --target or --series",
            named(&slot.to_string())
        ),
        None => Ok(()),
    }
}

/// A slot as people read it.
fn in_words(slot: &Slot) -> String {
    let Slot { target, arch, series } = slot;
    if series.is_empty() { format!("{target} {arch}, all versions") } else { slot.to_string() }
}

/// Why a build has no image that may be used.
fn why_not(document: &Document, package: &Nevra, target: &Target) -> String {
    if let Some(word) = document.revocation(package, target) {
        return format!("it is revoked: {}", printable(&word.in_words()));
    }
    let Some(entry) = document.entry(package, target) else { return "it was not built there".to_owned() };
    let last = document.images(package, target).next_back().map(|(_, image)| image);
    match (last, entry.state) {
        (_, State::Skipped) => "it is skipped".to_owned(),
        (Some(image), _) if document.revocation_of_image(image).is_some() => {
            format!("its image is revoked: {}", printable(&image.ids.to_string()))
        }
        (Some(image), _) if !image.is_tested() => "its image has not passed its test".to_owned(),
        (Some(_), State::Built) => "its image has no id that counts".to_owned(),
        _ => {
            let url = entry.origin.job_url.as_ref().or(entry.origin.pipeline_url.as_ref());
            let url = url.map(|url| format!(", {}", printable(url))).unwrap_or_default();
            format!("it is {}{url}", Standing::of(entry, Timestamp::MIN).word())
        }
    }
}
