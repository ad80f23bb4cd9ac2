//! One file per command: its arguments, its examples and its run, which reads inputs, calls the core and writes
//! outputs.

// The comments are help texts for terminals, not Markdown.
#![allow(clippy::doc_markdown)]

mod acknowledge;
mod completions;
mod diff;
mod images;
mod import;
mod list;
mod promote;
mod rebuild;
mod reconcile;
mod report;
mod revoke;
mod settle;
mod skip;
mod status;
mod tracker;
mod unrevoke;
mod unskip;
mod update;
mod why;
mod wrapper;

use clap::Subcommand;

use crate::exit::Failure;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub enum Command {
    List(list::List),
    Diff(Box<diff::Diff>),
    Update(update::Update),
    Settle(settle::Settle),
    Report(report::Report),
    Status(status::Status),
    Images(images::Images),
    Promote(promote::Promote),
    Revoke(revoke::Revoke),
    Unrevoke(unrevoke::Unrevoke),
    Why(Box<why::Why>),
    Skip(skip::Skip),
    Unskip(unskip::Unskip),
    Acknowledge(acknowledge::Acknowledge),
    Rebuild(rebuild::Rebuild),
    Import(import::Import),
    Reconcile(reconcile::Reconcile),
    Tracker(tracker::TrackerCommand),
    Completions(completions::Completions),
    Wrapper(wrapper::Wrapper),
}

impl Command {
    /// Runs the command; `whole` is the command line that it is a part of.
    pub fn run(self, session: &Session, whole: impl FnOnce() -> clap::Command) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(session),
            Self::Diff(diff) => diff.run(session),
            Self::Update(update) => update.run(session),
            Self::Settle(settle) => settle.run(session),
            Self::Report(report) => report.run(session),
            Self::Status(status) => status.run(session),
            Self::Images(images) => images.run(session),
            Self::Promote(promote) => promote.run(session),
            Self::Revoke(revoke) => revoke.run(session),
            Self::Unrevoke(unrevoke) => unrevoke.run(session),
            Self::Why(why) => why.run(session),
            Self::Skip(skip) => skip.run(session),
            Self::Unskip(unskip) => unskip.run(session),
            Self::Rebuild(rebuild) => rebuild.run(session),
            Self::Acknowledge(acknowledge) => acknowledge.run(session),
            Self::Import(import) => import.run(session),
            Self::Reconcile(reconcile) => reconcile.run(session),
            Self::Tracker(tracker) => tracker.run(session),
            Self::Completions(completions) => completions.run(whole()),
            Self::Wrapper(_) => wrapper::Wrapper::run(),
        }
    }
}
