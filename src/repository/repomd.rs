//! `repodata/repomd.xml`: which files describe the repository, and their checksums.

use super::RepositoryError;
use super::encoding::utf8;
use super::html;
use super::xml::{Location, TypedDigits, for_each_element, is_root, once};
use crate::budget::Budget;
use crate::release::Checksum;

const WHAT: &str = "repodata/repomd.xml";

/// The most bytes that a `repomd.xml` may have. Real ones have a few thousand.
pub const MAX_SIZE: u64 = 4 << 20;

/// How many times as long a document can be in UTF-8 as in another encoding.
const GROWTH: u64 = 2;

/// The part of a `repomd.xml` that is needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repomd {
    /// The repository's mark of its state: its own, often the time of its making, or the checksum of its primary.
    pub revision: String,
    /// The file that lists the packages.
    pub primary: DataFile,
}

/// A file that `repomd.xml` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its place, relative to `base` or to the repository's URL.
    pub href: String,
    /// `xml:base`, where the location has one.
    pub base: Option<String>,
    /// Of the file as it is, compressed.
    pub checksum: Checksum,
    /// In bytes, as it is, compressed. Some state 0 where they do not know it.
    pub size: Option<u64>,
}

/// A `<data>`, as its elements come.
#[derive(Default)]
struct Data {
    location: Option<Location>,
    checksum: Option<TypedDigits>,
    size: Option<String>,
    timestamp: Option<String>,
}

impl Data {
    /// When it was made, in seconds as createrepo writes them.
    fn made_at(&self) -> f64 {
        self.timestamp.as_ref().and_then(|seconds| seconds.trim().parse().ok()).unwrap_or_default()
    }
}

