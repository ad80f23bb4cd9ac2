use std::io::{ErrorKind, Write as _};

use ami_scheduler::report;
use ami_scheduler::tracker::TrackerName;
use ami_scheduler::tracker::heads::read_all;
use anyhow::Context as _;

use super::open_store;
use crate::cli::{Status, StatusFormat};
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Status) -> Result<(), Failure> {
    let store = open_store(&args.tracker)?;
    let of_ref = |name: &TrackerName| args.reference.as_ref().is_none_or(|reference| name.is_of_ref(reference));
    let mut documents = read_all(store.as_ref(), of_ref).or_exit(Exit::Tracker)?;
    documents.retain(|document| args.product.as_ref().is_none_or(|product| document.product() == product));
    let text = match args.format {
        StatusFormat::Json => {
            report::escaped_json(&serde_json::to_string_pretty(&documents).map_err(anyhow::Error::from)?) + "\n"
        }
        StatusFormat::Table if documents.is_empty() => format!("There is no tracker in {}.\n", store.place()),
        StatusFormat::Table => documents.iter().map(report::status).collect::<Vec<_>>().join("\n"),
    };
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever asked has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        shown => Ok(shown.context("cannot write to stdout")?),
    }
}
