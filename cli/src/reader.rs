//! Reads what a repository offers: from repodata or an index, of itself or of one of its mirrors.

use std::io::Read as _;

use ami_scheduler::release::Checksum;
use ami_scheduler::repository::mirrors::{self, Mirrors};
use ami_scheduler::repository::signature::{SignatureError, TrustedKeys};
use ami_scheduler::repository::{Listing, index, primary, repomd};
use anyhow::{Context as _, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use url::Url;

use crate::cache::{Cache, Kept, KeptRepomd};
use crate::progress::Progress;
use crate::source::{Asked, Found, OpenFile, Source, Validators};

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

/// For how long a repository that had no repodata is not asked whether it has some by now, as long as its
/// index is the same.
const REPODATA_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is asked of a repository.
pub struct Reader<'a> {
    pub product: &'a str,
    pub signed_by: Option<&'a TrustedKeys>,
    pub now: Timestamp,
    pub cache: Option<&'a Cache>,
}

enum Failed {
    MayPass(anyhow::Error),
    ForGood(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::ForGood(error)
    }
}

impl Failed {
    fn new(error: anyhow::Error, is_transient: bool) -> Self {
        if is_transient { Self::MayPass(error) } else { Self::ForGood(error) }
    }

    fn into_error(self) -> anyhow::Error {
        match self {
            Self::MayPass(error) | Self::ForGood(error) => error,
        }
    }
}

