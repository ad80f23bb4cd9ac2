//! The cache of a repository in a directory: a night on which nothing has changed costs one small request.
//!
//! The repository always decides: an entry counts only while the server says that the file which it was read
//! from is still the same. An entry that is damaged or of another version is ignored.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use ami_scheduler::release::Package;
use ami_scheduler::repository::{LeftOut, Listing, MAX_RELEASES, is_public};
use ami_scheduler::text::hex;
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::source::Validators;

const FORMAT: &str = "ami-scheduler/cache/1";
/// The most bytes that an entry may have: those of some 100,000 releases.
const MAX_SIZE: u64 = 64 << 20;

/// The place of one entry: that of a product in a repository, by the keys that it was verified with.
pub struct Cache {
    file: PathBuf,
    subject: String,
    product: String,
}

/// A listing, with the validators of the file that it was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// The digest of the repository, product and keys: two repositories cannot be mistaken for one another.
    subject: String,
    /// The URL that it was read from, a mirror's where there are some.
    pub base: Url,
    /// Of the document that decides: `repomd.xml`, or the page of an index.
    pub validators: Validators,
    pub read_at: Timestamp,
    /// `None` where there was none, and an index was read.
    pub repomd: Option<CachedRepomd>,
    pub packages: Vec<Package>,
    #[serde(default)]
    pub left_out: LeftOut,
    pub others: usize,
}

/// A `repomd.xml`, with its signature where one was asked for: keys expire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CachedRepomd {
    pub document: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Vec<u8>>,
}

