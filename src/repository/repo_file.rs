//! A `.repo` file: the repositories that dnf is told of, each in a section.
//!
//! Its lines are read as dnf5 reads them (`IniParser` of libdnf5), and its values as dnf.conf(5) has them.

use std::collections::BTreeMap;
use std::iter::Peekable;

use super::variables::{VariableError, Variables};
use crate::budget::{ALLOCATION, Budget, Held, MAX_URL, NODE, OverBudget};
use crate::text::{count, named};

const WHITE_SPACE: [char; 3] = [' ', '\t', '\r'];
/// The longest file that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;
/// The most sections of a file.
const MAX_SECTIONS: usize = 1000;
/// The longest value as it is written, in bytes.
const MAX_VALUE: usize = 16 << 10;
/// The most URLs that one key may name.
const MAX_URLS: usize = 100;
/// The most names that a message lists.
const MAX_LISTED: usize = 10;
/// The longest key that a message names. dnf's own are shorter.
const MAX_KEY: usize = 30;

/// Keys that have a meaning here.
const HEEDED: &str = "baseurl enabled gpgcheck gpgkey metalink mirrorlist password pkg_gpgcheck repo_gpgcheck sslcacert \
                      sslclientcert sslclientkey sslverify username";
/// Keys that change neither which releases there are nor how a server is asked for them: names, and how dnf downloads,
/// keeps and counts.
const MEANINGLESS: &str = "async autorefresh bandwidth build_cache cachedir countme deltarpm deltarpm_percentage \
                           enabled_metadata enablegroups failovermethod fastestmirror http_caching ip_resolve keepalive \
                           keeppackages max_parallel_downloads mediaid metadata_expire minrate mirrorlist_expire name \
                           retries skip_if_unavailable throttle timeout type user_agent";
/// Keys by which dnf offers fewer packages than a repository has.
const HIDING: &str = "exclude excludepkgs includepkgs";

/// Why a `.repo` file cannot be used. Values are not repeated: a password may be in them.
#[derive(Debug, thiserror::Error)]
pub enum RepoFileError {
    /// The file is longer than any that is read.
    #[error("it has more than {MAX_SIZE} bytes, the most that is read")]
    TooLong,
    /// The file has too many sections.
    #[error("it has more than {MAX_SECTIONS} sections")]
    TooManySections,
    /// A line that dnf does not read either.
    #[error("line {line}: {fault}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        fault: LineFault,
    },
    /// A value that cannot be used.
    #[error("{key} of [{section}], line {line}: {fault}")]
    Value {
        /// The name of its section.
        section: String,
        /// The key.
        key: &'static str,
        /// Counted from 1.
        line: usize,
        /// What is wrong with the value.
        fault: ValueFault,
    },
    /// No such section.
    #[error("there is no section [{section}] in it: it has {known}")]
    NoSection {
        /// The section that was asked for.
        section: String,
        /// Those that are there.
        known: String,
    },
    /// No section is enabled.
    #[error("no section of it is enabled: name those that are to be read (--repo, input repos); it has {0}")]
    NoneEnabled(String),
    /// A section that says of no repository where it is.
    #[error("[{0}] has no baseurl, mirrorlist or metalink")]
    NoPlace(String),
    /// Reading it takes more than a run may.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// `[name`
    #[error("expected ] behind the name of the section")]
    NoBracket,
    /// `[]`
    #[error("expected a name between [ and ]")]
    NoName,
    /// `[name] more`
    #[error("expected nothing but a comment behind the ] of the section")]
    BehindSection,
    /// A setting before the first section.
    #[error("expected a section such as [gitlab-runner] before the first key=value")]
    BeforeSections,
    /// A line that begins with white space, and follows no setting.
    #[error(
        "it begins with white space, and so goes on with the value before it: between the two, neither a comment nor an \
         empty line may stand"
    )]
    Continuation,
    /// `=value`
    #[error("there is no key before the =")]
    NoKey,
    /// Neither a section, a setting nor a comment.
    #[error("expected key=value, [section] or a comment")]
    NoEquals,
    /// A value that is longer than any that is read.
    #[error("the value is longer than {MAX_VALUE} bytes")]
    TooLong,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueFault {
    /// Neither on nor off.
    #[error("expected 1 or 0")]
    NoSwitch,
    /// A variable is left in a URL or path.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// More URLs than one key may name.
    #[error("it names more than {MAX_URLS} URLs")]
    TooManyUrls,
    /// A URL or path that is longer than any that is taken from a file.
    #[error("it names a place of more than {MAX_URL} bytes")]
    TooLongPlace,
    /// TLS without verification is no TLS.
    #[error(
        "certificates are always verified here, since whoever is in between could change all that the repository says: \
         take it out, and give the certificate of the server's authority by sslcacert, or --ca-file \
         (AMI_SCHEDULER_CA_FILE, a variable of type File)"
    )]
    SslVerifyOff,
}