impl Reader<'_> {
    /// A mirror is often caught half-way through its update, and connections break: both pass, so the
    /// repository is read again from `repomd.xml` on before it is an error.
    pub fn read(&self, repository: &Source) -> anyhow::Result<Listing> {
        let kept = self.cache.and_then(Cache::load);
        let mut attempt = 1;
        loop {
            let error = match self.read_once(repository, kept.as_ref()) {
                Ok(listing) => return Ok(listing),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::MayPass(error)) => error,
            };
            if attempt == MAX_READS {
                return Err(error.context(format!(
                    "the repository {} gave no consistent answer in {MAX_READS} attempts, as if it were being updated; run the job again later",
                    repository.shown()
                )));
            }
            message!("{error:#}; reading the repository again (attempt {} of {MAX_READS})", attempt + 1);
            repository.wait(attempt);
            attempt += 1;
        }
    }

    fn read_once(&self, repository: &Source, kept: Option<&Kept>) -> Result<Listing, Failed> {
        let mut changed = None;
        if let Some(kept) = kept.filter(|kept| self.is_index_of(repository, kept)) {
            changed = match repository.look(&kept.validators) {
                Ok(Asked::Unchanged) => return Ok(unchanged(kept)),
                Ok(Asked::There(found)) => Some(found),
                // Servers can refuse to list what has a repodata by now.
                Ok(Asked::NotThere) | Err(_) => None,
            };
        }
        if repository.is_folder()
            && let Some(listing) = self.read_repodata(repository, &[], kept)?
        {
            return Ok(listing);
        }
        let shown = repository.shown();
        let found =
            match changed.map_or_else(|| repository.look(&Validators::default()), |found| Ok(Asked::There(found)))? {
                Asked::There(found) => found,
                Asked::Unchanged | Asked::NotThere => {
                    return Err(anyhow!("{shown} is not there (404), nor is its {REPOMD}: is the URL right?").into());
                }
            };
        if let Found::Page { content, url, .. } = &found
            && let Some(mirrors) = std::str::from_utf8(content).ok().and_then(mirrors::parse)
        {
            let list = crate::source::shown(url);
            let mirrors = mirrors.with_context(|| format!("in {list}"))?;
            return self.read_from_mirrors(repository, &list, &mirrors, kept);
        }
        if self.signed_by.is_some() {
            return Err(anyhow!("{shown} has no {REPOMD}, and --gpg-key asks for its signature").into());
        }
        Ok(self.read_index(repository, found)?)
    }

    /// Whether what is kept is the index of a repository that had no repodata, and may be asked for before
    /// that. A page that somebody wrote stays the same when a repodata comes: once in a while it is looked for.
    fn is_index_of(&self, repository: &Source, kept: &Kept) -> bool {
        let age = self.now.duration_since(kept.read_at);
        kept.repomd.is_none()
            && kept.base == *repository.base()
            && (SignedDuration::ZERO..REPODATA_AFTER).contains(&age)
    }

    /// From the first mirror that has all of it, each read from its `repomd.xml` on.
    fn read_from_mirrors(
        &self,
        repository: &Source,
        list: &str,
        mirrors: &Mirrors,
        kept: Option<&Kept>,
    ) -> Result<Listing, Failed> {
        if let Some((kept, repomd)) = kept.and_then(|kept| Some((kept, kept.repomd.as_ref()?)))
            && mirrors.repomd.first().is_some_and(|newest| newest.is_of(repomd.document.as_bytes()))
            && mirrors.bases.contains(&kept.base)
            && self.is_still_signed(repository, repomd)
        {
            return Ok(unchanged(kept));
        }
        let count = mirrors.bases.len().min(MAX_MIRRORS);
        let mut failure = None;
        for base in mirrors.bases.iter().take(count) {
            if let Some(error) = failure {
                message!("{error:#}; trying the next mirror");
            }
            let mirror = repository.mirror(base, count > 1);
            failure = match self.read_repodata(&mirror, &mirrors.repomd, kept) {
                Ok(Some(listing)) => return Ok(listing),
                Ok(None) => Some(anyhow!("the mirror {} has no {REPOMD}", mirror.shown())),
                Err(failed) => Some(failed.into_error()),
            };
        }
        let error = failure.unwrap_or_else(|| anyhow!("there is none"));
        Err(Failed::MayPass(error.context(format!("none of the {count} mirrors in {list} can be used"))))
    }

    /// What repodata says; `None` where there is none. `allowed` is what `repomd.xml` may be, if anybody
    /// has said so.
    fn read_repodata(
        &self,
        source: &Source,
        allowed: &[Checksum],
        kept: Option<&Kept>,
    ) -> Result<Option<Listing>, Failed> {
        let kept = kept.filter(|kept| kept.base == *source.base());
        let kept = kept.and_then(|kept| Some((kept, kept.repomd.as_ref()?)));
        let is_allowed = |document: &[u8]| allowed.is_empty() || allowed.iter().any(|one| one.is_of(document));
        let usable =
            kept.filter(|(_, repomd)| is_allowed(repomd.document.as_bytes()) && self.is_still_signed(source, repomd));
        let unless = usable.map(|(kept, _)| kept.validators.clone()).unwrap_or_default();
        let mut file = match (source.open(REPOMD, &unless)?, usable) {
            (Asked::There(file), _) => file,
            (Asked::Unchanged, Some((kept, _))) => return Ok(Some(unchanged(kept))),
            (Asked::Unchanged | Asked::NotThere, _) => return Ok(None),
        };
        let document = read_whole(&mut file)?;
        if !is_allowed(&document) {
            let reason = "is not the one that the metalink describes: the mirror is not up to date, or the metalink";
            return Err(Failed::MayPass(anyhow!("{} {reason}", file.shown)));
        }
        let signature = self.signed_by.map(|keys| self.verify(source, &document, keys)).transpose()?;
        let document = String::from_utf8(document)
            .map_err(|error| anyhow!("in {}: expected an XML document in UTF-8: {}", file.shown, error.utf8_error()))?;
        let repomd = repomd::parse(&document).with_context(|| format!("in {}", file.shown))?;
        let listing = match usable {
            Some((kept, repomd)) if repomd.document == document => unchanged(kept),
            _ => self.read_primary(source, &repomd, &file.shown)?,
        };
        if let Some(cache) = self.cache.filter(|_| !listing.packages.is_empty()) {
            let repomd = Some(KeptRepomd { document, signature });
            cache.store(source.base(), file.validators, self.now, repomd, &listing.packages, listing.others);
        }
        Ok(Some(listing))
    }

    fn read_primary(&self, source: &Source, repomd: &repomd::Repomd, shown: &str) -> Result<Listing, Failed> {
        let url = primary::resolve(source.base(), repomd.primary.base.as_deref(), &repomd.primary.href).map_err(
            |reason| anyhow!("the location of primary in {shown}: {}", ami_scheduler::text::excerpt(&reason)),
        )?;
        let Asked::There(file) = source.open_url(&url, &Validators::default())? else {
            let href = ami_scheduler::text::excerpt(&repomd.primary.href);
            return Err(Failed::MayPass(anyhow!("repomd.xml names {href}, which is not there")));
        };
        let body = Progress::new(file.body, &file.shown, repomd.primary.size);
        let listing = primary::read(body, &repomd.primary, source.base(), self.product).map_err(|error| {
            let is_transient = error.is_transient();
            Failed::new(anyhow::Error::from(error).context(format!("in {}", file.shown)), is_transient)
        })?;
        if listing.is_empty() {
            let reason = "has no package at all: is it being made anew, or the wrong one?";
            return Err(anyhow!("the repository {} {reason}", source.shown()).into());
        }
        Ok(Listing { revision: repomd.revision.clone(), ..listing })
    }

    /// Before anything that `repomd.xml` says is believed. A mirror may have one file of it already and
    /// the other not yet.
    fn verify(&self, source: &Source, repomd: &[u8], keys: &TrustedKeys) -> Result<Vec<u8>, Failed> {
        let Asked::There(mut file) = source.open(SIGNATURE, &Validators::default())? else {
            let reason = format!("has no signature ({SIGNATURE}), and --gpg-key asks for one");
            return Err(Failed::MayPass(anyhow!("{} {reason}", source.shown())));
        };
        let signature = read_whole(&mut file)?;
        keys.verify(repomd, &signature, self.now).map_err(|error| {
            let is_transient = matches!(error, SignatureError::Bad { .. });
            let error = anyhow::Error::from(error).context(format!("the signature {} is not believed", file.shown));
            Failed::new(error, is_transient)
        })?;
        Ok(signature)
    }

    /// Whether the signature of what is kept would still be believed: it or its key may have expired.
    fn is_still_signed(&self, source: &Source, repomd: &KeptRepomd) -> bool {
        let Some(keys) = self.signed_by else { return true };
        let signature = repomd.signature.as_deref().unwrap_or_default();
        let verified = keys.verify(repomd.document.as_bytes(), signature, self.now);
        if let Err(error) = &verified {
            message!("what is kept of {} is ignored: its signature is not believed: {error}", source.shown());
        }
        verified.is_ok()
    }

    /// Where an index is split up, it goes on with the folder that has the product: `Packages/`, then
    /// that of its first letter.
    fn read_index(&self, source: &Source, mut found: Found) -> anyhow::Result<Listing> {
        let mut folder = source.base().clone();
        for _ in 0..MAX_FOLDERS {
            let page = self.read_folder(source, &folder, found)?;
            let next = match page.folder {
                Some(next) if page.listing.is_empty() => next,
                _ if page.listing.is_empty() => break,
                _ => return Ok(page.listing),
            };
            found = look_further(source, &next)?;
            folder = next;
        }
        bail!(
            "{} is no package repository: it has no repodata/repomd.xml, and no file or link that ends in .rpm. \
             The URL has to be the one that a .repo file has as baseurl",
            source.shown()
        )
    }

    /// A folder of an index, all its pages as one.
    fn read_folder(&self, source: &Source, folder: &Url, first: Found) -> anyhow::Result<index::Page> {
        let read = |found: &Found| {
            let page = match found {
                Found::Page { content, url, .. } => index::read(content, url, self.product),
                Found::Folder(urls) => index::read_urls(urls.iter().cloned(), folder, self.product),
            };
            page.with_context(|| format!("in {}", source.shown()))
        };
        let mut whole = read(&first)?;
        if let (Some(cache), Found::Page { validators, .. }) = (self.cache, first)
            && whole.next.is_none()
            && !validators.are_none()
            && !whole.listing.packages.is_empty()
            && folder == source.base()
        {
            cache.store(source.base(), validators, self.now, None, &whole.listing.packages, whole.listing.others);
        }
        for _ in 1..MAX_PAGES {
            let Some(next) = whole.next.take() else { return Ok(whole) };
            let page = read(&look_further(source, &next)?)?;
            whole.listing.append(page.listing)?;
            whole.next = page.next;
        }
        let shown = source.shown();
        bail!("the index {shown} has more than {MAX_PAGES} pages: give the URL of a part of it, such as ?prefix=el/9/")
    }
}