impl Cache {
    /// `repository` is its URL as it was given, without credentials; `keys` the file of keys.
    pub fn new(folder: &Path, repository: &Url, product: &str, keys: Option<&[u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in [repository.as_str().as_bytes(), product.as_bytes(), keys.unwrap_or_default()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let subject = hex(&digest.finalize());
        let file = folder.join(format!("{product}-{}.json", &subject[..16]));
        Self { file, subject, product: product.to_owned() }
    }

    /// The entry, if there is one that can be used.
    pub fn load(&self) -> Option<CacheEntry> {
        self.read().unwrap_or_else(|error| {
            message!("{} is ignored: {error:#}", self.file.display());
            None
        })
    }

    fn read(&self) -> anyhow::Result<Option<CacheEntry>> {
        let mut content = Vec::new();
        match File::open(&self.file) {
            Ok(file) => drop(file.take(MAX_SIZE).read_to_end(&mut content).context("it can not be read")?),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("it can not be read"),
        }
        let line = content.iter().position(|byte| *byte == b'\n').context("it is damaged")?;
        let (head, json) = (&content[..line], &content[line + 1..]);
        let head = std::str::from_utf8(head).ok().and_then(|head| head.split_once(' ')).context("it is damaged")?;
        if head.0 != FORMAT {
            bail!("it is of another version");
        }
        if head.1 != hex(&Sha256::digest(json)) {
            bail!("it is damaged");
        }
        let entry: CacheEntry = serde_json::from_slice(json).context("it is not what list keeps")?;
        self.check(&entry)?;
        Ok(Some(entry))
    }

    /// Somebody else may have written the entry: what a repository could not have said is refused.
    fn check(&self, entry: &CacheEntry) -> anyhow::Result<()> {
        let Validators { etag, last_modified } = &entry.validators;
        let is_header = |value: &String| value.len() <= 1000 && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let is_url = |url: &str| is_public(url) && !url.starts_with("file:");
        let is_ours = |package: &Package| package.nevra.name() == self.product && is_url(&package.url);
        if entry.subject != self.subject
            || !etag.iter().chain(last_modified).all(is_header)
            || entry.packages.len() > MAX_RELEASES
            || entry.packages.is_empty()
            || !entry.packages.iter().all(|package| is_ours(package) && package.targets.is_none())
        {
            bail!("it is not what list keeps of this repository");
        }
        Ok(())
    }

    /// Keeps a listing for the next run. A failure to do so does not fail this one.
    pub fn store(
        &self,
        base: &Url,
        validators: Validators,
        read_at: Timestamp,
        repomd: Option<CachedRepomd>,
        listing: &Listing,
    ) {
        let (subject, base, packages) = (self.subject.clone(), base.clone(), listing.packages.clone());
        let (left_out, others) = (listing.left_out.clone(), listing.others);
        let entry = CacheEntry { subject, base, validators, read_at, repomd, packages, left_out, others };
        if let Err(error) = self.write(&entry) {
            message!("{} is not kept for the next run: {error:#}", self.file.display());
        }
    }

    fn write(&self, entry: &CacheEntry) -> anyhow::Result<()> {
        let json = serde_json::to_vec_pretty(entry)?;
        let mut content = format!("{FORMAT} {}\n", hex(&Sha256::digest(&json))).into_bytes();
        content.extend(json);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        let part = self.file.with_extension("part");
        fs::write(&part, content)?;
        Ok(fs::rename(&part, &self.file)?)
    }
}

// WASI has no folder for temporary files; the component's tests keep listings in wasm.
#[cfg(all(test, not(target_os = "wasi")))]
mod tests {
    use super::*;

    fn repository() -> Url {
        "https://yum.example.com/el9/".parse().expect("a URL")
    }

    fn cache(folder: &Path) -> Cache {
        Cache::new(folder, &repository(), "runner", None)
    }

    fn package(nevra: &str, url: &str) -> Package {
        let (checksum, built_at, targets) = (None, None, None);
        Package { nevra: nevra.parse().expect(nevra), url: url.to_owned(), checksum, built_at, targets }
    }

    fn store(cache: &Cache) {
        let validators = Validators { etag: Some("\"x\"".to_owned()), last_modified: None };
        let repomd = CachedRepomd { document: "<repomd/>".to_owned(), signature: Some(vec![0, 255]) };
        let packages = vec![package("runner-1-1.noarch", "https://yum.example.com/el9/a.rpm")];
        let listing = Listing { packages, others: 7, ..Listing::default() };
        cache.store(&repository(), validators, Timestamp::UNIX_EPOCH, Some(repomd), &listing);
    }

    #[test]
    fn what_is_stored_is_there_for_the_same_repository_product_and_keys_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("made/by/it");
        store(&cache(&folder));
        let entry = cache(&folder).load().expect("something");
        assert_eq!((entry.packages.len(), entry.others, entry.base), (1, 7, repository()));
        assert_eq!(entry.repomd.and_then(|repomd| repomd.signature), Some(vec![0, 255]));
        let other = "https://yum.example.com/el9?x".parse().expect("a URL");
        for cache in [
            Cache::new(&folder, &other, "runner", None),
            Cache::new(&folder, &repository(), "bash", None),
            Cache::new(&folder, &repository(), "runner", Some(b"keys")),
        ] {
            assert_eq!(cache.load(), None);
        }
    }

    #[test]
    fn what_is_damaged_of_another_version_or_hostile_is_ignored() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = cache(folder.path());
        store(&cache);
        let good = fs::read_to_string(&cache.file).expect("read");
        let (_, json) = good.split_once('\n').expect("lines");
        let signed = |json: &str| format!("{FORMAT} {}\n{json}", hex(&Sha256::digest(json)));
        assert_eq!(signed(json), good);
        for (content, told) in [
            (String::new(), "it is damaged"),
            ("\n".to_owned(), "it is damaged"),
            (good[..good.len() - 9].to_owned(), "it is damaged"),
            (good.replace("a.rpm", "b.rpm"), "it is damaged"),
            (good.replace("cache/1", "cache/2"), "it is of another version"),
            (signed("{}"), "it is not what list keeps"),
            (signed(&json.replace("runner-1-1", "runner-$(id)-1")), "it is not what list keeps"),
            (signed(&json.replace("runner-1-1", "bash-1-1")), "it is not what list keeps of this repository"),
            (signed(&json.replace(&cache.subject, "x")), "it is not what list keeps of this repository"),
            (signed(&json.replace("https://yum.example.com/el9/a.rpm", "file:///etc/a.rpm")), "of this repository"),
            (signed(&json.replace("\\\"x\\\"", "x\\r\\nhost: y")), "of this repository"),
        ] {
            fs::write(&cache.file, &content).expect("written");
            let error = cache.read().map(|entry| entry.is_some()).expect_err(&content);
            assert!(format!("{error:#}").contains(told), "{content}: {error:#}");
            assert_eq!(cache.load(), None);
        }
        fs::remove_file(&cache.file).expect("removed");
        fs::create_dir(&cache.file).expect("a folder");
        assert_eq!(cache.load(), None);
        store(&cache); // which can't be done, and does no harm
    }
}