/// The sections of a `.repo` file, in their order.
#[derive(Debug)]
pub struct RepoFile(Vec<Section>);

/// A section: one repository.
#[derive(Debug)]
pub struct Section {
    /// Its name, by which dnf knows the repository.
    pub id: String,
    settings: BTreeMap<String, Setting>,
    held: Held,
}

#[derive(Debug)]
struct Setting {
    line: usize,
    value: String,
}

/// What a section says of its repository, with the values of its variables.
#[derive(Debug)]
pub struct Repository {
    /// Where it is, in the order in which dnf tries them: each baseurl, then the metalink or the mirrorlist.
    pub places: Vec<Place>,
    /// The keys of which one has to have signed `repomd.xml`; `None` where nothing has to be signed.
    pub signed_by: Option<Vec<Place>>,
    /// Whether dnf verifies the signature of a package before it installs it.
    pub checks_packages: bool,
    /// The user that its server wants.
    pub username: Option<String>,
    /// The password that its server wants.
    pub password: Option<String>,
    /// The file of the authorities that its server is trusted by.
    pub authorities: Option<Place>,
    /// The file of the certificate that its server is shown.
    pub client_certificate: Option<Place>,
    /// The file of the certificate's key.
    pub client_key: Option<Place>,
    /// What of the section has no effect here, in a sentence for people.
    pub unheeded: Option<String>,
}

/// A URL or a path, and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The key that names it.
    pub key: &'static str,
    /// The line of the key, counted from 1.
    pub line: usize,
    /// The URL or path. A password may be in it.
    pub text: String,
}

impl RepoFile {
    /// Reads a `.repo` file. Of two sections of one name, as of two settings of one key, what stands later counts.
    pub fn parse(text: &str, variables: &Variables, budget: &Budget) -> Result<Self, RepoFileError> {
        if text.len() as u64 > MAX_SIZE {
            return Err(RepoFileError::TooLong);
        }
        budget.work(text.len() as u64)?;
        let (mut sections, mut by_id) = (Vec::new(), BTreeMap::new());
        let mut present = None;
        for item in Items::of(text) {
            match item? {
                Item::Section(id) => {
                    let id = variables.expand(id);
                    let index = *by_id.entry(id.clone()).or_insert(sections.len());
                    if index == MAX_SECTIONS {
                        return Err(RepoFileError::TooManySections);
                    }
                    if index == sections.len() {
                        sections.push(Section::new(id, budget)?);
                    }
                    present = Some(index);
                }
                Item::Setting { line, key, value } => match present {
                    Some(index) => sections[index].set(key, Setting { line, value })?,
                    None => return Err(RepoFileError::Line { line, fault: LineFault::BeforeSections }),
                },
            }
        }
        Ok(Self(sections))
    }

    /// The section of this name.
    pub fn section(&self, id: &str) -> Result<&Section, RepoFileError> {
        let no_section = || RepoFileError::NoSection { section: named(id), known: self.known() };
        self.repositories().find(|section| section.id == id).ok_or_else(no_section)
    }

