use std::path::Path;

use ami_scheduler::repository::variables::Variables;
use clap::{ArgAction, Args};

use super::lists::OneOrMore;
use super::values::{Guard, RepoVariable, guard, switch};

/// The repositories to read, and how.
#[derive(Debug, Args)]
pub struct RepositoryArgs {
    /// A repository: the baseurl, mirrorlist or metalink of a .repo file, a directory index, or file:DIRECTORY
    ///
    /// A user and password in it, or in AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD, are used
    /// and never printed. Several repositories are merged; the first one counts where they have the same
    /// release. TARGET[,TARGET]=URL says which targets a repository is for. A JSON array of these texts is
    /// taken as well.
    // Text: what clap refuses is repeated, and a password may be in it.
    #[arg(long, value_name = "URL", env = "AMI_SCHEDULER_REPO_URL, AMI_SCHEDULER_REPO_URLS")]
    pub repo_url: Vec<String>,
    /// A .repo file, instead of --repo-url: a file, its text, or an https:, http: or file: URL of one
    ///
    /// Its repositories are those of its sections that are enabled, or those that --repo names. baseurl, mirrorlist,
    /// metalink, username, password, sslcacert, sslclientcert and sslclientkey count as they do for dnf. With
    /// repo_gpgcheck=1 a repository is rejected unless a key of its gpgkey has signed it; such a key is fetched only by
    /// https. --gpg-key, --ca-file and --client-cert override what the file says.
    #[arg(long, value_name = "FILE|TEXT|URL")]
    pub repo_file: Option<String>,
    /// A section of the .repo file, or several; without it all that are enabled
    ///
    /// TARGET[,TARGET]=NAME says which targets a repository is for. A JSON array of these texts is taken as well.
    #[arg(long, value_name = "NAME[,NAME]", env = "AMI_SCHEDULER_REPOS")]
    pub repo: Vec<OneOrMore<String>>,
    /// The value of a variable of dnf's, such as releasever=9 or basearch=x86_64, in --repo-url and in the .repo file
    ///
    /// $releasever, ${releasever}, ${name:-default} and ${name:+alternate} are expanded as dnf does. releasever_major and
    /// releasever_minor follow from releasever. A variable without a value that is left in a URL is an error. A JSON
    /// array of these texts is taken as well.
    #[arg(long, value_name = "NAME=VALUE", env = "AMI_SCHEDULER_REPO_VARS")]
    pub repo_var: Vec<OneOrMore<RepoVariable>>,
    /// Reject a repository unless one of these keys has signed it: a file, or the armoured text itself; none to
    /// do without
    ///
    /// It is what gpgkey of a .repo file names. The signature is repodata/repomd.xml.asc, which dnf asks for
    /// with repo_gpgcheck.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = gpg_key)]
    pub gpg_key: Option<Guard<String>>,
    /// Show the repository's server a client certificate: a file, or the PEM itself; none to do without
    ///
    /// It is what sslclientcert of a .repo file names: a certificate, with its intermediates after it, and with its
    /// key unless --client-key has it. The server of --repo-url is shown it, and so are the https mirrors that it
    /// names; no other server is, not even where a redirect leads to one.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = client_certificate, allow_hyphen_values = true)]
    pub client_cert: Option<Guard<String>>,
    /// The private key of the client certificate: a file, or the PEM itself; none if --client-cert holds it
    ///
    /// It is what sslclientkey of a .repo file names, and must not be encrypted. It is never printed.
    #[arg(long, value_name = "FILE|TEXT|none", value_parser = client_key, allow_hyphen_values = true)]
    pub client_key: Option<Guard<String>>,
    /// Keep the primary and updateinfo of a repository in a directory, so that a repository without changes needs
    /// only small requests; true stands for the directory cache, false for none
    ///
    /// A kept file counts only if it has the checksum that the repository states at each run.
    #[arg(long, value_name = "DIR|BOOL")]
    pub cache: Option<String>,
    /// Take an index where the repository had repodata on an earlier run: for the one run after it has changed for good
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    pub accept_index: bool,
    /// Give the URLs of packages the query of --repo-url, too: a token that builds need, and that files and logs then show
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "", default_missing_value = "true", require_equals = true, hide_default_value = true, value_parser = switch, action = ArgAction::Set)]
    pub package_url_query: bool,
}

fn gpg_key(text: &str) -> Result<Guard<String>, String> {
    guard(text, "a key")
}

fn client_certificate(text: &str) -> Result<Guard<String>, String> {
    guard(text, "a client certificate")
}

fn client_key(text: &str) -> Result<Guard<String>, String> {
    guard(text, "the key of a client certificate")
}

impl RepositoryArgs {
    /// What `--repo-url` was given. Of the component's two inputs the one that is not used is empty, but there.
    pub fn given_urls(&self) -> impl Iterator<Item = &String> {
        self.repo_url.iter().filter(|value| !matches!(value.trim(), "" | "[]"))
    }

    /// The sections of the `.repo` file that count; none stands for those that are enabled.
    pub fn chosen_sections(&self) -> impl Iterator<Item = &String> {
        self.repo.iter().flat_map(|repo| &repo.0).filter(|value| !value.trim().is_empty())
    }

    /// dnf's variables.
    pub fn variables(&self) -> Variables {
        let given = self.repo_var.iter().flat_map(|variables| &variables.0);
        given.map(|RepoVariable { name, value }| (name.clone(), value.clone())).collect()
    }

    /// The folder in which files of the repositories are kept.
    pub fn cache_folder(&self) -> Option<&Path> {
        match self.cache.as_deref()? {
            "" | "false" => None,
            "true" => Some(Path::new("cache")),
            directory => Some(Path::new(directory)),
        }
    }
}
