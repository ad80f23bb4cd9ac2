//! `primary.xml`: the packages of a repository.
//!
//! The file has hundreds of megabytes on large repositories. Only the packages of the product are parsed as XML, the
//! others are passed over after a look at their name. Memory holds one package at a time, and those of the product.

use std::io::Read;

use jiff::Timestamp;
use memchr::memmem;
use percent_encoding::{AsciiSet, CONTROLS};
use url::Url;

use super::elements::{Elements, Shape};
use super::public_url::{LocationError, join, public};
use super::repomd::DataFile;
use super::verify::read_verified;
use super::xml::{Location, TypedDigits, XmlError, for_each_element, once};
use super::{Listing, RepositoryError};
use crate::budget::{Budget, MAX_URL};
use crate::release::nevra::parse_epoch;
use crate::release::{Advisories, Checksum, Evr, Nevra, Package};

const WHAT: &str = "primary.xml";
const SHAPE: Shape = Shape { what: WHAT, root: "metadata", element: "package" };

/// What is part of a file's name, and something else in a URL.
const ONLY_IN_FILE_NAMES: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'\\');

/// What it takes to resolve a location, of which no part is longer than `MAX_URL`.
const STEPS_OF_LOCATION: u64 = 16 * MAX_URL as u64;

/// What a `<package>` says, as its elements come.
#[derive(Default)]
struct PackageElement {
    name: Option<String>,
    arch: Option<String>,
    version: Option<Version>,
    checksum: Option<TypedDigits>,
    built_at: Option<String>,
    location: Option<Location>,
}

struct Version {
    epoch: String,
    version: String,
    release: String,
}

