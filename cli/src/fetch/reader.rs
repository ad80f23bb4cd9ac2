//! Reads the releases that a repository offers: from its repodata or an index, of itself or of a mirror.

use std::io::Read;

use ami_scheduler::budget::{Budget, Held};
use ami_scheduler::redacted::RedactedUrl;
use ami_scheduler::release::Checksum;
use ami_scheduler::repository::mirrors::{self, Mirrors};
use ami_scheduler::repository::repomd::{DataFile, Repomd};
use ami_scheduler::repository::signature::{SignatureError, TrustedKeys};
use ami_scheduler::repository::variables::Variables;
use ami_scheduler::repository::{
    Listing, Misnamed, RepositoryError, html, index, is_below, primary, public_query, repo_file, repomd, resolve,
    updateinfo,
};
use ami_scheduler::text::{count, excerpt};
use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use url::Url;

use super::cache::Cache;
use super::error::FetchError;
use super::location::Location;
use super::progress::Progress;
use super::source::{Absence, Fetched, Freshness, Index, OpenFile, Source};

const REPOMD: &str = "repodata/repomd.xml";
const SIGNATURE: &str = "repodata/repomd.xml.asc";
/// How often a repository is read from its beginning, the first time included.
const MAX_READS: u32 = 4;
/// How many mirrors are tried one after another.
const MAX_TRIED: usize = 20;
/// How deep an index is split up: the root, `Packages/` and a letter.
const MAX_FOLDERS: usize = 3;
/// How many pages an index may have. Those of buckets have 1,000 files.
const MAX_PAGES: usize = 200;

/// Reads the releases of one product.
pub struct Reader<'a> {
    pub product: &'a str,
    pub signed_by: Option<&'a SignedBy>,
    pub now: Timestamp,
    pub cache: Option<&'a Cache>,
    /// dnf's variables, which a list of mirrors may have.
    pub variables: &'a Variables,
    /// Whether an index will do where there was repodata on an earlier run.
    pub accepts_index: bool,
    /// Whether the URLs of packages have the query of their repository.
    pub package_url_query: bool,
    /// What is left of what the command may keep and do.
    pub budget: &'a Budget,
}

/// The number of a reading of a repository, from 1.
#[derive(Clone, Copy)]
struct Attempt(u32);

impl Attempt {
    /// How new a file has to be: a cache on the way may be what has an old one beside a new `repomd.xml`.
    fn freshness(self) -> Freshness {
        if self.0 == 1 { Freshness::Any } else { Freshness::Current }
    }

    fn is_last(self) -> bool {
        self.0 == MAX_READS
    }
}

/// A repository, and what its `repomd.xml` at a place describes.
struct Described<'a> {
    source: &'a dyn Source,
    repomd: Repomd,
    location: Location,
    /// How new these files have to be.
    freshness: Freshness,
}

/// Reads a file that `repomd.xml` describes.
type ReadFile<'a, T> = &'a dyn Fn(&mut dyn Read) -> Result<T, RepositoryError>;

/// The keys of which one has to have signed a repository.
pub struct SignedBy {
    pub keys: TrustedKeys,
    /// The option or setting that asks for the signature, as messages name it.
    pub asked_by: String,
}

/// Why a repository could not be read, and whether reading it again may help.
struct ReadError {
    error: anyhow::Error,
    is_transient: bool,
}

impl<E: Into<anyhow::Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self { error: error.into(), is_transient: false }
    }
}

fn transient(error: anyhow::Error) -> ReadError {
    ReadError { error, is_transient: true }
}

/// Why there is no sense in another attempt.
fn gave_up(location: &Location, failures: &[String]) -> String {
    if failures.iter().all(|failure| *failure == failures[0]) {
        return format!(
            "the repository {location} cannot be read: {MAX_READS} attempts ended in the same way. If it is being updated, \
             or out of order, run the job again later. If that does not help, its files are damaged, or a proxy changes \
             them on their way: tell whoever runs it"
        );
    }
    format!(
        "the repository {location} gave no consistent answer in {MAX_READS} attempts, as if it were being updated; run \
         the job again later"
    )
}

