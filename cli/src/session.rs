//! What a command works with: servers, the store of the trackers, the project.

use std::path::PathBuf;

use ami_scheduler::tracker::heads::{Store, Tracker};
use ami_scheduler::tracker::{Document, Origin};
use anyhow::{Context as _, anyhow};

use crate::cli::{OriginArgs, TrackerArgs, TrackerPlace};
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read;
use crate::gitlab::{Project, Token};
use crate::http::{Bundle, Client, Network, Proxies};
use crate::store::{Directory, SecureFiles};

/// How servers are reached, for those commands that ask one.
pub struct Connect {
    pub ca_file: Option<PathBuf>,
}

impl Connect {
    pub fn client(&self) -> Result<Client, Failure> {
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
        let bundles = bundles.collect::<anyhow::Result<_>>().with_exit(Exit::CommandLine)?;
        Client::new(Network { bundles, proxies: Proxies::new(variable) }).with_exit(Exit::CommandLine)
    }
}

pub fn open_store(place: &TrackerPlace, connect: &Connect) -> Result<Box<dyn Store>, Failure> {
    match place {
        TrackerPlace::Directory(path) => Ok(Box::new(Directory::new(path))),
        TrackerPlace::Gitlab => Ok(Box::new(SecureFiles::new(project()?, connect.client()?))),
    }
}

/// Changes what the tracker of a product says, by `change`, which is told where the tracker is, too. Where that
/// fails, nothing is written.
pub fn change_tracker<T>(
    args: &TrackerArgs,
    product: &str,
    connect: &Connect,
    change: impl FnOnce(&mut Document, &str) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let store = open_store(&args.tracker, connect)?;
    let tracker = Tracker::new(store.as_ref(), product, &args.reference).with_exit(Exit::Tracker)?;
    let heads = tracker.read().with_exit(Exit::Tracker)?;
    let mut document = heads.document.clone().unwrap_or_else(|| tracker.new_document());
    let changed = change(&mut document, &store.place())?;
    tracker.write(&heads, &document).with_exit(Exit::Tracker)?;
    Ok(changed)
}

/// The project whose job this is, from GitLab's own variables.
pub fn project() -> Result<Project, Failure> {
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
                .with_exit(Exit::Tracker);
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
    read().with_exit(Exit::Tracker)
}

impl From<OriginArgs> for Origin {
    fn from(args: OriginArgs) -> Self {
        Self { pipeline: args.pipeline, pipeline_url: args.pipeline_url, job_url: args.job_url, lane: None }
    }
}