/// Reads a `repomd.xml`. Only `<data type="primary">` with its location and checksum has to be
/// there; its sqlite and zchunk forms beside it are passed over, as is all else. Of several the newest counts.
pub fn parse(document: &[u8], budget: &Budget) -> Result<Repomd, RepositoryError> {
    let malformed = |reason: String| RepositoryError::malformed(WHAT, 0, &reason);
    let read = |error| RepositoryError::read(WHAT, error);
    let (document, _held) =
        utf8(document).and_then(|utf8| budget.read_to_end(utf8, GROWTH * document.len() as u64)).map_err(read)?;
    let document =
        String::from_utf8(document).map_err(|error| malformed(format!("expected UTF-8: {}", error.utf8_error())))?;
    if !is_root(&document, "repomd") {
        let found = html::described(document.as_bytes()).map(|found| format!(", and {found}")).unwrap_or_default();
        return Err(malformed(format!("expected an XML document <repomd>{found}")));
    }
    let (mut revision, mut primary, mut data) = (None, None::<Data>, Data::default());
    for_each_element(&document, budget, &mut |path| {
        match path {
            [_, own] if own.is("revision") => once(&mut revision, "revision", own.text().to_owned())?,
            [_, own] if own.is("data") => {
                let read = std::mem::take(&mut data);
                let is_newer = || primary.as_ref().is_none_or(|first| read.made_at() > first.made_at());
                if own.attribute("type")?.as_deref() == Some("primary") && is_newer() {
                    primary = Some(read);
                }
            }
            [_, own, part] if own.is("data") => {
                if part.is("location") {
                    once(&mut data.location, "location", Location::of(part)?)?;
                } else if part.is("checksum") {
                    once(&mut data.checksum, "checksum", TypedDigits::of(part)?)?;
                } else if part.is("size") {
                    once(&mut data.size, "size", part.text().to_owned())?;
                } else if part.is("timestamp") {
                    once(&mut data.timestamp, "timestamp", part.text().to_owned())?;
                }
            }
            _ => {}
        }
        Ok(())
    })
    .map_err(|error| RepositoryError::xml(WHAT, 0, error))?;
    let primary = primary.ok_or_else(|| malformed("it names no <data type=\"primary\">".to_owned()))?;
    let missing = |what: &str| malformed(format!("its <data type=\"primary\"> has no {what}"));
    let location = primary.location.ok_or_else(|| missing("<location href>"))?;
    let checksum = primary.checksum.ok_or_else(|| missing("<checksum>"))?;
    let checksum = Checksum::new(&checksum.kind, &checksum.digits).map_err(|error| malformed(error.to_string()))?;
    Ok(Repomd {
        revision: revision.filter(|revision| !revision.is_empty()).unwrap_or_else(|| checksum.to_string()),
        primary: DataFile {
            href: location.href,
            base: location.base,
            checksum,
            size: primary.size.and_then(|size| size.trim().parse().ok()).filter(|size| *size > 0),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Result<Repomd, RepositoryError> {
        parse(document.as_bytes(), &Budget::default())
    }

    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_primary_is_found_among_the_other_kinds() {
        let repomd = read(&format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <!-- made at night -->
  <revision>1732406400</revision>
  <data type="primary_db"><checksum type="md5">x</checksum><location href="repodata/a-primary.sqlite.bz2"/></data>
  <data type="primary">
    <checksum type="sha256">{SHA256}</checksum>
    <open-checksum type="sha256">{SHA256}</open-checksum>
    <location xml:base="http://other.example.com/el9/" href="repodata/a&amp;b-primary.xml.gz"/>
    <size>123</size>
  </data>
  <data type="primary_zck"><location href="repodata/a-primary.xml.zck"/></data>
</repomd>"#
        ))
        .expect("a repomd");
        assert_eq!(repomd.revision, "1732406400");
        assert_eq!(repomd.primary.href, "repodata/a&b-primary.xml.gz");
        assert_eq!(repomd.primary.base.as_deref(), Some("http://other.example.com/el9/"));
        assert_eq!(repomd.primary.checksum.sha256(), Some(SHA256));
        assert_eq!(repomd.primary.size, Some(123));
    }

    #[test]
    fn what_stands_between_the_files_does_not_matter() {
        let primary = format!(
            r#"<data type="primary"><checksum type="sha256">{SHA256}</checksum><location href="p.xml"/></data>"#
        );
        let text = format!(
            r#"<repomd><data type="group"/><tags/>{primary}<revision>1</revision><data type="other"/></repomd>"#
        );
        assert_eq!(read(&text).expect("a repomd").primary.href, "p.xml");
    }

    #[test]
    fn of_several_primaries_the_newest_counts() {
        let data = |name: &str, timestamp: &str| {
            format!(
                r#"<data type="primary"><checksum type="sha256">{SHA256}</checksum><location href="{name}"/>{timestamp}</data>"#
            )
        };
        for (first, second, counts) in [
            ("<timestamp>1732406400</timestamp>", "<timestamp>1732406401.5</timestamp>", "second"),
            ("<timestamp>1732406400</timestamp>", "<timestamp>999999999</timestamp>", "first"),
            ("", "<timestamp>1</timestamp>", "second"),
            ("<timestamp>soon</timestamp>", "", "first"),
        ] {
            let document = format!("<repomd>{}{}</repomd>", data("first", first), data("second", second));
            assert_eq!(read(&document).expect("a repomd").primary.href, counts);
        }
    }

    #[test]
    fn only_location_and_checksum_have_to_be_there() {
        let document = format!(
            r#"<repomd><data type="primary"><checksum type="sha256">{SHA256}</checksum><location href="p.xml"/></data></repomd>"#
        );
        let repomd = read(&document).expect("a repomd");
        assert_eq!((repomd.revision, repomd.primary.size), (format!("sha256:{SHA256}"), None));
    }

    #[test]
    fn a_size_of_zero_is_none() {
        let with = |size: &str| {
            let primary =
                format!(r#"<checksum type="sha256">{SHA256}</checksum><location href="p.xml"/><size>{size}</size>"#);
            read(&format!(r#"<repomd><data type="primary">{primary}</data></repomd>"#)).expect("a repomd").primary.size
        };
        assert_eq!([with("0"), with(" 12 "), with(""), with("-1")], [None, Some(12), None, None]);
    }

    #[test]
    fn what_is_no_repomd_is_refused_with_the_reason() {
        for (document, reason) in [
            ("", "expected an XML document <repomd>"),
            ("Not here, sorry", "expected an XML document <repomd>"),
            (
                "<!DOCTYPE html><title>Sign in</title>",
                "expected an XML document <repomd>, and it is an HTML page titled \"Sign in\"",
            ),
            ("<repomd></repomd>", "no <data type=\"primary\">"),
            (r#"<repomd><data type="primary"></data></repomd>"#, "no <location href>"),
            (r#"<repomd><data type="primary"><location href="x"/></data></repomd>"#, "no <checksum>"),
            (
                r#"<repomd><data type="primary"><location href="x"/><checksum type="crc">1</checksum></data></repomd>"#,
                "checksum type \"crc\"",
            ),
            (r#"<repomd><data type="primary"><location href="x"/>"#, "it ends before"),
            (r"<repomd>&bomb;</repomd>", "the entity bomb, which XML does not define"),
        ] {
            let error = read(document).expect_err(document).to_string();
            assert!(error.to_lowercase().contains(&reason.to_lowercase()), "{document}: {error}");
        }
    }
}
