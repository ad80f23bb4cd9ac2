//! The surroundings of a command: the present, servers, the store of the trackers, the project.

use std::path::PathBuf;
use std::rc::Rc;

use ami_scheduler::redacted::given_url;
use ami_scheduler::tracker::heads::Store;
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;

use crate::args::TrackerPlace;
use crate::args::environment::variable;
use crate::clock::Clock;
use crate::exit::{Exit, Failure, WithExit as _};
use crate::files::read;
use crate::gitlab::{Project, Token};
use crate::http::{Bundle, Client, Limits, Network, Proxies};
use crate::store::{Directory, SecureFiles};

/// The surroundings of a command.
pub struct Session {
    /// The present.
    pub clock: Rc<Clock>,
    /// Certificates that a person names.
    pub ca_file: Option<PathBuf>,
    /// How long servers may take.
    pub limits: Limits,
}

impl Session {
    /// The present: as GitLab has it, once the tracker was read from it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whether a person names certificates for the servers of repositories, too.
    pub fn names_authorities(&self) -> bool {
        self.ca_file.is_some() || variable("SSL_CERT_FILE").is_some()
    }

    /// A client that trusts the certificates, and takes the proxies, that a person names.
    pub fn client(&self) -> Result<Client, Failure> {
        let named = |name: &'static str| Some((name, PathBuf::from(variable(name)?)));
        let given = self.ca_file.clone().map(|path| ("--ca-file", path));
        let files = given.into_iter().chain(named("SSL_CERT_FILE")).chain(named("CI_SERVER_TLS_CA_FILE"));
        let bundles = files.map(|(name, path)| {
            let pem = read(&path).with_context(|| format!("the certificates of {name}"))?;
            Ok(Bundle { name: format!("{name} {}", path.display()), pem })
        });
        let bundles = bundles.collect::<anyhow::Result<_>>().with_exit(Exit::CommandLine)?;
        let proxies = Proxies::new(|name| std::env::var(name).ok());
        Client::new(Network { bundles, proxies }, self.limits).with_exit(Exit::CommandLine)
    }

    /// The store of the trackers.
    pub fn store(&self, place: &TrackerPlace) -> Result<Box<dyn Store>, Failure> {
        match place {
            TrackerPlace::Directory(path) => Ok(Box::new(Directory::new(path))),
            TrackerPlace::Gitlab => Ok(Box::new(SecureFiles::new(project()?, self.client()?, Rc::clone(&self.clock)))),
        }
    }
}

/// The project whose job this is, by GitLab's own variables. A person sets the same ones, and a token.
pub fn project() -> Result<Project, Failure> {
    let (api, id) = (variable("CI_API_V4_URL"), variable("CI_PROJECT_ID"));
    let token = variable("AMI_SCHEDULER_TOKEN").map(Token::Project);
    let token = token.or_else(|| variable("CI_JOB_TOKEN").map(Token::Job));
    let (Some(api), Some(id), Some(token)) = (&api, &id, token.clone()) else {
        let wanted = [
            (api.is_none(), "CI_API_V4_URL (such as https://gitlab.example.com/api/v4)"),
            (id.is_none(), "CI_PROJECT_ID (such as 42)"),
            (token.is_none(), "AMI_SCHEDULER_TOKEN (a project access token)"),
        ];
        let missing: Vec<&str> = wanted.into_iter().filter_map(|(missing, name)| missing.then_some(name)).collect();
        return Err(anyhow!(
            "--tracker gitlab needs these variables, which are not set: {}. GitLab's jobs have them by themselves",
            missing.join(", ")
        ))
        .with_exit(Exit::Tracker);
    };
    let read = || -> anyhow::Result<Project> {
        let api = given_url(api).map_err(|error| {
            anyhow!("CI_API_V4_URL {error}; expected a URL such as https://gitlab.example.com/api/v4")
        })?;
        if !id.bytes().all(|b| b.is_ascii_digit()) {
            return Err(anyhow!("CI_PROJECT_ID is {id:?}, expected a number"));
        }
        Ok(Project { api, id: id.clone(), token })
    };
    read().with_exit(Exit::Tracker)
}