impl Reader<'_> {
    /// Reads the repository, which is in one place or in several, from `repomd.xml` on: the first place that has all of it.
    /// Up to `MAX_READS` times, since a mirror is often caught half-way through its update, and connections break.
    pub fn read(&self, places: &[&dyn Source]) -> anyhow::Result<Listing> {
        let repository = places[0];
        let (mut attempt, mut failures) = (1, Vec::new());
        loop {
            let error = match self.read_first(places, Attempt(attempt)) {
                Ok(listing) => return Ok(listing),
                Err(ReadError { error, is_transient: false }) => return Err(error),
                Err(ReadError { error, .. }) => error,
            };
            failures.push(format!("{error:#}"));
            if attempt == MAX_READS {
                return Err(error.context(gave_up(repository.location(), &failures)));
            }
            message!("{error:#}; reading the repository again (attempt {} of {MAX_READS})", attempt + 1);
            repository.wait(attempt);
            attempt += 1;
        }
    }

    /// Reads the first of the places that can be read.
    fn read_first(&self, places: &[&dyn Source], attempt: Attempt) -> Result<Listing, ReadError> {
        let mut may_help = false;
        // Of several places each is asked once.
        let may_pass = |failed: &ReadError| failed.is_transient || failed.error.chain().any(is_transient);
        for (place, next) in places.iter().zip(&places[1..]) {
            match self.read_place(*place, attempt) {
                Ok(listing) => return Ok(listing),
                Err(failed) => {
                    may_help |= may_pass(&failed);
                    message!("{:#}; trying {} in its place", failed.error, next.location());
                }
            }
        }
        self.read_place(places[places.len() - 1], attempt).map_err(|failed| match places.len() {
            1 => failed,
            count => {
                let is_transient = may_help || may_pass(&failed);
                let error = failed.error.context(format!("none of the {count} places of the repository can be used"));
                ReadError { error, is_transient }
            }
        })
    }

    /// Reads a repository in one place, its packages with the URLs that others are to use.
    fn read_place(&self, place: &dyn Source, attempt: Attempt) -> Result<Listing, ReadError> {
        let mut listing = self.read_once(place, attempt)?;
        let query = place.query().filter(|_| self.package_url_query);
        for package in &mut listing.packages {
            let url = place.public_url(std::mem::take(&mut package.url));
            package.url = with_query(url, place.base(), query)?;
        }
        Ok(listing)
    }

    fn read_once(&self, repository: &dyn Source, attempt: Attempt) -> Result<Listing, ReadError> {
        // A query is a token, or what a list of mirrors or a bucket is asked: what is there tells which.
        let has_query = repository.query().is_some();
        let mut absence = None;
        if !has_query {
            match self.read_repodata(repository, &[], attempt)? {
                Fetched::Found(listing) => return Ok(listing),
                Fetched::Absent(reason) => absence = Some(reason),
            }
        }
        let found = repository.index();
        let page =
            if let Ok(Fetched::Found(Index::Page { content, url })) = &found { Some((content, url)) } else { None };
        if let Some((content, url)) = page
            && let Ok(text) = std::str::from_utf8(content)
            && let Some(mirrors) = mirrors::parse(text, self.variables, self.budget)
        {
            let mirrors = mirrors.with_context(|| format!("in {}", RedactedUrl::from(url)))?;
            return self.read_from_mirrors(repository, url, &mirrors, attempt);
        }
        if let Some((content, url)) = page
            && let Some(sections) = repo_file::sections(content, self.budget)
        {
            return Err(anyhow!(
                "{} is a .repo file, with {sections}: give it as repo_file (--repo-file), or as repo_url (--repo-url) what \
                 baseurl, mirrorlist or metalink of a section names",
                RedactedUrl::from(url)
            )
            .into());
        }
        if has_query && !page.is_some_and(|(content, _)| index::is_of_bucket(content)) {
            match self.read_repodata(repository, &[], attempt)? {
                Fetched::Found(listing) => return Ok(listing),
                Fetched::Absent(reason) => absence = Some(reason),
            }
        }
        let location = repository.location();
        let index = match (found?, absence) {
            (Fetched::Found(index), _) => index,
            (Fetched::Absent(Absence::Forbidden(error)), _)
            | (Fetched::Absent(Absence::Missing), Some(Absence::Forbidden(error))) => return Err(error.into()),
            (Fetched::Absent(Absence::Missing), _) => {
                return Err(anyhow!("{location} is not there (404), nor is its {REPOMD}: is the URL right?").into());
            }
        };
        if let Some(SignedBy { asked_by, .. }) = self.signed_by {
            return Err(anyhow!("{location} has no {REPOMD}, and {asked_by} asks for its signature").into());
        }
        if !self.accepts_index && self.cache.is_some_and(Cache::knows_repodata) {
            return Err(transient(anyhow!(
                "{location} has no {REPOMD}, and had one on an earlier run. Its index is not read in place of that: an index \
                 tells no epochs, and releases that were built would count as new ones. If the repository has no repodata \
                 from now on, set accept_index: true (--accept-index) for one run"
            )));
        }
        message!(
            "{location} has no {REPOMD}: its index is read, which tells no epochs, no checksums and no build times"
        );
        let listing = self.read_index(repository, index)?;
        if self.accepts_index {
            self.cache.iter().for_each(|cache| cache.forget());
        }
        Ok(listing)
    }

    /// Reads the first mirror that has all of the repository, each from its `repomd.xml` on.
    fn read_from_mirrors(
        &self,
        repository: &dyn Source,
        list: &Url,
        mirrors: &Mirrors,
        attempt: Attempt,
    ) -> Result<Listing, ReadError> {
        let bases = self.trusted(list, mirrors)?;
        let (count, list) = (bases.len(), RedactedUrl::from(list));
        let mut failure = None;
        for base in bases {
            if let Some(error) = failure {
                message!("{error:#}; trying the next mirror");
            }
            let mirror = repository.mirror(base, count > 1);
            failure = match self.read_repodata(&*mirror, &mirrors.repomd, attempt) {
                Ok(Fetched::Found(listing)) => return Ok(listing),
                Ok(Fetched::Absent(absence)) => {
                    Some(anyhow!("the mirror {} has no {REPOMD} ({absence})", mirror.location()))
                }
                Err(failed) => Some(failed.error),
            };
        }
        let error = failure.unwrap_or_else(|| anyhow!("there is none"));
        Err(transient(error.context(format!("none of the {count} mirrors in {list} can be used"))))
    }

    /// The mirrors that are tried. A list that came by https vouches for no server that is asked by http, as a
    /// redirect from https to http is not followed either: there a signature or a checksum of `repomd.xml` has to.
    fn trusted<'m>(&self, list: &Url, mirrors: &'m Mirrors) -> anyhow::Result<Vec<&'m Url>> {
        let takes_http = list.scheme() != "https" || self.signed_by.is_some() || !mirrors.repomd.is_empty();
        let is_trusted = |base: &&Url| takes_http || base.scheme() == "https";
        let trusted: Vec<&Url> = mirrors.bases.iter().filter(is_trusted).collect();
        let list = RedactedUrl::from(list);
        match mirrors.bases.len() - trusted.len() {
            0 => {}
            _ if trusted.is_empty() => bail!(
                "{list} came by https and names mirrors of http alone, where whoever is in between can change all that \
                 they say: give the key that signs the repository (--gpg-key, input gpg_key), or as --repo-url a mirror \
                 of https"
            ),
            others => {
                message!(
                    "{} in {list} are passed over: they are of http, and no key is given",
                    count(others, "mirror")
                );
            }
        }
        Ok(trusted.into_iter().take(MAX_TRIED).collect())
    }

    /// Reads repodata, if it is there. Unless `allowed` is empty, `repomd.xml` has to be one of these.
    fn read_repodata(
        &self,
        source: &dyn Source,
        allowed: &[Checksum],
        attempt: Attempt,
    ) -> Result<Fetched<Listing>, ReadError> {
        let mut file = match source.open(&source.base().join(REPOMD)?, Freshness::Current)? {
            Fetched::Found(file) => file,
            Fetched::Absent(absence) => return Ok(Fetched::Absent(absence)),
        };
        let (document, _held) = self.read_whole(&mut file)?;
        if !allowed.is_empty() && !allowed.iter().any(|one| one.is_of(&document)) {
            let reason = "is not the one that the metalink describes: the mirror is not up to date, or the metalink";
            return Err(transient(anyhow!("{} {reason}", file.location)));
        }
        if let Some(signed_by) = self.signed_by {
            self.verify(source, &document, signed_by)?;
        } else if source.query().is_some() && html::described(&document).is_some() {
            // A script that shows an index answers so to whatever is asked below it.
            return Ok(Fetched::Absent(Absence::Missing));
        }
        let repomd = repomd::parse(&document, self.budget).with_context(|| format!("in {}", file.location))?;
        let described = Described { source, repomd, location: file.location, freshness: attempt.freshness() };
        let mut listing = self.read_primary(&described)?;
        if listing.is_empty() {
            let reason = "has no package at all: is it being made anew, or the wrong one?";
            return Err(anyhow!("the repository {} {reason}", source.location()).into());
        }
        match self.add_advisories(&described, &mut listing) {
            Err(error) if error.is_transient && !attempt.is_last() => return Err(error),
            Err(ReadError { error, .. }) => listing.advisories_unknown = Some(excerpt(&format!("{error:#}"))),
            Ok(()) => {}
        }
        let Repomd { revision, names_modules: has_modules, .. } = described.repomd;
        Ok(Fetched::Found(Listing { revision: Some(revision), has_modules, ..listing }))
    }

    fn read_primary(&self, of: &Described<'_>) -> Result<Listing, ReadError> {
        let (file, source) = (&of.repomd.primary, of.source);
        let read = |body: &mut dyn Read| primary::read(body, file, source.base(), self.product, self.budget);
        if let Some(listing) = self.read_kept(file, &read) {
            message!("{} has not changed since it was last read", source.location());
            return Ok(listing);
        }
        self.fetch(of, "primary", file, &read)
    }

    /// Adds what the advisories of the repository say of the packages that it lists. Without packages none are asked for.
    fn add_advisories(&self, of: &Described<'_>, listing: &mut Listing) -> Result<(), ReadError> {
        let packages = &listing.packages;
        if packages.is_empty() {
            return Ok(());
        }
        let Some(file) = of.repomd.updateinfo.as_ref().map_err(Clone::clone)? else { return Ok(()) };
        let read = |body: &mut dyn Read| updateinfo::read(body, file, self.product, packages, self.budget);
        let read = match self.read_kept(file, &read) {
            Some(read) => read,
            None => self.fetch(of, "updateinfo", file, &read)?,
        };
        listing.add_advisories(read);
        Ok(())
    }

    /// Reads a file that an earlier run has kept, by the checksum that tonight's `repomd.xml` states.
    fn read_kept<T>(&self, file: &DataFile, read: ReadFile<'_, T>) -> Option<T> {
        let (path, mut kept) = self.cache?.open(&file.checksum)?;
        read(&mut kept).map_err(|error| message!("{} is ignored: {error}", path.display())).ok()
    }

    /// Fetches a file that `repomd.xml` names, and keeps it for the next run once it has been verified.
    fn fetch<T>(&self, of: &Described<'_>, kind: &str, file: &DataFile, read: ReadFile<'_, T>) -> Result<T, ReadError> {
        let Described { source, repomd, location, freshness } = of;
        let url = resolve(source.base(), file.base.as_deref(), &file.href)
            .map_err(|error| anyhow!("the location of {kind} in {location} cannot be used: {error}"))?;
        let found = match source.open(&url, *freshness)? {
            Fetched::Found(found) => found,
            Fetched::Absent(absence) => {
                let href = excerpt(&file.href);
                return Err(transient(anyhow!("repomd.xml names {href}, which is not there ({absence})")));
            }
        };
        let mut body = Progress::new(found.body, &found.location, file.size);
        let read = match self.cache {
            None => read(&mut body),
            Some(cache) => {
                let mut body = cache.keep(body, &file.checksum, repomd);
                read(&mut body).inspect(|_| body.verified())
            }
        };
        read.map_err(|error| {
            let is_transient = error.is_transient();
            ReadError { error: anyhow::Error::from(error).context(format!("in {}", found.location)), is_transient }
        })
    }

    /// Verifies `repomd.xml` before anything that it says counts. A mirror may have one of the two files already and
    /// the other not yet.
    fn verify(&self, source: &dyn Source, repomd: &[u8], signed_by: &SignedBy) -> Result<(), ReadError> {
        let SignedBy { keys, asked_by } = signed_by;
        let file = source.open(&source.base().join(SIGNATURE)?, Freshness::Current)?;
        let mut file = match file {
            Fetched::Found(file) => file,
            Fetched::Absent(absence) => return Err(anyhow!(
                "{} is not signed ({SIGNATURE}: {absence}), and {asked_by} asks for a signature: use a repository that is \
                 signed, or ask for none (gpg_key: none, repo_gpgcheck=0)",
                source.location()
            )
            .into()),
        };
        let (signature, _held) = self.read_whole(&mut file)?;
        keys.verify(repomd, &signature, self.now).map_err(|error| {
            let is_transient = matches!(error, SignatureError::Bad { .. });
            let error = anyhow::Error::from(error).context(format!("the signature {} is not believed", file.location));
            ReadError { error, is_transient }
        })
    }

    /// Reads an index. One that is split up goes on with the folder that has the product: `Packages/`, then
    /// the one of its first letter.
    fn read_index(&self, source: &dyn Source, mut index: Index) -> anyhow::Result<Listing> {
        let (mut folder, mut misnamed) = (source.base().clone(), Misnamed::default());
        let described = if let Index::Page { content, .. } = &index { html::described(content) } else { None };
        for _ in 0..MAX_FOLDERS {
            let page = self.read_folder(source, &folder, &index)?;
            misnamed.append(page.listing.misnamed.clone());
            let next = match page.folder {
                Some(next) if page.listing.is_empty() => next,
                _ if page.listing.is_empty() => break,
                _ => return Ok(page.listing),
            };
            index = index_at(source, &next)?;
            folder = next;
        }
        let location = source.location();
        if misnamed.count > 0 {
            bail!("{location} is no package repository: it has no {REPOMD}, and no package: {misnamed}");
        }
        bail!(
            "{location} is no package repository: it has no {REPOMD}, and no file or link that ends in .rpm{}. \
             The URL has to be the one that a .repo file has as baseurl",
            described.map(|described| format!("; {described}")).unwrap_or_default()
        )
    }

    /// Reads a folder of an index, all its pages as one.
    fn read_folder(&self, source: &dyn Source, folder: &Url, first: &Index) -> anyhow::Result<index::Page> {
        let read = |index: &Index| {
            let page = match index {
                Index::Page { content, url } => {
                    let _held = self.budget.hold(content.len())?;
                    index::read(content, url, self.product, self.budget)
                }
                Index::Folder(urls) => index::read_urls(urls.iter().cloned(), folder, self.product, self.budget),
            };
            page.with_context(|| format!("in {}", source.location()))
        };
        let mut whole = read(first)?;
        for _ in 1..MAX_PAGES {
            let Some(next) = whole.next.take() else { return Ok(whole) };
            let page = read(&index_at(source, &next)?)?;
            whole.listing.append(page.listing)?;
            whole.next = page.next;
            // Of the folders that have the product that of its letter counts.
            let is_letter = |folder: &Url| !folder.path().ends_with("/Packages/");
            if whole.folder.is_none() || page.folder.as_ref().is_some_and(is_letter) {
                whole.folder = page.folder;
            }
        }
        let location = source.location();
        bail!(
            "the index {location} has more than {MAX_PAGES} pages: give the URL of a part of it, such as ?prefix=el/9/"
        )
    }

    fn read_whole(&self, file: &mut OpenFile) -> Result<(Vec<u8>, Held), ReadError> {
        let read = self.budget.read_to_end(&mut file.body, repomd::MAX_SIZE);
        let (content, held) = read.map_err(|error| transient(anyhow!("cannot read {}: {error}", file.location)))?;
        if content.len() as u64 > repomd::MAX_SIZE {
            let (location, limit) = (&file.location, repomd::MAX_SIZE);
            let reason =
                format!("{location} has more than {limit} bytes, too many for what was asked; is the URL right?");
            return Err(anyhow!(reason).into());
        }
        Ok((content, held))
    }
}

/// The URL of a package below the repository with the repository's own query.
fn with_query(url: String, base: &Url, query: Option<&str>) -> anyhow::Result<String> {
    match query.filter(|_| Url::parse(&url).is_ok_and(|url| is_below(&url, base))) {
        None => Ok(url),
        Some(query) => public_query(query).map(|query| format!("{url}?{query}")).context(
            "--package-url-query is not possible with the query of --repo-url: expected one word, or NAME=VALUE with & \
             between, of letters, digits and -._~, all else percent-encoded",
        ),
    }
}

/// Whether a failure to fetch a file may pass.
fn is_transient(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<FetchError>().is_some_and(FetchError::is_transient)
}

fn index_at(source: &dyn Source, url: &Url) -> anyhow::Result<Index> {
    match source.index_at(url)? {
        Fetched::Found(index) => Ok(index),
        Fetched::Absent(absence) => {
            bail!("the index {} goes on at a page that is not there ({absence}); run the job again", source.location())
        }
    }
}

#[cfg(test)]
mod tests;
