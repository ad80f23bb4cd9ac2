//! Reads the releases that a repository offers: from its repodata or an index, of itself or of a mirror.

use std::io::Read as _;

use ami_scheduler::redacted::RedactedUrl;
use ami_scheduler::release::Checksum;
use ami_scheduler::repository::mirrors::{self, Mirrors};
use ami_scheduler::repository::signature::{SignatureError, TrustedKeys};
use ami_scheduler::repository::{Listing, index, primary, repomd};
use ami_scheduler::text::{count, excerpt};
use anyhow::{Context as _, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use super::cache::{Cache, CacheEntry, CachedRepomd};
use super::progress::Progress;
use super::source::{Fetched, Index, OpenFile, Source, Validators};

const REPOMD: &str = "repodata/repomd.xml";
const SIGNATURE: &str = "repodata/repomd.xml.asc";
/// How often a repository is read from its beginning, the first time included.
const MAX_READS: u32 = 4;
/// How many mirrors are tried one after another.
const MAX_MIRRORS: usize = 20;
/// How deep an index is split up: the root, `Packages/` and a letter.
const MAX_FOLDERS: usize = 3;
/// How many pages an index may have. Those of buckets have 1,000 files.
const MAX_PAGES: usize = 200;
/// How long a repository without repodata is read from its unchanged index before repodata is looked for again.
const REPODATA_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Reads the releases of one product.
pub struct Reader<'a> {
    pub product: &'a str,
    pub signed_by: Option<&'a TrustedKeys>,
    pub now: Timestamp,
    pub cache: Option<&'a Cache>,
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

impl Reader<'_> {
    /// Reads the repository, from `repomd.xml` on; up to `MAX_READS` times, since a mirror is often caught
    /// half-way through its update, and connections break.
    pub fn read(&self, repository: &dyn Source) -> anyhow::Result<Listing> {
        let entry = self.cache.and_then(Cache::load);
        let mut attempt = 1;
        loop {
            let error = match self.read_once(repository, entry.as_ref()) {
                Ok(listing) => return Ok(listing),
                Err(ReadError { error, is_transient: false }) => return Err(error),
                Err(ReadError { error, .. }) => error,
            };
            if attempt == MAX_READS {
                return Err(error.context(format!(
                    "the repository {} gave no consistent answer in {MAX_READS} attempts, as if it were being updated; run the job again later",
                    repository.location()
                )));
            }
            message!("{error:#}; reading the repository again (attempt {} of {MAX_READS})", attempt + 1);
            repository.wait(attempt);
            attempt += 1;
        }
    }

    fn read_once(&self, repository: &dyn Source, entry: Option<&CacheEntry>) -> Result<Listing, ReadError> {
        let mut changed = None;
        if let Some(entry) = entry.filter(|entry| self.is_index_of(repository, entry)) {
            changed = match repository.index(&entry.validators) {
                Ok(Fetched::Unchanged) => return Ok(unchanged(entry)),
                Ok(Fetched::Found(index)) => Some(index),
                // Servers can refuse to list what has a repodata by now.
                Ok(Fetched::Missing) | Err(_) => None,
            };
        }
        if repository.is_folder()
            && let Some(listing) = self.read_repodata(repository, &[], entry)?
        {
            return Ok(listing);
        }
        let location = repository.location();
        let fetched = changed.map_or_else(|| repository.index(&Validators::NONE), |index| Ok(Fetched::Found(index)))?;
        let Fetched::Found(index) = fetched else {
            return Err(anyhow!("{location} is not there (404), nor is its {REPOMD}: is the URL right?").into());
        };
        if let Index::Page { content, url, .. } = &index
            && let Some(mirrors) = std::str::from_utf8(content).ok().and_then(mirrors::parse)
        {
            let mirrors = mirrors.with_context(|| format!("in {}", RedactedUrl::from(url)))?;
            return self.read_from_mirrors(repository, url, &mirrors, entry);
        }
        if self.signed_by.is_some() {
            return Err(anyhow!("{location} has no {REPOMD}, and --gpg-key asks for its signature").into());
        }
        Ok(self.read_index(repository, index)?)
    }

    /// Whether the cache entry is the index of a repository that had no repodata, and recent: a page that
    /// somebody wrote stays the same when a repodata comes.
    fn is_index_of(&self, repository: &dyn Source, entry: &CacheEntry) -> bool {
        let age = self.now.duration_since(entry.read_at);
        entry.repomd.is_none()
            && entry.base == *repository.base()
            && (SignedDuration::ZERO..REPODATA_AFTER).contains(&age)
    }

    /// Reads the first mirror that has all of the repository, each from its `repomd.xml` on.
    fn read_from_mirrors(
        &self,
        repository: &dyn Source,
        list: &Url,
        mirrors: &Mirrors,
        entry: Option<&CacheEntry>,
    ) -> Result<Listing, ReadError> {
        if let Some((entry, repomd)) = with_repomd(entry)
            && mirrors.repomd.first().is_some_and(|newest| newest.is_of(repomd.document.as_bytes()))
            && mirrors.bases.contains(&entry.base)
            && self.is_still_signed(repository, repomd)
        {
            return Ok(unchanged(entry));
        }
        let bases = self.trusted(list, mirrors)?;
        let (count, list) = (bases.len(), RedactedUrl::from(list));
        let mut failure = None;
        for base in bases {
            if let Some(error) = failure {
                message!("{error:#}; trying the next mirror");
            }
            let mirror = repository.mirror(base, count > 1);
            failure = match self.read_repodata(&*mirror, &mirrors.repomd, entry) {
                Ok(Some(listing)) => return Ok(listing),
                Ok(None) => Some(anyhow!("the mirror {} has no {REPOMD}", mirror.location())),
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
        Ok(trusted.into_iter().take(MAX_MIRRORS).collect())
    }

    /// Reads repodata; `None` where there is none. Unless `allowed` is empty, `repomd.xml` has to be one of these.
    fn read_repodata(
        &self,
        source: &dyn Source,
        allowed: &[Checksum],
        entry: Option<&CacheEntry>,
    ) -> Result<Option<Listing>, ReadError> {
        let is_allowed = |document: &[u8]| allowed.is_empty() || allowed.iter().any(|one| one.is_of(document));
        let usable = with_repomd(entry.filter(|entry| entry.base == *source.base()))
            .filter(|(_, repomd)| is_allowed(repomd.document.as_bytes()) && self.is_still_signed(source, repomd));
        let unless = usable.map(|(entry, _)| entry.validators.clone()).unwrap_or_default();
        let mut file = match (source.open(&source.base().join(REPOMD)?, &unless)?, usable) {
            (Fetched::Found(file), _) => file,
            (Fetched::Unchanged, Some((entry, _))) => return Ok(Some(unchanged(entry))),
            (Fetched::Unchanged | Fetched::Missing, _) => return Ok(None),
        };
        let document = read_whole(&mut file)?;
        if !is_allowed(&document) {
            let reason = "is not the one that the metalink describes: the mirror is not up to date, or the metalink";
            return Err(transient(anyhow!("{} {reason}", file.location)));
        }
        let signature = self.signed_by.map(|keys| self.verify(source, &document, keys)).transpose()?;
        let document = String::from_utf8(document).map_err(|error| {
            anyhow!("in {}: expected an XML document in UTF-8: {}", file.location, error.utf8_error())
        })?;
        let repomd = repomd::parse(&document).with_context(|| format!("in {}", file.location))?;
        let listing = match usable {
            Some((entry, repomd)) if repomd.document == document => unchanged(entry),
            _ => self.read_primary(source, &repomd, &file)?,
        };
        if let Some(cache) = self.cache.filter(|_| !listing.packages.is_empty()) {
            let repomd = Some(CachedRepomd { document, signature });
            cache.store(source.base(), file.validators, self.now, repomd, &listing);
        }
        Ok(Some(listing))
    }

    fn read_primary(&self, source: &dyn Source, repomd: &repomd::Repomd, of: &OpenFile) -> Result<Listing, ReadError> {
        let url = primary::resolve(source.base(), repomd.primary.base.as_deref(), &repomd.primary.href)
            .map_err(|error| anyhow!("the location of primary in {} cannot be used: {error}", of.location))?;
        let Fetched::Found(file) = source.open(&url, &Validators::NONE)? else {
            let href = excerpt(&repomd.primary.href);
            return Err(transient(anyhow!("repomd.xml names {href}, which is not there")));
        };
        let body = Progress::new(file.body, &file.location, repomd.primary.size);
        let listing = primary::read(body, &repomd.primary, source.base(), self.product).map_err(|error| {
            let is_transient = error.is_transient();
            ReadError { error: anyhow::Error::from(error).context(format!("in {}", file.location)), is_transient }
        })?;
        if listing.is_empty() {
            let reason = "has no package at all: is it being made anew, or the wrong one?";
            return Err(anyhow!("the repository {} {reason}", source.location()).into());
        }
        Ok(Listing { revision: repomd.revision.clone(), ..listing })
    }

    /// Verifies `repomd.xml` before anything that it says counts, and returns its signature. A mirror may
    /// have one of the two files already and the other not yet.
    fn verify(&self, source: &dyn Source, repomd: &[u8], keys: &TrustedKeys) -> Result<Vec<u8>, ReadError> {
        let Fetched::Found(mut file) = source.open(&source.base().join(SIGNATURE)?, &Validators::NONE)? else {
            return Err(anyhow!(
                "{} is not signed ({SIGNATURE}: 404), and --gpg-key asks for a signature: use a repository that is signed, or set gpg_key to none",
                source.location()
            )
            .into());
        };
        let signature = read_whole(&mut file)?;
        keys.verify(repomd, &signature, self.now).map_err(|error| {
            let is_transient = matches!(error, SignatureError::Bad { .. });
            let error = anyhow::Error::from(error).context(format!("the signature {} is not believed", file.location));
            ReadError { error, is_transient }
        })?;
        Ok(signature)
    }

    /// Whether the signature of a cache entry would still be accepted: it or its key may have expired.
    fn is_still_signed(&self, source: &dyn Source, repomd: &CachedRepomd) -> bool {
        let Some(keys) = self.signed_by else { return true };
        let signature = repomd.signature.as_deref().unwrap_or_default();
        let verified = keys.verify(repomd.document.as_bytes(), signature, self.now);
        if let Err(error) = &verified {
            let location = source.location();
            message!("what is kept of {location} is ignored: its signature is not believed: {error}");
        }
        verified.is_ok()
    }

    /// Reads an index. One that is split up goes on with the folder that has the product: `Packages/`, then
    /// the one of its first letter.
    fn read_index(&self, source: &dyn Source, mut index: Index) -> anyhow::Result<Listing> {
        let mut folder = source.base().clone();
        for _ in 0..MAX_FOLDERS {
            let page = self.read_folder(source, &folder, index)?;
            let next = match page.folder {
                Some(next) if page.listing.is_empty() => next,
                _ if page.listing.is_empty() => break,
                _ => return Ok(page.listing),
            };
            index = index_at(source, &next)?;
            folder = next;
        }
        bail!(
            "{} is no package repository: it has no repodata/repomd.xml, and no file or link that ends in .rpm. \
             The URL has to be the one that a .repo file has as baseurl",
            source.location()
        )
    }

    /// Reads a folder of an index, all its pages as one.
    fn read_folder(&self, source: &dyn Source, folder: &Url, first: Index) -> anyhow::Result<index::Page> {
        let read = |index: &Index| {
            let page = match index {
                Index::Page { content, url, .. } => index::read(content, url, self.product),
                Index::Folder(urls) => index::read_urls(urls.iter().cloned(), folder, self.product),
            };
            page.with_context(|| format!("in {}", source.location()))
        };
        let mut whole = read(&first)?;
        if let (Some(cache), Index::Page { validators, .. }) = (self.cache, first)
            && whole.next.is_none()
            && !validators.are_none()
            && !whole.listing.packages.is_empty()
            && folder == source.base()
        {
            cache.store(source.base(), validators, self.now, None, &whole.listing);
        }
        for _ in 1..MAX_PAGES {
            let Some(next) = whole.next.take() else { return Ok(whole) };
            let page = read(&index_at(source, &next)?)?;
            whole.listing.append(page.listing)?;
            whole.next = page.next;
        }
        let location = source.location();
        bail!(
            "the index {location} has more than {MAX_PAGES} pages: give the URL of a part of it, such as ?prefix=el/9/"
        )
    }
}

fn index_at(source: &dyn Source, url: &Url) -> anyhow::Result<Index> {
    match source.index_at(url)? {
        Fetched::Found(index) => Ok(index),
        Fetched::Missing | Fetched::Unchanged => {
            bail!("the index {} goes on at a page that is not there (404); run the job again", source.location())
        }
    }
}

fn with_repomd(entry: Option<&CacheEntry>) -> Option<(&CacheEntry, &CachedRepomd)> {
    entry.and_then(|entry| Some((entry, entry.repomd.as_ref()?)))
}

/// The listing of a cache entry, of a repository that has not changed since.
fn unchanged(entry: &CacheEntry) -> Listing {
    message!("{} has not changed since it was last read", RedactedUrl::from(&entry.base));
    let repomd = entry.repomd.as_ref().and_then(|repomd| repomd::parse(&repomd.document).ok());
    let revision = repomd.and_then(|repomd| repomd.revision);
    let (packages, left_out) = (entry.packages.clone(), entry.left_out.clone());
    Listing { revision, packages, left_out, others: entry.others, ..Listing::default() }
}

fn read_whole(file: &mut OpenFile) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    let read = file.body.by_ref().take(repomd::MAX_SIZE + 1).read_to_end(&mut content);
    read.map_err(|error| transient(anyhow!("cannot read {}: {error}", file.location)))?;
    if content.len() as u64 > repomd::MAX_SIZE {
        let (location, limit) = (&file.location, repomd::MAX_SIZE);
        return Err(
            anyhow!("{location} has more than {limit} bytes, too many for what was asked; is the URL right?").into()
        );
    }
    Ok(content)
}

#[cfg(test)]
mod tests;
