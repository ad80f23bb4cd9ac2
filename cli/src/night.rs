//! A night: the releases beside the tracker, and what the rules make of both.

use std::collections::BTreeMap;
use std::path::Path;

use ami_scheduler::alarm::{self, Alarm, Limits, Offer, Watch};
use ami_scheduler::artifacts::Packages;
use ami_scheduler::plan::compare::Earlier;
use ami_scheduler::plan::{Context, HoldReason, Plan, Rules, by_hand, nightly};
use ami_scheduler::policy::FilterReason;
use ami_scheduler::release::{BuildKey, Nevra, StatedTarget, Target, builds_on, listed};
use ami_scheduler::report;
use ami_scheduler::repository::RepositoryRead;
use ami_scheduler::text::{count, minute};
use ami_scheduler::tracker::heads::{Heads, Store, StoredFile, Tracker};
use ami_scheduler::tracker::{Document, MAX_HEAD, Origin, READABLE, Room, plain_text};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;

use crate::adoption::Adopts;
use crate::args::{RuleArgs, TrackerArgs};
use crate::claims;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read;
use crate::ingredients;
use crate::revocation;
use crate::session::Session;

/// The request that a run answers.
pub struct Request<'a> {
    /// The targets that the team has, each once.
    pub targets: Vec<StatedTarget>,
    /// The targets that this run is about; none stand for all.
    pub only_targets: Vec<Target>,
    /// Whether the tracker is read and written for a version that is asked for by hand.
    pub record: bool,
    /// The person who asks for such a version.
    pub by: Option<String>,
    /// Where the images are told that there are already, if these count as built.
    pub adopts: Option<Adopts<'a>>,
    /// Where it is said what images are made of besides the package.
    pub ingredients: ingredients::Source<'a>,
}

/// A run that is decided, and has no effect yet.
pub struct Night {
    pub packages: Packages,
    pub targets: Vec<Target>,
    stated: Vec<StatedTarget>,
    pub rules: Rules,
    pub ingredients: ingredients::ByTarget,
    pub origin: Origin,
    pub now: Timestamp,
    pub plan: Plan,
    /// The tracker before the run, and after it.
    pub before: Document,
    after: Document,
    /// A sentence on what was taken over from a plain-text tracker.
    pub taken_over: Option<String>,
    /// The builds whose claims were given back, since their pipeline was cancelled.
    pub given_back: Vec<BuildKey>,
    /// What is told of the images that there are.
    pub adopted: Vec<String>,
    /// The tracker's store, and the heads that were read; none for a version by hand that is not recorded.
    tracker: Option<(Box<dyn Store>, Heads)>,
}