fn look_further(source: &Source, url: &Url) -> anyhow::Result<Found> {
    match source.look_further(url)? {
        Asked::There(found) => Ok(found),
        Asked::NotThere | Asked::Unchanged => {
            bail!("the index {} goes on at a page that is not there (404); run the job again", source.shown())
        }
    }
}

/// What is kept, of a repository that says that it has not changed.
fn unchanged(kept: &Kept) -> Listing {
    message!("{} has not changed since it was last read", crate::source::shown(&kept.base));
    let repomd = kept.repomd.as_ref().and_then(|repomd| repomd::parse(&repomd.document).ok());
    let revision = repomd.and_then(|repomd| repomd.revision);
    Listing { revision, packages: kept.packages.clone(), others: kept.others, ..Listing::default() }
}

fn read_whole(file: &mut OpenFile) -> Result<Vec<u8>, Failed> {
    let mut content = Vec::new();
    let read = file.body.by_ref().take(repomd::MAX_SIZE + 1).read_to_end(&mut content);
    read.map_err(|error| Failed::MayPass(anyhow!("cannot read {}: {error}", file.shown)))?;
    if content.len() as u64 > repomd::MAX_SIZE {
        let (shown, limit) = (&file.shown, repomd::MAX_SIZE);
        return Err(
            anyhow!("{shown} has more than {limit} bytes, too many for what was asked; is the URL right?").into()
        );
    }
    Ok(content)
}
