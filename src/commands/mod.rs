//! One file per subcommand: reads inputs, calls the core, writes outputs.

mod diff;
mod forget;
mod import;
mod list;
mod reconcile;
mod settle;
mod skip;
mod status;
mod unskip;
mod update;
mod why;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use ami_scheduler::report::junit::{self, Case};
use ami_scheduler::tracker::heads::{Store, Tracker};
use ami_scheduler::tracker::{Document, Origin};
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use crate::cli::{Cli, Command, OriginArgs, TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, OrExit as _};
use crate::gitlab::{Project, Token};
use crate::http::{Bundle, Client, Network, Proxies};
use crate::store::{Directory, SecureFiles};

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
        Command::Forget(forget) => forget::run(&forget, now, &connect),
        Command::Why(why) => why::run(why, now, &connect),
        Command::Import(import) => import::run(import, now, &connect),
        Command::Reconcile(reconcile) => reconcile::run(reconcile, now, &connect),
    }
}

/// How servers are reached, for those commands that ask one.
struct Connect {
    ca_file: Option<PathBuf>,
}

impl Connect {
    fn client(&self) -> Result<Client, Failure> {
        let variable = |name: &str| std::env::var(name).ok();
        let named = |name: &'static str| {
            let path = variable(name).filter(|path| !path.is_empty())?;
            Some((name, PathBuf::from(path)))
        };
        let given = self.ca_file.clone().map(|path| ("--ca-file", path));
        let files = given.into_iter().chain(named("SSL_CERT_FILE")).chain(named("CI_SERVER_TLS_CA_FILE"));
        let bundles = files.map(|(name, path)| {
            let pem = read(&path).with_context(|| format!("the certificates of {name}"))?;
            Ok(Bundle { name: format!("{name} {}", path.display()), pem })
        });
        let bundles = bundles.collect::<anyhow::Result<_>>().or_exit(Exit::CommandLine)?;
        Client::new(Network { bundles, proxies: Proxies::new(variable) }).or_exit(Exit::CommandLine)
    }
}

fn open_store(place: &TrackerPlace, connect: &Connect) -> Result<Box<dyn Store>, Failure> {
    match place {
        TrackerPlace::Directory(path) => Ok(Box::new(Directory::new(path))),
        TrackerPlace::Gitlab => Ok(Box::new(SecureFiles::new(project()?, connect.client()?))),
    }
}

/// Changes what the tracker of a product says, by `change`, which is told where the tracker is, too. Where that
/// fails, nothing is written.
fn change_tracker<T>(
    args: &TrackerArgs,
    product: &str,
    connect: &Connect,
    change: impl FnOnce(&mut Document, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = open_store(&args.tracker, connect)?;
    let tracker = Tracker::new(store.as_ref(), product, &args.reference).or_exit(Exit::Tracker)?;
    let heads = tracker.read().or_exit(Exit::Tracker)?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    let changed = change(&mut document, &store.place())?;
    tracker.write(&heads, &document).or_exit(Exit::Tracker)?;
    Ok(changed)
}

/// The project whose job this is, from GitLab's own variables.
fn project() -> Result<Project, Failure> {
    let variable = |name: &str| {
        std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
            anyhow!("--tracker gitlab needs the variable {name}, which GitLab sets in its jobs; wasmtime passes it on with --env {name}")
        })
    };
    let token = match (variable("AMI_SCHEDULER_TOKEN"), variable("CI_JOB_TOKEN")) {
        (Ok(token), _) => Token::Project(token),
        (_, Ok(token)) => Token::Job(token),
        (_, Err(error)) => {
            return Err(error.context("outside of a job, set AMI_SCHEDULER_TOKEN to a project access token"))
                .or_exit(Exit::Tracker);
        }
    };
    let read = || -> anyhow::Result<Project> {
        let api = variable("CI_API_V4_URL")?
            .parse()
            .context("CI_API_V4_URL is no URL, such as https://gitlab.example.com/api/v4")?;
        let id = variable("CI_PROJECT_ID")?;
        if !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(anyhow!("CI_PROJECT_ID is {id:?}, expected a number"));
        }
        Ok(Project { api, id, token })
    };
    read().or_exit(Exit::Tracker)
}

impl From<OriginArgs> for Origin {
    fn from(args: OriginArgs) -> Self {
        Self { pipeline: args.pipeline, pipeline_url: args.pipeline_url, job_url: args.job_url, line: None }
    }
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    write_with(path, |file| {
        let mut file = BufWriter::with_capacity(64 << 10, file);
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.flush()
    })
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_with(path, |mut file| file.write_all(content))
}

fn write_with(path: &Path, content: impl FnOnce(File) -> io::Result<()>) -> anyhow::Result<()> {
    let written = File::create(path).and_then(content);
    written.with_context(|| format!("cannot write {}{}", path.display(), sandbox_hint(path)))
}

/// A `JUnit` report of builds, where one is asked for.
fn write_junit(path: Option<&Path>, reference: &str, now: Timestamp, cases: &[Case]) -> anyhow::Result<()> {
    path.map_or(Ok(()), |path| write(path, &junit::report(reference, now, cases)?))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}{}", path.display(), sandbox_hint(path)))
}

/// Under wasmtime a file outside of the folders that were given is simply not there.
fn sandbox_hint(path: &Path) -> &'static str {
    let outside = path.is_absolute() || path.starts_with("..");
    if cfg!(target_os = "wasi") && outside {
        " (the module sees only the folders that wasmtime was given with --dir)"
    } else {
        ""
    }
}