    /// The sections that dnf would use by itself. That there is none is an error.
    pub fn enabled(&self, variables: &Variables) -> Result<Vec<&Section>, RepoFileError> {
        let mut enabled = Vec::new();
        for section in self.repositories() {
            if section.switch("enabled", true, variables)? {
                enabled.push(section);
            }
        }
        if enabled.is_empty() { Err(RepoFileError::NoneEnabled(self.known())) } else { Ok(enabled) }
    }

    /// All but `[main]`, which is for dnf itself, and which dnf passes over in a `.repo` file.
    fn repositories(&self) -> impl Iterator<Item = &Section> {
        self.0.iter().filter(|section| section.id != "main")
    }

    fn known(&self) -> String {
        let known = listed(self.repositories().map(|section| format!("[{}]", named(&section.id))));
        if known.is_empty() { "none".to_owned() } else { known }
    }
}

/// The sections of a document that is a `.repo` file, in words; `None` where it is something else.
pub fn sections(document: &[u8], budget: &Budget) -> Option<String> {
    let text = std::str::from_utf8(document).ok()?;
    let file = RepoFile::parse(text, &Variables::default(), budget).ok()?;
    let names_a_place = |section: &Section| {
        let keys = ["baseurl", "mirrorlist", "metalink"];
        keys.into_iter().any(|key| section.settings.contains_key(key))
    };
    file.repositories().any(names_a_place).then(|| file.known())
}

impl Section {
    fn new(id: String, budget: &Budget) -> Result<Self, OverBudget> {
        let held = budget.hold(size_of::<Self>() + NODE + 2 * (id.len() + ALLOCATION))?;
        Ok(Self { id, settings: BTreeMap::new(), held })
    }

    fn set(&mut self, key: &str, setting: Setting) -> Result<(), OverBudget> {
        self.held.add(size_of::<(String, Setting)>() + NODE + key.len() + setting.value.len() + 2 * ALLOCATION)?;
        self.settings.insert(key.to_owned(), setting);
        Ok(())
    }

    /// What the section says of its repository.
    pub fn repository(&self, variables: &Variables) -> Result<Repository, RepoFileError> {
        let switch = |key, default| self.switch(key, default, variables);
        if let Some(setting) = self.settings.get("sslverify")
            && !switch("sslverify", true)?
        {
            return Err(self.fault("sslverify", setting.line, ValueFault::SslVerifyOff));
        }
        let mut places = self.places("baseurl", variables)?;
        let metalink = self.places("metalink", variables)?;
        places.extend(if metalink.is_empty() { self.places("mirrorlist", variables)? } else { metalink });
        if places.is_empty() {
            return Err(RepoFileError::NoPlace(named(&self.id)));
        }
        let one = |key| Ok::<_, RepoFileError>(self.places(key, variables)?.into_iter().next());
        let is_signed = switch("repo_gpgcheck", false)?;
        Ok(Repository {
            places,
            signed_by: if is_signed { Some(self.places("gpgkey", variables)?) } else { None },
            checks_packages: switch("pkg_gpgcheck", false)? || switch("gpgcheck", false)?,
            username: self.text("username", variables)?,
            password: self.text("password", variables)?,
            authorities: one("sslcacert")?,
            client_certificate: one("sslclientcert")?,
            client_key: one("sslclientkey")?,
            unheeded: self.unheeded(),
        })
    }

    /// The value of a key; `None` where it is empty.
    fn text(&self, key: &str, variables: &Variables) -> Result<Option<String>, OverBudget> {
        let Some(Setting { value, .. }) = self.settings.get(key) else { return Ok(None) };
        let text = variables.expand(value);
        self.held.add(text.len() + ALLOCATION)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn switch(&self, key: &'static str, default: bool, variables: &Variables) -> Result<bool, RepoFileError> {
        let Some(Setting { line, value }) = self.settings.get(key) else { return Ok(default) };
        match variables.expand(value).to_ascii_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => Ok(true),
            "0" | "no" | "false" | "off" => Ok(false),
            _ => Err(self.fault(key, *line, ValueFault::NoSwitch)),
        }
    }

