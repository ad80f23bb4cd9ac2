//! One file per subcommand: reads inputs, calls the core, writes outputs.

mod diff;
mod import;
mod list;
mod rebuild;
mod reconcile;
mod settle;
mod skip;
mod status;
mod unskip;
mod update;
mod why;

use jiff::Timestamp;

use crate::cli::{Cli, Command};
use crate::exit::Failure;
use crate::session::Connect;

/// Does what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let now = cli.now.unwrap_or_else(Timestamp::now);
    let connect = Connect { ca_file: cli.ca_file };
    match cli.command {
        Command::List(list) => list::run(&list, now, &connect),
        Command::Diff(diff) => diff::run(*diff, now, &connect),
        Command::Update(update) => update::run(update, now, &connect),
        Command::Settle(settle) => settle::run(settle, now, &connect),
        Command::Status(status) => status::run(&status, now, &connect),
        Command::Skip(skip) => skip::run(&skip, now, &connect),
        Command::Unskip(unskip) => unskip::run(&unskip, now, &connect),
        Command::Rebuild(rebuild) => rebuild::run(&rebuild, now, &connect),
        Command::Why(why) => why::run(why, now, &connect),
        Command::Import(import) => import::run(import, now, &connect),
        Command::Reconcile(reconcile) => reconcile::run(reconcile, now, &connect),
    }
}
