//! The claims of pipelines that were cancelled, which no job of theirs can give back.

use std::collections::BTreeSet;

use ami_scheduler::child_pipeline::jobs::was_cancelled;
use ami_scheduler::release::BuildKey;
use ami_scheduler::tracker::{Document, Origin, State};

use crate::args::TrackerPlace;
use crate::exit::{Exit, WithExit as _};
use crate::gitlab::ComponentJob;
use crate::session::{Session, project};

/// The most pipelines that GitLab is asked about.
const MAX_PIPELINES: usize = 5;

/// Gives back the open claims of other pipelines that were cancelled, and returns those builds. Where GitLab does not say
/// so, a claim stays until it lapses.
pub fn give_back_cancelled(
    document: &mut Document,
    place: &TrackerPlace,
    own: &Origin,
    session: &Session,
) -> Vec<BuildKey> {
    let TrackerPlace::Gitlab = place else { return Vec::new() };
    let open = document.entries().filter(|(_, _, entry)| entry.state == State::Building);
    let others: BTreeSet<(u64, Option<String>)> = open
        .map(|(_, _, entry)| (entry.origin.pipeline, entry.origin.lane.clone()))
        .filter(|(pipeline, _)| *pipeline > 0 && *pipeline != own.pipeline)
        .collect();
    let mut given_back = Vec::new();
    for (pipeline, lane) in others.into_iter().take(MAX_PIPELINES) {
        let jobs = || project()?.jobs(&session.client()?, pipeline).with_exit(Exit::Tracker);
        let name = ComponentJob::GiveBack.name(lane.as_deref().unwrap_or_default(), document.product());
        if jobs().is_ok_and(|jobs| was_cancelled(&name, &jobs)) {
            given_back.extend(document.give_back(pipeline, lane.as_deref(), session.now(), |_| true));
        }
    }
    given_back
}