    /// The URLs or paths that a key names, with white space or commas between them.
    fn places(&self, key: &'static str, variables: &Variables) -> Result<Vec<Place>, RepoFileError> {
        let Some(Setting { line, value }) = self.settings.get(key) else { return Ok(Vec::new()) };
        let fault = |fault| self.fault(key, *line, fault);
        let words = value.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let mut places = Vec::new();
        for word in words {
            let text = variables.expand_url(word).map_err(|error| fault(error.into()))?;
            if text.is_empty() {
                continue;
            }
            if text.len() > MAX_URL {
                return Err(fault(ValueFault::TooLongPlace));
            }
            if places.len() == MAX_URLS {
                return Err(fault(ValueFault::TooManyUrls));
            }
            self.held.add(size_of::<Place>() + text.len() + ALLOCATION)?;
            places.push(Place { key, line: *line, text });
        }
        Ok(places)
    }

    fn fault(&self, key: &'static str, line: usize, fault: ValueFault) -> RepoFileError {
        RepoFileError::Value { section: named(&self.id), key, line, fault }
    }

    /// What of the section has no effect here, though it has one for dnf. A key that looks like none of dnf's is not
    /// repeated: it may be a part of a password.
    fn unheeded(&self) -> Option<String> {
        let is_one_of = |keys: &str, key: &String| keys.split_whitespace().any(|one| one == key);
        let looks_like_one = |key: &&String| {
            key.len() <= MAX_KEY
                && key.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'0'..=b'9'))
        };
        let (hiding, others): (Vec<_>, Vec<_>) = self
            .settings
            .keys()
            .filter(|key| !is_one_of(HEEDED, key) && !is_one_of(MEANINGLESS, key))
            .partition(|key| is_one_of(HIDING, key));
        let (others, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(looks_like_one);
        let hidden = (!hiding.is_empty()).then(|| {
            let hiding = listed(hiding.into_iter().cloned());
            format!("releases that dnf would hide by {hiding} are listed here, and built: leave them out by exclude or version_range")
        });
        let unknown = (!unknown.is_empty()).then(|| count(unknown.len(), "unknown key"));
        let others = listed(unknown.into_iter().chain(others.into_iter().cloned()));
        let others = (!others.is_empty()).then(|| format!("these have no effect here: {others}"));
        let sentences: Vec<String> = [hidden, others].into_iter().flatten().collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}

/// A few names, and how many more there are.
fn listed(mut names: impl Iterator<Item = String>) -> String {
    let few: Vec<String> = names.by_ref().take(MAX_LISTED).collect();
    match names.count() {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// What a file is made of, but for comments and empty lines.
enum Item<'t> {
    Section(&'t str),
    Setting { line: usize, key: &'t str, value: String },
}

/// The items of a file.
struct Items<'t, L: Iterator<Item = (usize, &'t str)>> {
    lines: Peekable<L>,
}

impl<'t> Items<'t, std::iter::Empty<(usize, &'t str)>> {
    fn of(text: &'t str) -> Items<'t, impl Iterator<Item = (usize, &'t str)>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Items { lines: (1..).zip(text.split('\n')).peekable() }
    }
}

impl<'t, L: Iterator<Item = (usize, &'t str)>> Iterator for Items<'t, L> {
    type Item = Result<Item<'t>, RepoFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, line) = self.lines.next()?;
            let content = line.trim_matches(WHITE_SPACE);
            if content.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let item = match content.strip_prefix('[') {
                Some(rest) => section(rest).map(Item::Section),
                None if line.starts_with(WHITE_SPACE) => Err(LineFault::Continuation),
                None => setting(content).and_then(|(key, begin)| {
                    let value = self.value(begin)?;
                    Ok(Item::Setting { line: number, key, value })
                }),
            };
            return Some(item.map_err(|fault| RepoFileError::Line { line: number, fault }));
        }
    }
}

