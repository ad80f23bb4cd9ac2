use std::io::{ErrorKind, IsTerminal as _, Write as _};

use ami_scheduler::report::{markdown, page, table};
use ami_scheduler::tracker::TrackerName;
use ami_scheduler::tracker::heads::read_all;
use anyhow::Context as _;
use jiff::Timestamp;

use super::{open_store, write};
use crate::cli::{Colours, Status, StatusFormat};
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Status, now: Timestamp) -> Result<(), Failure> {
    let store = open_store(&args.tracker)?;
    let of_ref = |name: &TrackerName| args.reference.as_ref().is_none_or(|reference| name.is_of_ref(reference));
    let mut documents = read_all(store.as_ref(), of_ref).or_exit(Exit::Tracker)?;
    documents.retain(|document| args.product.as_ref().is_none_or(|product| document.product() == product));
    let colours = args.output.is_none() && are_wanted(args.color);
    let text = match args.format {
        StatusFormat::Json => serde_json::to_string_pretty(&documents).map_err(anyhow::Error::from)? + "\n",
        StatusFormat::Html => page::page(&documents, now).map_err(anyhow::Error::from)?,
        StatusFormat::Table | StatusFormat::Markdown if documents.is_empty() => {
            format!("There is no tracker in {}.\n", store.place())
        }
        StatusFormat::Table => one_below_the_other(documents.iter().map(|document| table::status(document, colours))),
        StatusFormat::Markdown => one_below_the_other(documents.iter().map(|document| markdown::status(document, now))),
    };
    match &args.output {
        Some(file) => Ok(write(file, text.as_bytes())?),
        None => print(&text),
    }
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
