use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::str::FromStr;

use ami_scheduler::alarm::{self, AlarmKind};
use ami_scheduler::report::page::Tracked;
use ami_scheduler::report::{self, markdown, page, table};
use ami_scheduler::text::printable;
use ami_scheduler::tracker::heads::read_all;
use ami_scheduler::tracker::{Document, Entry, Standing, TrackerName};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::args::environment::variable;
use crate::args::lists::ListOf;
use crate::args::values::product;
use crate::args::{ClaimArgs, OverdueArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _, fail_on};
use crate::files::{print, write};
use crate::night::earlier;
use crate::session::Session;
use crate::trackers::no_tracker;

const EXAMPLES: &str = "Examples:
  Everything that a directory holds:
    $ ami-scheduler status --tracker tracker

  What has failed, and what is given up, on one branch:
    $ ami-scheduler status --tracker gitlab --ref main --state failed

  The trackers of one branch, as a page to open in a browser or to publish:
    $ ami-scheduler status --tracker gitlab --ref main \\
        --format html --output status.html

  For an issue or a wiki:
    $ ami-scheduler status --tracker tracker --product gitlab-runner \\
        --format markdown";

/// Shows what the tracker says
///
/// As a table, which is in colours on a terminal; as JSON, whose format docs/artifacts.md describes;
/// as Markdown; or as one HTML page that needs no network. It changes nothing: a role that may read
/// Secure Files (Developer) is enough.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Status {
    /// Where the tracker is: gitlab (Secure Files of the project), or a directory
    #[arg(long = "tracker", value_name = "gitlab|DIR")]
    place: TrackerPlace,
    /// Only the trackers of this branch or tag; without it, all
    #[arg(long = "ref", value_name = "REF", value_parser = NonEmptyStringValueParser::new())]
    reference: Option<String>,
    /// Only the tracker of this product
    #[arg(long, value_name = "NAME", value_parser = product)]
    product: Option<String>,
    /// Only builds in these states: pending, building, lapsed, given-back, failed, given-up, skipped, built
    ///
    /// failed shows what is given up, too, and building the claims that have lapsed.
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    state: ListOf<Wanted>,
    /// In which form
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    claims: ClaimArgs,
    #[command(flatten)]
    overdue: OverdueArgs,
    /// End with the alarm's own exit code, after everything else is done, if one of these is raised: overdue (8), given_up,
    /// revoked, withdrawn (9). diff has the alarms that only a run can know
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    fail_on: ListOf<AlarmKind>,
    /// The builds.json of the last run, whose alarms are shown, too
    #[arg(long, value_name = "FILE")]
    builds: Option<PathBuf>,
    /// Where to write it; without it, to stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Whether the table is in colours: auto takes them for a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colours::Auto)]
    color: Colours,
}

/// Where a build stands, for those who look for some.
#[derive(Debug, Clone, Copy)]
struct Wanted(Standing);