impl<'t, L: Iterator<Item = (usize, &'t str)>> Items<'t, L> {
    /// A value that goes on in the lines that begin with white space. A line of white space alone is one of them.
    fn value(&mut self, begin: &str) -> Result<String, LineFault> {
        let mut value = begin.to_owned();
        let goes_on = |(_, line): &(usize, &str)| {
            line.starts_with(WHITE_SPACE) && !line.trim_start_matches(WHITE_SPACE).starts_with('[')
        };
        while let Some((_, line)) = self.lines.next_if(goes_on) {
            value.push('\n');
            value.push_str(line.trim_matches(WHITE_SPACE));
            if value.len() > MAX_VALUE {
                return Err(LineFault::TooLong);
            }
        }
        if value.len() > MAX_VALUE {
            return Err(LineFault::TooLong);
        }
        let value = value.trim_end_matches('\n');
        let within = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
        Ok(within('"').or_else(|| within('\'')).unwrap_or(value).to_owned())
    }
}

/// The name of a section, of what follows its `[`. A list such as `el[89]` may be in it.
fn section(rest: &str) -> Result<&str, LineFault> {
    let mut is_in_list = false;
    let end = rest.find(|c: char| {
        let is_end = c == ']' && !is_in_list;
        is_in_list = c == '[' || is_in_list && c != ']';
        is_end
    });
    let (name, behind) = rest.split_at(end.ok_or(LineFault::NoBracket)?);
    let behind = behind[1..].trim_start_matches(WHITE_SPACE);
    if name.is_empty() {
        Err(LineFault::NoName)
    } else if !behind.is_empty() && !behind.starts_with(['#', ';']) {
        Err(LineFault::BehindSection)
    } else {
        Ok(name)
    }
}