impl Night {
    pub fn make(
        session: &Session,
        mut packages: Packages,
        request: Request<'_>,
        tracker_args: &TrackerArgs,
        rules: RuleArgs,
        origin: Origin,
    ) -> Result<Self, Failure> {
        let all_targets = request.targets;
        let named: Vec<Target> = all_targets.iter().map(|stated| stated.target.clone()).collect();
        let targets = only(&named, &request.only_targets).with_exit(Exit::CommandLine)?;
        packages.leave_to(&all_targets);
        if let Some(target) = targets.iter().find(|target| !packages.cover(target)) {
            return Err(anyhow!(
                "--targets names {target}, and no --repo-url was for it: list has to be told of a repository for it"
            ))
            .with_exit(Exit::CommandLine);
        }
        let mut rules = rules.into_rules(packages.policy.clone());
        rules.architectures = architectures(&all_targets);
        let ingredients = request.ingredients.read(&rules, &named)?;
        let (product, reference) = (packages.product.as_str(), tracker_args.reference.as_str());
        let asked_for = packages.policy.versions.asked_for();
        let (before, taken_over, tracker) = if asked_for.is_some() && !request.record {
            (Document::new(product, reference), None, None)
        } else {
            let store = session.store(&tracker_args.place)?;
            let tracker = Tracker::new(store.as_ref(), product, reference).with_exit(Exit::Tracker)?;
            let mut heads = tracker.read().with_exit(Exit::Tracker)?;
            let (before, taken_over) = match heads.document.take() {
                Some(document) => (document, None),
                None => {
                    first_document(store.as_ref(), &tracker, &heads, product, reference, &all_targets, session.now())?
                }
            };
            (before, taken_over, Some((store, heads)))
        };
        refuse_lost_repodata(&packages, &before).with_exit(Exit::Repository)?;
        let now = session.now();
        let mut after = before.clone();
        // This machine's own clock may be the one that is wrong; and who gives the time replays a run.
        if session.clock.is_of_gitlab() {
            tell_of_times_to_come(&after.cap_times(now), now);
        }
        let given_back = claims::give_back_cancelled(&mut after, &tracker_args.place, &origin, session);
        let is_of_all = tracker.is_some() && asked_for.is_none();
        let adopts = request.adopts.filter(|_| is_of_all);
        let adopted =
            adopts.map(|adopts| adopts.adopt(&packages, &rules, &mut after, &all_targets, now)).transpose()?;
        let offered = &packages.packages;
        let context = Context { targets: &targets, rules: &rules, ingredients: &ingredients, origin: &origin, now };
        let plan = match asked_for {
            None => nightly(offered, &mut after, &context, tracker.as_ref().and_then(|(_, heads)| heads.taken())),
            Some(version) => {
                let offers_none = |target: &&Target| !offered.iter().any(|package| package.is_for(target));
                if let Some(target) = targets.iter().find(offers_none) {
                    return Err(anyhow!(
                        "there is no {version} of {product} for {target}: name the other targets by --only-targets (input only_targets, variable AMI_SCHEDULER_ONLY_TARGETS)"
                    ))
                    .with_exit(Exit::Repository);
                }
                by_hand(offered, &mut after, request.by.as_deref(), &context)
            }
        };
        no_room_for_any(&plan, &after)?;
        if asked_for.is_some() {
            for build in &plan.builds {
                if let Some(warning) = revocation::warning_of_build(&after, &build.package.nevra, &build.target) {
                    message!("{warning}");
                }
            }
        }
        let stated = all_targets;
        Ok(Self {
            packages,
            targets,
            stated,
            rules,
            ingredients,
            origin,
            now,
            plan,
            before,
            after,
            taken_over,
            given_back,
            adopted: adopted.unwrap_or_default(),
            tracker,
        })
    }

    /// The alarms of this run, about the releases first. Raising them changes the tracker, too: it remembers what was
    /// seen. `expected` is where a build tells of its image.
    pub fn alarms(&mut self, limits: &Limits, expected: &[String]) -> Vec<Alarm> {
        if self.packages.policy.versions.asked_for().is_some() {
            return Vec::new(); // what is asked for by hand is no run
        }
        let mut filtered: Vec<_> = self.packages.filtered.iter().map(|row| (&row.package, row.reason)).collect();
        filtered.extend(self.of_no_architecture_of_a_target());
        let offer = Offer { wanted: &self.packages.packages, filtered: &filtered };
        let mut alarms = alarm::of_releases(&offer, &self.plan, &self.after, expected, &self.context());
        let watch = Watch {
            lane: self.origin.lane.as_deref().unwrap_or_default(),
            limits,
            now: self.now,
            pipeline: self.origin.pipeline,
        };
        alarms.extend(watch.alarms(&self.before, &mut self.after, &self.packages.repositories));
        alarms
    }

    /// The releases that were left to other targets alone, where one that states its architecture has none.
    fn of_no_architecture_of_a_target(&self) -> impl Iterator<Item = (&Nevra, FilterReason)> {
        let all = &self.packages.packages;
        let has_none =
            |target: &Target| self.targets.contains(target) && !all.iter().any(|package| package.is_for(target));
        let without: Vec<_> = self.stated.iter().filter(|stated| has_none(&stated.target)).collect();
        let others = all.iter().filter(move |package| without.iter().any(|stated| !stated.takes(&package.nevra)));
        others.map(|package| (&package.nevra, FilterReason::OtherArchitecture))
    }