impl PackageElement {
    fn read(element: &str, budget: &Budget) -> Result<Self, XmlError> {
        // Each of its texts is copied once.
        let _held = budget.hold(element.len())?;
        let mut read = Self::default();
        for_each_element(element, budget, &mut |path| {
            let [_, part] = path else { return Ok(()) };
            let attribute = |name: &str| part.attribute(name);
            let missing = |name: &str| XmlError::from(format!("its <version> has no {name}"));
            if part.is("name") {
                once(&mut read.name, "name", part.text().to_owned())?;
            } else if part.is("arch") {
                once(&mut read.arch, "arch", part.text().to_owned())?;
            } else if part.is("version") {
                let version = Version {
                    epoch: attribute("epoch")?.unwrap_or_default(),
                    version: attribute("ver")?.ok_or_else(|| missing("ver"))?,
                    release: attribute("rel")?.ok_or_else(|| missing("rel"))?,
                };
                once(&mut read.version, "version", version)?;
            } else if part.is("checksum") {
                once(&mut read.checksum, "checksum", TypedDigits::of(part)?)?;
            } else if part.is("time") {
                once(&mut read.built_at, "time", attribute("build")?.unwrap_or_default())?;
            } else if part.is("location") {
                once(&mut read.location, "location", Location::of(part)?)?;
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// Reads the packages of `product` from the file that `repomd.xml` describes: verifies its
/// checksum and size, decompresses it, and looks through it.
///
/// `repository` is the URL that locations are relative to; it ends with a slash.
pub fn read(
    compressed: impl Read,
    file: &DataFile,
    repository: &Url,
    product: &str,
    budget: &Budget,
) -> Result<Listing, RepositoryError> {
    read_verified(compressed, file, WHAT, budget, |plain| read_plain(plain, repository, product, budget))
}

fn read_plain(
    document: impl Read,
    repository: &Url,
    product: &str,
    budget: &Budget,
) -> Result<Listing, RepositoryError> {
    let over_budget = |over| RepositoryError::OverBudget { what: WHAT, over };
    let mut listing = Listing::of(product, budget).map_err(over_budget)?;
    let mut elements = Elements::new(document, SHAPE, budget.hold(0).map_err(over_budget)?);
    while let Some((position, element)) = elements.next()? {
        match plain_name(element) {
            Some(name) if name != product.as_bytes() => {
                listing.count_other(std::str::from_utf8(name).unwrap_or_default());
            }
            // The product's, or a name in an unusual form, which the parser will tell.
            _ => {
                let malformed = |reason: String| RepositoryError::malformed(WHAT, position, &reason);
                let element = std::str::from_utf8(element).map_err(|error| malformed(error.to_string()))?;
                let read = |error| RepositoryError::xml(WHAT, position, error);
                let element = PackageElement::read(element, budget).map_err(read)?;
                let name = element.name.as_deref().ok_or_else(|| malformed("it has no <name>".to_owned()))?;
                if name == product {
                    budget.work(STEPS_OF_LOCATION).map_err(over_budget)?;
                    match package(element, repository) {
                        Ok(package) => listing.add(package)?,
                        // No reason to do without the others.
                        Err(Unusable { release, reason }) => listing.leave_out(release, reason),
                    }
                } else {
                    listing.count_other(name);
                }
            }
        }
    }
    Ok(listing)
}

/// The text of an element's first `<name>`, if it is plain.
fn plain_name(element: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"<name>";
    let start = memmem::find(element, NAME)? + NAME.len();
    let name = &element[start..start + memchr::memchr(b'<', &element[start..])?];
    let closed = element[start + name.len()..].starts_with(b"</name>");
    let plain = name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'&');
    (closed && plain).then_some(name)
}

/// A release that is not listed: what its `<package>` says cannot be used.
struct Unusable {
    release: String,
    reason: String,
}

/// A package of the product.
fn package(element: PackageElement, repository: &Url) -> Result<Package, Unusable> {
    let PackageElement { name, arch, version, checksum, built_at, location } = element;
    let name = name.unwrap_or_default();
    let of_product = |reason: String| Unusable { release: format!("a release of {name}"), reason };
    let missing = |element: &str| of_product(format!("it has no <{element}>"));
    let Version { epoch, version, release } = version.ok_or_else(|| missing("version"))?;
    let arch = arch.ok_or_else(|| missing("arch"))?;
    let location = location.ok_or_else(|| missing("location"))?;
    let number = if epoch.is_empty() { Some(0) } else { parse_epoch(&epoch) };
    let number = number.ok_or_else(|| Unusable {
        release: format!("{name}-{version}-{release}.{arch}"),
        reason: format!("its epoch {epoch:?} is no number from 0 to {}", u32::MAX),
    })?;
    let nevra = Nevra::new(&name, Evr::new(number, version, release), &arch);
    let nevra = nevra.map_err(|error| of_product(error.to_string()))?;
    let unusable = |reason: String| Unusable { release: nevra.to_string(), reason };
    let url = package_url(repository, &location);
    let url = url.map_err(|error| unusable(format!("its location cannot be used: {error}")))?;
    let checksum = checksum.map(|checksum| Checksum::new(&checksum.kind, &checksum.digits)).transpose();
    let checksum = checksum.map_err(|error| unusable(error.to_string()))?;
    let built_at = built_at
        .and_then(|time| time.parse::<i64>().ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .filter(|time| time.as_second() > 0);
    Ok(Package { nevra, url: url.into(), checksum, built_at, targets: None, advisories: Advisories::default() })
}

/// The URL of a package, whose location is the path of a file: createrepo writes it as it is, and dnf encodes all of it.
fn package_url(repository: &Url, Location { base, href }: &Location) -> Result<Url, LocationError> {
    join(repository, base.as_deref(), href, ONLY_IN_FILE_NAMES).and_then(|url| public(url, repository))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::elements::MAX_ELEMENT;

    fn base() -> Url {
        "https://yum.example.com/el9/x86_64/".parse().expect("a URL")
    }

    fn element(name: &str, version: &str) -> String {
        format!(
            r#"<package type="rpm">
  <name>{name}</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="{version}" rel="1"/>
  <checksum type="sha256" pkgid="YES">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>
  <packager>somebody</packager>
  <time file="1732406500" build="1732406400"/>
  <location href="Packages/{name}-{version}-1.x86_64.rpm"/>
  <format><rpm:license>MIT</rpm:license><rpm:provides><rpm:entry name="{name}"/></rpm:provides></format>
</package>"#
        )
    }

    fn document(elements: &str) -> String {
        format!(
            r#"<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" packages="2">{elements}</metadata>"#
        )
    }

    fn nevras(document: &str) -> Result<Vec<String>, RepositoryError> {
        let listing = read_plain(document.as_bytes(), &base(), "gitlab-runner", &Budget::default())?;
        Ok(listing.packages.iter().map(|package| package.nevra.to_string()).collect())
    }

    #[test]
    fn the_packages_of_the_product_are_found_and_no_others() {
        let elements = [
            ("bash", "5.1"),
            ("gitlab-runner", "18.6.0"),
            ("gitlab-runner-fips", "18.6.0"),
            ("gitlab-runner", "18.6.1"),
        ];
        let elements: String = elements.iter().map(|(name, version)| element(name, version)).collect();
        let listing = read_plain(document(&elements).as_bytes(), &base(), "gitlab-runner", &Budget::default())
            .expect("a listing");
        let package = &listing.packages[1];
        assert_eq!(listing.packages.len(), 2);
        assert_eq!(package.nevra.to_string(), "gitlab-runner-18.6.1-1.x86_64");
        assert_eq!(package.url, "https://yum.example.com/el9/x86_64/Packages/gitlab-runner-18.6.1-1.x86_64.rpm");
        assert!(package.checksum.as_ref().is_some_and(|checksum| checksum.sha256().is_some()));
        assert_eq!(package.built_at.map(Timestamp::as_second), Some(1_732_406_400));
        assert_eq!(listing.nearest.names(), ["gitlab-runner-fips"]);
    }

    #[test]
    fn a_name_in_an_unusual_form_is_still_the_name() {
        for name in [
            "<name>gitlab&#45;runner</name>",
            "<name >gitlab-runner</name>",
            "<name>\n gitlab-runner\n</name>",
            "<name><![CDATA[gitlab-runner]]></name>",
        ] {
            let text = document(&element("X", "1").replace("<name>X</name>", name));
            assert_eq!(nevras(&text).expect(name), ["gitlab-runner-1-1.x86_64"], "{name}");
        }
    }

    #[test]
    fn what_stands_in_a_comment_or_cdata_is_no_package_and_hides_none() {
        let (runner, fake) = (element("gitlab-runner", "18.6.1"), element("gitlab-runner", "66"));
        let bash = |description: &str| element("bash", "5").replace("<packager>", &format!("{description}<packager>"));
        for elements in [
            format!("<!-- {fake} -->{runner}"),
            format!("{runner}<!-- {fake} --><!----><!-- <!-- -->"),
            format!("<!-- <package> -->{runner}<!-- </package> -->"),
            runner.replace("<name>", "<!-- <name>bash</name> --><name>"),
            bash(&format!("<summary><![CDATA[</package>{fake}]]></summary>")) + &runner,
            bash("<!-- </package> --><summary><![CDATA[<!--]]></summary>") + &runner,
            runner.replace("MIT", "<![CDATA[ </package><package> ]]>"),
        ] {
            let text = document(&elements);
            assert_eq!(nevras(&text).expect(&elements), ["gitlab-runner-18.6.1-1.x86_64"], "{elements}");
        }
    }

    #[test]
    fn a_document_means_the_same_wherever_its_pieces_end() {
        /// Gives a document out in pieces, as the network does.
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let length = self.1.min(buffer.len());
                (&self.0[..length.min(self.0.len())]).read(buffer).inspect(|read| self.0 = &self.0[*read..])
            }
        }
        let elements = format!(
            "<!-- {0} -->{1}<![CDATA[ {0} ]]>{2}<!-- </package> -->{3}",
            element("gitlab-runner", "66"),
            element("bash", "5").replace("</package>", "</package\n  >"),
            element("gitlab-runner", "1"),
            element("gitlab-runner", "2").replace("MIT", "<![CDATA[</package>]]>"),
        );
        let text = document(&elements);
        // The reader asks for 256 KiB at a time: filling moves the seam through the document.
        for filling in (0..text.len()).step_by(7).map(|length| " ".repeat((256 << 10) - length)) {
            let text = text.replace("packages=\"2\">", &format!("packages=\"2\">{filling}"));
            let listing = read_plain(Pieces(text.as_bytes(), 64 << 10), &base(), "gitlab-runner", &Budget::default())
                .expect("a listing");
            let versions: Vec<&str> = listing.packages.iter().map(|p| p.nevra.evr().version.as_str()).collect();
            assert_eq!(versions, ["1", "2"]);
        }
        let text = document(&(" ".repeat(3000) + "</package>"));
        for piece in [1, 40, 64 << 10] {
            let error = read_plain(Pieces(text.as_bytes(), piece), &base(), "gitlab-runner", &Budget::default())
                .expect_err("an orphan");
            let place = text.find("</package>").expect("it") + "</package>".len();
            assert_eq!(
                error.to_string(),
                format!("primary.xml is malformed near byte {place}: </package> without its <package>")
            );
        }
    }

    #[test]
    fn a_build_time_that_is_none_is_not_known() {
        for (build, built_at) in
            [("1", Some(1)), ("0", None), ("-1", None), ("", None), ("x", None), ("99999999999999", None)]
        {
            let text = document(&element("gitlab-runner", "1").replace("1732406400", build));
            let listing = read_plain(text.as_bytes(), &base(), "gitlab-runner", &Budget::default()).expect("a listing");
            assert_eq!(listing.packages[0].built_at.map(Timestamp::as_second), built_at, "{build:?}");
        }
    }

    #[test]
    fn an_end_tag_may_have_white_space() {
        let text = document(&(element("bash", "5") + &element("gitlab-runner", "1") + &element("zsh", "5")));
        for end in ["</package >", "</package\n\t>"] {
            assert_eq!(nevras(&text.replace("</package>", end)).expect(end), ["gitlab-runner-1-1.x86_64"], "{end:?}");
        }
    }

    #[test]
    fn more_releases_than_memory_should_hold_are_refused() {
        let mut listing =
            read_plain(document(&element("a", "1")).as_bytes(), &base(), "a", &Budget::default()).expect("a listing");
        let one = listing.packages.remove(0);
        listing.packages = vec![one.clone(); crate::repository::listing::MAX_RELEASES];
        let error = listing.add(one).expect_err("too many").to_string();
        assert_eq!(error, "the repository is malformed: it has more than 20000 releases of one product");
    }

    #[test]
    fn a_primary_in_another_encoding_is_read_where_dnf_reads_it() {
        let text =
            document(&element("gitlab-runner", "1").replace("MIT", "é")).replacen("?>", " encoding='ISO-8859-1'?>", 1);
        let latin1: Vec<u8> = text.chars().map(|character| u8::try_from(character).expect("Latin-1")).collect();
        let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for document in [latin1, utf16, text.into_bytes()] {
            let digits = crate::text::hex(&<sha2::Sha256 as sha2::Digest>::digest(&document));
            let checksum = Checksum::new("sha256", &digits).expect("a checksum");
            let file = DataFile { href: "x".to_owned(), base: None, checksum, size: None };
            let listing = read(document.as_slice(), &file, &base(), "gitlab-runner", &Budget::default());
            assert_eq!(listing.expect("a listing").packages.len(), 1);
        }
    }

    #[test]
    fn an_epoch_may_be_missing_and_counts_where_it_is_there() {
        let text = document(&element("gitlab-runner", "1"));
        for (attribute, nevra) in [("", "gitlab-runner-1-1.x86_64"), ("epoch=\"2\"", "gitlab-runner-2:1-1.x86_64")] {
            assert_eq!(nevras(&text.replace("epoch=\"0\"", attribute)).expect(attribute), [nevra]);
        }
    }

    #[test]
    fn a_package_longer_than_a_piece_is_read_whole() {
        let long = element("gitlab-runner", "2").replace("MIT", &"x".repeat(1 << 20));
        let text = document(&(element("a", "1") + &long + &element("gitlab-runner", "3")));
        assert_eq!(nevras(&text).expect("packages").len(), 2);
    }

    #[test]
    fn an_empty_repository_is_no_error() {
        assert!(nevras(&document("")).expect("empty").is_empty());
        assert!(nevras(r#"<metadata packages="0"/>"#).expect("empty").is_empty());
    }

    #[test]
    fn what_is_no_primary_is_refused_with_the_reason() {
        let one = element("gitlab-runner", "1");
        for (text, reason) in [
            (String::new(), "expected an XML document <metadata>"),
            (
                "<html><title>Sign in</title></html>".to_owned(),
                "expected an XML document <metadata>, and it is an HTML page titled \"Sign in\"",
            ),
            (document(&one[..one.len() / 2]).replace("</metadata>", ""), "in the middle of a <package>"),
            (document(&one).replace("</metadata>", ""), "before </metadata>"),
            (document("</package>"), "without its <package>"),
            (document("<x:package>1</x:package>"), "prefix"),
            (document(&one.replace("<arch>", "<arch>&bomb;")), "the entity bomb, which XML does not define"),
            (document(&one.replace("MIT", &"x".repeat(MAX_ELEMENT + (1 << 20)))), "more than 16 MiB"),
        ] {
            let error = nevras(&text).expect_err(reason).to_string();
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(error.len() < 700 && !error.contains('\n') && !error.contains("p4ss"), "{error}");
        }
    }

    #[test]
    fn a_release_that_cannot_be_used_is_left_out_and_the_others_are_not() {
        let one = element("gitlab-runner", "1");
        for (odd, reason) in [
            (one.replace("ver=\"1\"", "ver=\"1;id\""), "the version may hold"),
            (one.replace("ver=\"1\"", "ver=\"1.2.3~alpha-beta-gamma\""), "the version may hold"),
            (one.replace("ver=\"1\"", "ver=\"..\""), "the version may hold letters, digits and ._+~^, and no .."),
            (one.replace("rel=\"1\"", "rel=\"..\""), "the release may hold letters, digits and ._+~^, and no .."),
            (one.replace("rel=\"1\"", "rel=\"$(id)\""), "the release may hold"),
            (one.replace("<version", "<revision"), "a release of gitlab-runner is left out: it has no <version>"),
            (one.replace("arch>", "art>"), "a release of gitlab-runner is left out: it has no <arch>"),
            (one.replace("<location", "<place"), "a release of gitlab-runner is left out: it has no <location>"),
            (
                one.replace("epoch=\"0\"", "epoch=\"4294967296\""),
                "gitlab-runner-1-1.x86_64 is left out: its epoch \"4294967296\" is no number from 0 to 4294967295",
            ),
            (one.replace("epoch=\"0\"", "epoch=\"-1\""), "its epoch \"-1\" is no number"),
            (one.replace("sha256", "rot13"), "gitlab-runner-1-1.x86_64 is left out: checksum type \"rot13\""),
            (
                one.replace("Packages/", "file:///etc/"),
                "gitlab-runner-1-1.x86_64 is left out: its location cannot be used: it has another scheme",
            ),
            (one.replace("Packages/", "ftp://u:p4ss@example.com/"), "it has another scheme than the repository"),
            (one.replace("Packages/", "https://$ci_job_token/"), "the host of https://$ci_job_token/"),
            (one.replace("Packages/", "https://host';id;'/"), "the host of https://host';id;'/"),
            (
                one.replace("Packages/", "https://example.com/%CI_JOB_TOKEN%/"),
                "%CI_JOB_TOKEN%/gitlab-runner-1-1.x86_64.rpm has a % that begins no escape",
            ),
            (one.replace("Packages/", "https://example.com/a?id&amp;"), "goes on with ? or #"),
            (one.replace("Packages/", "https://u:12/p4ss@example.com/"), "an @ behind another host"),
        ] {
            let text = document(&(odd + &element("gitlab-runner", "2")));
            let listing = read_plain(text.as_bytes(), &base(), "gitlab-runner", &Budget::default()).expect(reason);
            assert_eq!((listing.packages.len(), listing.left_out.count), (1, 1), "{reason}");
            let told: Vec<String> = listing.left_out.lines().collect();
            assert!(told.len() == 1 && told[0].contains(reason) && !told[0].contains("p4ss"), "{told:?}");
        }
    }

    #[test]
    fn the_location_of_a_package_is_the_path_of_a_file_or_a_url() {
        for (base_attribute, href, url) in [
            (None, "Packages/g/a.rpm", "https://yum.example.com/el9/x86_64/Packages/g/a.rpm"),
            (None, "../noarch/a.rpm", "https://yum.example.com/el9/noarch/a.rpm"),
            (None, "/Packages/a.rpm", "https://yum.example.com/el9/x86_64/Packages/a.rpm"),
            (None, "//cdn.example.com/a.rpm", "https://yum.example.com/el9/x86_64/cdn.example.com/a.rpm"),
            (None, "https://cdn.example.com/a.rpm", "https://cdn.example.com/a.rpm"),
            (None, "https://cdn.example.com/a%2Bb^c.rpm", "https://cdn.example.com/a%2Bb%5Ec.rpm"),
            (Some("https://cdn.example.com/el9"), "a.rpm", "https://cdn.example.com/el9/a.rpm"),
            (Some("https://cdn.example.com/el9"), "/a%41.rpm", "https://cdn.example.com/el9/a%2541.rpm"),
            (Some("pool/"), "a.rpm", "https://yum.example.com/el9/x86_64/pool/a.rpm"),
            (None, "a^1~2+3.rpm", "https://yum.example.com/el9/x86_64/a%5E1~2%2B3.rpm"),
            (None, "a%2B1.rpm", "https://yum.example.com/el9/x86_64/a%252B1.rpm"),
            (None, "100%.rpm", "https://yum.example.com/el9/x86_64/100%25.rpm"),
            (None, "a?b#c.rpm", "https://yum.example.com/el9/x86_64/a%3Fb%23c.rpm"),
            (None, "a\\b.rpm", "https://yum.example.com/el9/x86_64/a%5Cb.rpm"),
            (None, "a-1:2-1.noarch.rpm", "https://yum.example.com/el9/x86_64/a-1%3A2-1.noarch.rpm"),
            (Some("pool"), "a-1:2-1.noarch.rpm", "https://yum.example.com/el9/x86_64/pool/a-1%3A2-1.noarch.rpm"),
            (None, "https://u:p4ss@cdn.example.com/a.rpm", "https://cdn.example.com/a.rpm"),
            (None, "a$PATH.rpm", "https://yum.example.com/el9/x86_64/a%24PATH.rpm"),
            (None, "%CI_JOB_TOKEN%.rpm", "https://yum.example.com/el9/x86_64/%25CI_JOB_TOKEN%25.rpm"),
            (None, "a;`id`|'(x)'.rpm", "https://yum.example.com/el9/x86_64/a%3B%60id%60%7C%27%28x%29%27.rpm"),
            (None, "a\" b\n.rpm", "https://yum.example.com/el9/x86_64/a%22%20b%0A.rpm"),
        ] {
            let location = Location { base: base_attribute.map(str::to_owned), href: href.to_owned() };
            assert_eq!(package_url(&base(), &location).expect(href).as_str(), url);
        }
    }

    #[test]
    fn a_file_that_is_not_the_promised_one_is_refused_whatever_it_says() {
        let text = document(&element("gitlab-runner", "1"));
        let file = DataFile {
            href: "x".to_owned(),
            base: None,
            checksum: Checksum::new("sha256", &"0".repeat(64)).expect("a checksum"),
            size: None,
        };
        for bytes in [text.as_bytes(), b"", b"\x1f\x8b\x08 not gzip"] {
            let error =
                read(bytes, &file, &base(), "gitlab-runner", &Budget::default()).expect_err("another file").to_string();
            assert!(error.contains("does not match repomd.xml: expected sha256:0000"), "{error}");
        }
    }

    #[test]
    fn the_promised_file_is_not_asked_for_again_because_it_can_not_be_decompressed() {
        let bytes = b"\x1f\x8b\x08 not gzip";
        let digits = crate::text::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
        let checksum = Checksum::new("sha256", &digits).expect("a checksum");
        let file = DataFile { href: "x".to_owned(), base: None, checksum, size: None };
        let error = read(&bytes[..], &file, &base(), "gitlab-runner", &Budget::default()).expect_err("no gzip");
        assert!(!error.is_transient() && error.to_string().starts_with("primary.xml is malformed"), "{error}");
    }
}