fn setting(line: &str) -> Result<(&str, &str), LineFault> {
    let (key, value) = line.split_once('=').ok_or(LineFault::NoEquals)?;
    let key = key.trim_end_matches(WHITE_SPACE);
    if key.is_empty() { Err(LineFault::NoKey) } else { Ok((key, value.trim_start_matches(WHITE_SPACE))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENDOR: &str = "[runner_runner]
name=runner_runner
baseurl=https://packages.gitlab.com/runner/gitlab-runner/el/$releasever/$basearch
repo_gpgcheck=1
gpgcheck=1
enabled=1
gpgkey=https://packages.gitlab.com/runner/gitlab-runner/gpgkey
       https://packages.gitlab.com/runner/gitlab-runner/gpgkey/runner.pub.gpg
sslverify=1
sslcacert=/etc/pki/tls/certs/ca-bundle.crt
metadata_expire=300

[runner_runner-source]
baseurl=https://packages.gitlab.com/runner/gitlab-runner/el/9/SRPMS
enabled=0
";

    fn variables() -> Variables {
        [("releasever", "9"), ("basearch", "x86_64")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    fn parsed(text: &str) -> Result<RepoFile, RepoFileError> {
        RepoFile::parse(text, &variables(), &Budget::default())
    }

    fn repository(settings: &str) -> Result<Repository, RepoFileError> {
        parsed(&format!("[a]\n{settings}"))?.section("a")?.repository(&variables())
    }

    fn texts(places: &[Place]) -> Vec<&str> {
        places.iter().map(|place| place.text.as_str()).collect()
    }

    #[test]
    fn a_file_as_vendors_write_it_says_where_the_repository_is_and_who_signs_it() {
        let file = parsed(VENDOR).expect("a file");
        let [section] = file.enabled(&variables()).expect("one is enabled")[..] else { panic!("one") };
        assert_eq!(section.id, "runner_runner");
        let repository = section.repository(&variables()).expect("a repository");
        assert_eq!(texts(&repository.places), ["https://packages.gitlab.com/runner/gitlab-runner/el/9/x86_64"]);
        let keys = repository.signed_by.expect("it is signed");
        assert_eq!((keys.len(), keys[1].line), (2, 7));
        assert!(keys[1].text.ends_with("/runner.pub.gpg"));
        assert_eq!(repository.authorities.expect("some").text, "/etc/pki/tls/certs/ca-bundle.crt");
        assert!(repository.checks_packages && repository.username.is_none() && repository.unheeded.is_none());
        assert!(file.section("runner_runner-source").expect("named").repository(&variables()).is_ok());
    }

    #[test]
    fn lines_are_those_of_dnf() {
        for (text, value) in [
            ("[a]\nusername=x", "x"),
            ("\u{feff}# a comment\r\n; another\r\n\r\n [a] # and one\r\nusername\t =\t x y \r\n", "x y"),
            ("[a]\nusername=x\nusername=y", "y"),
            ("[a]\nusername=x\n[b]\nusername=z\n[a]\nusername=y", "y"),
            ("[a]\nusername=\n x\n\t\n  y = z\npassword=", "\nx\n\ny = z"),
            ("[a]\nusername= \"x=#y\" ", "x=#y"),
            ("[a]\nusername='x'", "x"),
            ("[a]\nusername='", "'"),
            ("[a]\nusername=x # no comment", "x # no comment"),
            ("[a]\nusername=x$releasever\\$y$z", "x9$y$z"),
        ] {
            let file = parsed(text).expect(text);
            let username =
                file.section("a").expect("a section").text("username", &variables()).expect("within the budget");
            assert_eq!(username.as_deref(), Some(value), "{text:?}");
        }
        let file = parsed("[el[89]-x]\n[el$releasever]\n[main]\n").expect("sections");
        assert!(["el[89]-x", "el9"].iter().all(|id| file.section(id).is_ok()));
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number_and_not_repeated() {
        for (text, line, fault) in [
            ("[p4ss", 1, LineFault::NoBracket),
            ("[a]\n[]", 2, LineFault::NoName),
            ("[a] p4ss", 1, LineFault::BehindSection),
            ("password=p4ss", 1, LineFault::BeforeSections),
            ("[a]\n p4ss", 2, LineFault::Continuation),
            ("[a]\npassword=x\n# y\n p4ss", 4, LineFault::Continuation),
            ("[a]\npassword=x\n\n p4ss", 4, LineFault::Continuation),
            ("[a]\n =p4ss\n", 2, LineFault::Continuation),
            ("[a]\n=p4ss\n", 2, LineFault::NoKey),
            ("[a]\np4ss\n", 2, LineFault::NoEquals),
        ] {
            let error = parsed(text).expect_err(text);
            let RepoFileError::Line { line: found, fault: told } = &error else { panic!("{error}") };
            assert_eq!((*found, *told), (line, fault), "{text:?}");
            assert!(!format!("{error} {error:?}").contains("p4ss"), "{error}");
        }
    }

    #[test]
    fn places_are_tried_as_dnf_does() {
        for (settings, places) in [
            ("baseurl=https://a/, https://b/\n  https://c/", &["https://a/", "https://b/", "https://c/"][..]),
            ("mirrorlist=https://m/\nbaseurl=https://a/", &["https://a/", "https://m/"]),
            ("mirrorlist=https://m/\nmetalink=https://l/", &["https://l/"]),
            ("baseurl=\nmirrorlist=https://m/?repo=$basearch", &["https://m/?repo=x86_64"]),
        ] {
            assert_eq!(texts(&repository(settings).expect(settings).places), places, "{settings}");
        }
    }

    #[test]
    fn a_signature_is_asked_for_by_repo_gpgcheck_alone() {
        let signed_by = |settings: &str| {
            let repository = repository(&format!("baseurl=https://a/\n{settings}")).expect(settings);
            repository.signed_by.map(|keys| texts(&keys).join(" "))
        };
        for (settings, keys) in [
            ("gpgcheck=1\ngpgkey=https://a/key", None),
            ("repo_gpgcheck=0\ngpgkey=https://a/key", None),
            ("repo_gpgcheck=True\ngpgkey=https://a/key file:///b", Some("https://a/key file:///b")),
            ("repo_gpgcheck=YES", Some("")),
        ] {
            assert_eq!(signed_by(settings).as_deref(), keys, "{settings}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_told_by_its_key_and_line() {
        for (settings, told) in [
            ("", "[a] has no baseurl, mirrorlist or metalink"),
            ("baseurl=", "[a] has no baseurl, mirrorlist or metalink"),
            ("baseurl=${nothing:+https://a/}", "[a] has no baseurl, mirrorlist or metalink"),
            ("baseurl=https://u:p4ss@a/$nothing/", "baseurl of [a], line 2: the variable $nothing has no value"),
            ("baseurl=https://a/${releasever", "baseurl of [a], line 2: a ${ in it begins no variable"),
            ("baseurl=https://a/\n# x\nsslverify=0", "sslverify of [a], line 4: certificates are always verified here"),
            ("baseurl=https://a/\nrepo_gpgcheck=p4ss", "repo_gpgcheck of [a], line 3: expected 1 or 0"),
            ("baseurl=https://a/\ngpgcheck=", "gpgcheck of [a], line 3: expected 1 or 0"),
        ] {
            let error = repository(settings).expect_err(settings).to_string();
            assert!(error.starts_with(told) && !error.contains("p4ss"), "{error}");
        }
        let many = |count: usize| format!("baseurl={}", "https://a/ ".repeat(count));
        assert!(repository(&many(MAX_URLS)).is_ok());
        assert!(repository(&many(MAX_URLS + 1)).expect_err("too many").to_string().contains("more than 100 URLs"));
        let long = |length: usize| format!("baseurl=https://a/{}", "x".repeat(length - "https://a/".len()));
        assert!(repository(&long(MAX_URL)).is_ok());
        assert!(repository(&long(MAX_URL + 1)).expect_err("too long").to_string().contains("more than 2048 bytes"));
        let value = |length: usize| repository(&format!("baseurl=https://a/\nname={}\n", "x".repeat(length)));
        assert!(value(MAX_VALUE).is_ok());
        assert!(value(MAX_VALUE + 1).expect_err("too long").to_string().contains("line 3: the value is longer"));
    }

    #[test]
    fn a_section_that_is_not_there_is_told_with_those_that_are() {
        let file = parsed("[main]\n[b]\nenabled=0\n[a]\nenabled=off\n").expect("sections");
        let error = file.section("c").expect_err("none").to_string();
        assert_eq!(error, "there is no section [c] in it: it has [b], [a]");
        assert!(file.section("main").is_err());
        let error = file.enabled(&variables()).expect_err("none").to_string();
        assert!(error.starts_with("no section of it is enabled") && error.ends_with("it has [b], [a]"), "{error}");
        let many: Vec<String> = (0..=MAX_SECTIONS).map(|n| format!("[{n}]")).collect();
        assert!(matches!(parsed(&many.join("\n")), Err(RepoFileError::TooManySections)));
        let file = parsed(&many[1..].join("\n")).expect("as many as there may be");
        let error = file.section("c").expect_err("none").to_string();
        assert!(error.ends_with("[9], [10] and 990 more"), "{error}");
        assert!(matches!(parsed(&"#".repeat(1 + (1 << 20))), Err(RepoFileError::TooLong)));
    }

    #[test]
    fn what_has_no_effect_is_said_and_what_dnf_would_hide_first() {
        let unheeded = |settings: &str| {
            repository(&format!("baseurl=https://a/\nname=x\ncost=1\n{settings}")).expect(settings).unheeded
        };
        assert_eq!(repository("baseurl=https://a/\nname=x\nmetadata_expire=1h").expect("one").unheeded, None);
        assert_eq!(unheeded("proxy=x").as_deref(), Some("these have no effect here: cost, proxy"));
        assert_eq!(
            unheeded("exclude=a\nincludepkgs=b\nYzJWamNtVjA=c2VjcmV0").as_deref(),
            Some(
                "releases that dnf would hide by exclude, includepkgs are listed here, and built: leave them out by \
                 exclude or version_range; these have no effect here: 1 unknown key, cost"
            )
        );
    }
}