    /// The context of the decisions.
    pub fn context(&self) -> Context<'_> {
        let Self { targets, rules, ingredients, origin, now, .. } = self;
        Context { targets, rules, ingredients, origin, now: *now }
    }

    /// Whether the tracker knows of the builds.
    pub fn is_recorded(&self) -> bool {
        self.tracker.is_some()
    }

    /// Compares this run with an earlier one: which builds the rules add, and which they drop.
    pub fn compare(&self, earlier: &Earlier) -> String {
        if let Some(version) = &earlier.asked_for {
            return format!(
                "The earlier run was about {version}, asked for by hand: there is nothing to compare with."
            );
        }
        let filtered: Vec<_> = self.packages.filtered.iter().map(|row| (row.package.clone(), row.reason)).collect();
        report::comparison(earlier, &earlier.compare(&self.plan, &filtered))
    }

    /// Claims the builds, and remembers the rest.
    pub fn record(&self) -> Result<(), Failure> {
        let Some((store, heads)) = &self.tracker else { return Ok(()) };
        let write = || {
            let tracker = Tracker::new(store.as_ref(), self.after.product(), self.after.reference())?;
            // A second file will be needed as soon as a build is done. That there is no room for it is better known
            // before anything is claimed.
            if heads.is_new() {
                tracker.write(heads, &self.before)?;
            }
            tracker.write(heads, &self.after)
        };
        write().with_exit(Exit::Tracker)
    }
}

/// An error where a repository had repodata when the tracker last saw it, and an index was read in its place.
fn refuse_lost_repodata(packages: &Packages, before: &Document) -> anyhow::Result<()> {
    let has_lost =
        |read: &&RepositoryRead| before.repository(&read.url).is_some_and(|seen| seen.has_lost_repodata(read));
    match packages.repositories.iter().find(has_lost) {
        None => Ok(()),
        Some(read) => bail!(
            "{} had repodata when the tracker last saw it, and list has read an index in its place. An index tells no \
             epochs, and releases that were built would count as new ones: nothing is claimed or built. If \
             repodata/repomd.xml is missing for a while, run the job again later. If the repository has no repodata from \
             now on, set accept_index: true (list --accept-index) for one run",
            read.url
        ),
    }
}

/// Says that a clock was wrong.
fn tell_of_times_to_come(capped: &[(BuildKey, Timestamp)], now: Timestamp) {
    if let Some((BuildKey { package, target }, time)) = capped.iter().max_by_key(|(_, time)| time) {
        message!(
            "WARNING: in the tracker {} changed at a time that is yet to come, {package} for {target} at {}: a clock was wrong. \
             It is {} now, and that counts",
            count(capped.len(), "build"),
            minute(*time),
            minute(now)
        );
    }
}

/// An error where builds are wanted and the tracker has no room for the outcome of any.
fn no_room_for_any(plan: &Plan, document: &Document) -> Result<(), Failure> {
    let waits = plan.held.iter().filter(|cell| cell.reason == HoldReason::NoRoom).count();
    if waits == 0 || !plan.builds.is_empty() {
        return Ok(());
    }
    let room = Room::of(document).with_exit(Exit::Tracker)?;
    Err(anyhow!(
        "the tracker of {} on {} has no room for the outcome of any of {}: its head has {} bytes of the {MAX_HEAD} \
         (5 MiB) that GitLab takes, reading it takes {} MiB of memory of {}, and {} bytes are kept for {}. Nothing was \
         claimed or changed. Begin a new tracker: another tracker_ref, with first_run: none",
        document.product(),
        document.reference(),
        count(waits, "build"),
        room.size,
        room.to_read() >> 20,
        READABLE >> 20,
        room.kept(),
        count(room.open_claims, "open claim"),
    ))
    .with_exit(Exit::Tracker)
}

/// Reads the builds.json of an earlier run.
pub fn earlier(builds: &Path) -> Result<Earlier, Failure> {
    let doing = || format!("{}: it is not the builds.json that diff writes", builds.display());
    Ok(Earlier::from_json(&read(builds)?).with_context(doing)?)
}