impl Wanted {
    /// Whoever looks for what has failed looks for what is given up, too; the same with claims.
    fn is_met_by(self, found: Standing) -> bool {
        match self.0 {
            Standing::Failed => matches!(found, Standing::Failed | Standing::GivenUp),
            Standing::Building => matches!(found, Standing::Building | Standing::Lapsed),
            wanted => wanted == found,
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = Standing::ALL.map(|standing| standing.word().replace(' ', "-"));
        let found = words.iter().position(|word| word == text);
        let known = || format!("{text:?} is no state: expected {}", words.join(", "));
        found.map(|number| Self(Standing::ALL[number])).ok_or_else(known)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table for terminals
    Table,
    /// For programs
    Json,
    /// For an issue, a wiki or a chat
    Markdown,
    /// A page that needs no network, with a filter
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colours {
    Auto,
    Always,
    Never,
}

impl Status {
    pub fn run(self, session: &Session) -> Result<(), Failure> {
        let store = session.store(&self.place)?;
        let of_ref = |name: &TrackerName| self.reference.as_ref().is_none_or(|reference| name.is_of_ref(reference));
        let mut documents = read_all(store.as_ref(), of_ref).with_exit(Exit::Tracker)?;
        documents.retain(|document| self.product.as_ref().is_none_or(|product| document.product() == product));
        let none = documents.is_empty().then(|| match &self.reference {
            Some(reference) => sentence(&no_tracker(store.as_ref(), self.product.as_deref(), reference)),
            None => format!("There is no tracker in {}.", store.place()),
        });
        let last_run = self.builds.as_deref().map(earlier).transpose()?;
        let limits = self.overdue.limits();
        let lapsed_before = session.now().saturating_sub(self.claims.claim_timeout).unwrap_or(Timestamp::MIN);
        let is_shown = |entry: &Entry| {
            let found = Standing::of(entry, lapsed_before);
            self.state.0.is_empty() || self.state.0.iter().any(|wanted| wanted.is_met_by(found))
        };
        let mut alarms = Vec::new();
        let documents: Vec<(Document, Vec<String>)> = documents
            .into_iter()
            .map(|mut document| {
                let overdue = report::overdue(&document, &limits, session.now());
                let (mut told, overdue): (Vec<_>, Vec<_>) = overdue.into_iter().unzip();
                alarms.extend(overdue);
                let in_use = [alarm::revoked_in(&document), alarm::withdrawn_in(&document)].concat();
                told.extend(in_use.iter().map(ToString::to_string));
                alarms.extend(in_use);
                if self.fail_on.0.contains(&AlarmKind::GivenUp) {
                    let given_up = alarm::given_up_in(&document);
                    told.extend(given_up.iter().map(ToString::to_string));
                    alarms.extend(given_up);
                }
                // What channels point to is told by the tracker itself, as it is now.
                let of_run = last_run.iter().filter(|run| run.is_about(&document)).flat_map(|run| &run.alarms);
                let of_run = of_run.filter(|alarm| alarm.alarm != AlarmKind::Revoked.to_string());
                let of_run = of_run.map(|alarm| &alarm.explanation).filter(|explanation| !told.contains(explanation));
                let of_run: Vec<String> = of_run.cloned().collect();
                told.extend(of_run);
                // A page tells how far its targets have come, whatever its table shows.
                if !matches!(self.format, Format::Html) {
                    document.retain(is_shown);
                }
                (document, told)
            })
            .collect();
        let text = match (self.format, &none) {
            (Format::Json, _) => {
                let documents: Vec<&Document> = documents.iter().map(|(document, _)| document).collect();
                let json = serde_json::to_string_pretty(&documents).map_err(anyhow::Error::from)?;
                ami_scheduler::text::escaped_json(&json) + "\n"
            }
            (Format::Html, _) => {
                let trackers = documents.iter().map(|(document, told)| Tracked {
                    document,
                    told,
                    last_run: last_run.as_ref().filter(|run| run.is_about(document)),
                });
                let trackers: Vec<Tracked<'_>> = trackers.collect();
                page::page(&trackers, &is_shown, session.now(), lapsed_before).map_err(anyhow::Error::from)?
            }
            (Format::Table | Format::Markdown, Some(none)) => format!("{none}\n"),
            (Format::Table, None) => {
                let (colours, width) = (self.is_coloured(), self.width());
                one_below_the_other(
                    documents.iter().map(|(document, _)| table::status(document, lapsed_before, colours, width)),
                )
            }
            (Format::Markdown, None) => one_below_the_other(
                documents.iter().map(|(document, told)| markdown::status(document, told, session.now(), lapsed_before)),
            ),
        };
        match &self.output {
            Some(file) => write(file, text.as_bytes())?,
            None => print(&text)?,
        }
        // A page says by itself that there is no tracker yet; that a ref is misspelt it cannot say.
        if let (Format::Json | Format::Html, Some(none), Some(_)) = (self.format, &none, &self.reference) {
            message!("{none}");
        }
        for (document, told) in &documents {
            for told in told {
                let reference = printable(document.reference());
                message!("WARNING: {} on {reference}: {}", document.product(), printable(told));
            }
        }
        fail_on(&self.fail_on.0, &alarms)
    }

    /// As <https://no-color.org> has it. A TERM that wasmtime was not told of says nothing.
    fn is_coloured(&self) -> bool {
        match self.color {
            Colours::Always => self.output.is_none(),
            Colours::Never => false,
            Colours::Auto => {
                let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
                self.output.is_none() && std::io::stdout().is_terminal() && variable("NO_COLOR").is_none() && !is_dumb
            }
        }
    }

    /// The width of the table on a terminal; a program that reads it gets it whole. A module knows COLUMNS alone,
    /// which its wrapper sets.
    fn width(&self) -> Option<usize> {
        if self.output.is_some() || !std::io::stdout().is_terminal() {
            return None;
        }
        let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        terminal.or_else(|| variable("COLUMNS")?.parse().ok())
    }
}

/// A message as a sentence of its own.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}

fn one_below_the_other(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\n")
}
