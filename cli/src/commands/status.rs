use std::io::{ErrorKind, IsTerminal as _, Write as _};

use ami_scheduler::plan::compare::Earlier;
use ami_scheduler::report::{self, markdown, page, table};
use ami_scheduler::tracker::heads::read_all;
use ami_scheduler::tracker::{Document, TrackerName};
use anyhow::Context as _;
use jiff::Timestamp;

use crate::cli::{Colours, Status, StatusFormat};
use crate::exit::fail_on;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::write;
use crate::night::earlier;
use crate::session::{Connect, open_store};

pub fn run(args: &Status, now: Timestamp, connect: &Connect) -> Result<(), Failure> {
    let store = open_store(&args.tracker, connect)?;
    let of_ref = |name: &TrackerName| args.reference.as_ref().is_none_or(|reference| name.is_of_ref(reference));
    let mut documents = read_all(store.as_ref(), of_ref).with_exit(Exit::Tracker)?;
    documents.retain(|document| args.product.as_ref().is_none_or(|product| document.product() == product));
    let last_run = args.builds.as_ref().and_then(|file| file.0.as_deref()).map(earlier).transpose()?;
    let limits = args.overdue.limits(0);
    let mut alarms = Vec::new();
    let documents: Vec<(Document, Vec<String>)> = documents
        .into_iter()
        .map(|document| {
            let (mut told, overdue): (Vec<_>, Vec<_>) = report::overdue(&document, &limits, now).into_iter().unzip();
            alarms.extend(overdue);
            let is_about = |run: &&Earlier| run.product == document.product() && run.reference == document.reference();
            let last_run = last_run.iter().filter(is_about).flat_map(|run| &run.alarms);
            told.extend(last_run.map(|alarm| alarm.explanation.clone()));
            (document, told)
        })
        .collect();
    let colours = args.output.is_none() && are_wanted(args.color);
    let text = match args.format {
        StatusFormat::Json => {
            let documents: Vec<&Document> = documents.iter().map(|(document, _)| document).collect();
            let json = serde_json::to_string_pretty(&documents).map_err(anyhow::Error::from)?;
            ami_scheduler::text::escaped_json(&json) + "\n"
        }
        StatusFormat::Html => page::page(&documents, now).map_err(anyhow::Error::from)?,
        StatusFormat::Table | StatusFormat::Markdown if documents.is_empty() => {
            format!("There is no tracker in {}.\n", store.place())
        }
        StatusFormat::Table => {
            one_below_the_other(documents.iter().map(|(document, _)| table::status(document, colours)))
        }
        StatusFormat::Markdown => {
            one_below_the_other(documents.iter().map(|(document, told)| markdown::status(document, told, now)))
        }
    };
    match &args.output {
        Some(file) => write(file, text.as_bytes())?,
        None => print(&text)?,
    }
    for (document, told) in &documents {
        for told in told {
            let reference = ami_scheduler::text::printable(document.reference());
            message!("WARNING: {} on {reference}: {}", document.product(), ami_scheduler::text::printable(told));
        }
    }
    fail_on(&args.overdue.fail_on.0, &alarms)
}

fn one_below_the_other(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\n")
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever asked has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        shown => Ok(shown.context("cannot write to stdout")?),
    }
}

/// As <https://no-color.org> has it. A TERM that wasmtime was not told of says nothing.
fn are_wanted(colours: Colours) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match colours {
        Colours::Always => true,
        Colours::Never => false,
        Colours::Auto => std::io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
    }
}
