use ami_scheduler::report;
use ami_scheduler::tracker::TrackerName;
use ami_scheduler::tracker::heads::read_all;

use super::open_store;
use crate::cli::{Status, StatusFormat};
use crate::exit::{Exit, Failure, OrExit as _};

pub fn run(args: &Status) -> Result<(), Failure> {
    let store = open_store(&args.tracker)?;
    let of_ref = |name: &TrackerName| args.reference.as_ref().is_none_or(|reference| name.is_of_ref(reference));
    let mut documents = read_all(store.as_ref(), of_ref).or_exit(Exit::Tracker)?;
    documents.retain(|document| args.product.as_ref().is_none_or(|product| document.product() == product));
    match args.format {
        StatusFormat::Json => println!("{}", serde_json::to_string_pretty(&documents).map_err(anyhow::Error::from)?),
        StatusFormat::Table if documents.is_empty() => println!("There is no tracker in {}.", store.place()),
        StatusFormat::Table => {
            let tables: Vec<String> = documents.iter().map(report::status).collect();
            print!("{}", tables.join("\n"));
        }
    }
    Ok(())
}