/// The targets that a team has, sorted; an error where there is none, or one twice.
pub fn each_once(mut all: Vec<StatedTarget>) -> anyhow::Result<Vec<StatedTarget>> {
    if all.is_empty() {
        bail!("--targets is empty; name at least one, such as --targets al2023");
    }
    all.sort();
    if let Some((twice, _)) = all.iter().zip(&all[1..]).find(|(one, other)| one.target == other.target) {
        bail!("--targets names {} twice; name each target once", twice.target);
    }
    Ok(all)
}

/// The architectures of the targets that state one.
fn architectures(targets: &[StatedTarget]) -> BTreeMap<Target, String> {
    targets.iter().filter_map(|stated| Some((stated.target.clone(), stated.arch.clone()?))).collect()
}

/// Picks the targets that are named, or all where none is.
fn only(all: &[Target], named: &[Target]) -> anyhow::Result<Vec<Target>> {
    if let Some(unknown) = named.iter().find(|target| !all.contains(target)) {
        bail!("--only-targets names {unknown}, which is none of the targets: they are {}", listed(all));
    }
    Ok(all.iter().filter(|target| named.is_empty() || named.contains(target)).cloned().collect())
}

/// The document of a tracker that has no heads, and what is to be said of it: that of the plain-text tracker of
/// the same ref, where there is one; else an empty one.
fn first_document(
    store: &dyn Store,
    tracker: &Tracker<'_>,
    heads: &Heads,
    product: &str,
    reference: &str,
    targets: &[StatedTarget],
    now: Timestamp,
) -> Result<(Document, Option<String>), Failure> {
    let mut document = tracker.new_document();
    let name = plain_text::file_name(reference);
    let Some(file) = newest(&heads.other_files, &name) else {
        return Ok((document, None));
    };
    let packages = read_plain_text(store, file).with_exit(Exit::Tracker)?;
    let own: Vec<_> = packages.iter().filter(|package| package.name() == product).collect();
    let reason = format!("in {name}");
    for build in own.iter().flat_map(|package| builds_on(targets, package)) {
        document.import(&build, &reason, now);
    }
    let of_one = if targets.iter().any(|stated| stated.arch.is_some()) { ", where the architecture fits" } else { "" };
    let told = format!(
        "Took over the plain-text tracker {name}: {} of its {} packages are {product}, recorded as built on {}{of_one}. \
         The file itself stays as it is and is not read again.",
        own.len(),
        packages.len(),
        listed(targets.iter().map(|stated| &stated.target))
    );
    Ok((document, Some(told)))
}

/// The file of a name that was stored last: a store may hold several.
fn newest<'a>(files: &'a [StoredFile], name: &str) -> Option<&'a StoredFile> {
    files.iter().filter(|file| file.name == name).max_by_key(|file| file.id)
}

fn read_plain_text(store: &dyn Store, file: &StoredFile) -> anyhow::Result<Vec<Nevra>> {
    let doing = || format!("the plain-text tracker {} in {} cannot be taken over", file.name, store.place());
    let content = store.download(file).map_err(anyhow::Error::from_boxed).with_context(doing)?;
    let content =
        content.ok_or_else(|| anyhow!("it is listed, but it is not there; run the job again")).with_context(doing)?;
    let text = String::from_utf8(content).context("it is no UTF-8 text; store it as such").with_context(doing)?;
    plain_text::parse(&text).with_context(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Field tests, tracker 15.
    #[test]
    fn of_several_files_of_one_name_the_one_that_was_stored_last_counts() {
        let file = |id, name: &str| StoredFile { id, name: name.to_owned(), sha256: None };
        let newest_first = [file(9, "other.txt"), file(7, "main.txt"), file(3, "main.txt")];
        assert_eq!(newest(&newest_first, "main.txt").map(|file| file.id), Some(7));
        assert_eq!(newest(&newest_first, "feature.txt"), None);
    }
}
