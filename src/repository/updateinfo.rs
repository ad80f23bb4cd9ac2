//! `updateinfo.xml`: the advisories of a repository.
//!
//! They are matched as dnf does it: by name, epoch, version, release and architecture, whatever the status of an update
//! is. The file has a hundred megabytes on large repositories. Only the updates that name the product are parsed as XML.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use memchr::memmem::Finder;

use super::RepositoryError;
use super::elements::{Elements, Shape};
use super::repomd::DataFile;
use super::verify::read_verified;
use super::xml::{Element, XmlError, for_each_element, once};
use crate::budget::{Budget, Held};
use crate::release::nevra::parse_epoch;
use crate::release::{Advisories, Advisory, AdvisoryIdError, AdvisoryKind, Evr, Nevra, Package, Severity};

const WHAT: &str = "updateinfo.xml";
const SHAPE: Shape = Shape { what: WHAT, root: "updates", element: "update" };

/// A release, while its advisories are looked for: its place in a map, and what is in it.
const ROOM_OF_RELEASE: usize = 64;
/// What an advisory takes, whose id has no more than 80 bytes.
const ROOM_OF_ADVISORY: usize = 160;
/// What it takes to put an advisory among those of a release.
const STEPS_OF_ADVISORY: u64 = 1000;

/// What the advisories of a repository say of some packages.
#[derive(Debug)]
pub struct Updateinfo {
    /// Of each of the packages, in their order.
    pub(super) of_packages: Vec<Advisories>,
    /// Why some advisories are left out, where they are.
    pub(super) fault: Option<String>,
    /// What is kept of it.
    pub(super) held: Held,
}

/// What an `<update>` says of the packages, as its elements come.
#[derive(Default)]
struct UpdateElement<'p> {
    id: Option<String>,
    kind: AdvisoryKind,
    severity: Option<Severity>,
    releases: BTreeSet<&'p Nevra>,
}

/// The releases that advisories are looked for, with those that were found.
type Found<'p> = BTreeMap<&'p Nevra, Advisories>;

/// Reads what the advisories in the file that `repomd.xml` describes say of the packages of `product`: verifies its
/// checksum and size, decompresses it, and looks through it. An update that cannot be read is left out, with the reason.
pub fn read(
    compressed: impl Read,
    file: &DataFile,
    product: &str,
    packages: &[Package],
    budget: &Budget,
) -> Result<Updateinfo, RepositoryError> {
    read_verified(compressed, file, WHAT, budget, |plain| read_plain(plain, product, packages, budget))
}

fn read_plain(
    document: impl Read,
    product: &str,
    packages: &[Package],
    budget: &Budget,
) -> Result<Updateinfo, RepositoryError> {
    let over_budget = |over| RepositoryError::OverBudget { what: WHAT, over };
    let held = budget.hold(ROOM_OF_RELEASE * packages.len()).map_err(over_budget)?;
    let mut found: Found<'_> = packages.iter().map(|package| (&package.nevra, Advisories::default())).collect();
    let mut elements = Elements::new(document, SHAPE, budget.hold(0).map_err(over_budget)?);
    let (name, mut faults, mut first_fault) = (Finder::new(product), 0_u64, None);
    while let Some((position, element)) = elements.next()? {
        if name.find(element).is_none() {
            continue;
        }
        let read = std::str::from_utf8(element)
            .map_err(|error| XmlError::from(error.to_string()))
            .and_then(|element| UpdateElement::read(element, product, &found, budget))
            .and_then(|update| update.add_to(&mut found, &held));
        match read.map_err(|error| RepositoryError::xml(WHAT, position, error)) {
            Ok(()) => {}
            Err(fault @ RepositoryError::Malformed { .. }) => {
                faults += 1;
                first_fault.get_or_insert(fault);
            }
            Err(error) => return Err(error),
        }
    }
    let fault = first_fault.map(|first| match faults {
        1 => format!("one is left out: {first}"),
        several => format!("{several} are left out, the first of them: {first}"),
    });
    let of_packages = packages.iter().map(|package| found.get(&package.nevra).cloned().unwrap_or_default()).collect();
    Ok(Updateinfo { of_packages, fault, held })
}

impl<'p> UpdateElement<'p> {
    fn read(element: &str, product: &str, found: &Found<'p>, budget: &Budget) -> Result<Self, XmlError> {
        // Each of its texts is copied once.
        let _held = budget.hold(element.len())?;
        let mut read = Self::default();
        for_each_element(element, budget, &mut |path| {
            match path {
                [update] => read.kind = update.attribute("type")?.as_deref().map(AdvisoryKind::of).unwrap_or_default(),
                [_, part] if part.is("id") => once(&mut read.id, "id", part.text().to_owned())?,
                [_, part] if part.is("severity") => read.severity = Severity::of(part.text()),
                [_, list, _, package] if list.is("pkglist") && package.is("package") => {
                    let named = release_of(product, package)?;
                    let listed = named.and_then(|nevra| found.get_key_value(&nevra).map(|(listed, _)| *listed));
                    read.releases.extend(listed);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }

    /// Adds it to the advisories of each release that it names.
    fn add_to(self, found: &mut Found<'p>, held: &Held) -> Result<(), XmlError> {
        let Self { id, kind, severity, releases } = self;
        if releases.is_empty() {
            return Ok(());
        }
        let id = id
            .ok_or_else(|| "it has no <id>".to_owned())?
            .parse()
            .map_err(|error: AdvisoryIdError| error.to_string())?;
        let advisory = Advisory { id, kind, severity };
        for release in releases {
            held.work(STEPS_OF_ADVISORY)?;
            held.add(ROOM_OF_ADVISORY)?;
            found.entry(release).or_default().add(advisory.clone());
        }
        Ok(())
    }
}

/// The release of the product that a `<package>` names; `None` for another one, and for what can be none that is listed.
fn release_of(product: &str, package: &Element<'_>) -> Result<Option<Nevra>, XmlError> {
    let attribute = |name: &str| package.attribute(name).map(Option::unwrap_or_default);
    if attribute("name")? != product {
        return Ok(None);
    }
    let (version, release, arch) = (attribute("version")?, attribute("release")?, attribute("arch")?);
    let epoch = attribute("epoch")?;
    let Some(epoch) = parse_epoch(&epoch).or(epoch.is_empty().then_some(0)) else { return Ok(None) };
    Ok(Nevra::new(product, Evr::new(epoch, version, release), &arch).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNER: &str = r#"name="runner" version="18.6.1" release="1" epoch="0" arch="x86_64""#;

    fn packages(nevras: &[&str]) -> Vec<Package> {
        let package = |nevra: &&str| Package {
            nevra: nevra.parse().expect(nevra),
            url: "https://yum.example.com/a.rpm".to_owned(),
            checksum: None,
            built_at: None,
            targets: None,
            advisories: Advisories::default(),
        };
        nevras.iter().map(package).collect()
    }

    /// What is said of each of some releases of the product, and what is left out.
    fn read(document: &str, nevras: &[&str]) -> Result<(Vec<String>, Option<String>), RepositoryError> {
        let read = read_plain(document.as_bytes(), "runner", &packages(nevras), &Budget::default())?;
        Ok((read.of_packages.iter().map(ToString::to_string).collect(), read.fault))
    }

    fn told(document: &str, nevras: &[&str]) -> Vec<String> {
        let (told, fault) = read(document, nevras).expect("advisories");
        assert_eq!(fault, None);
        told
    }

    /// An update of these attributes, with an id, that names a package.
    fn update(attributes: &str, id: &str, package: &str) -> String {
        format!(
            "<update {attributes}><id>{id}</id><title>runner</title><pkglist><collection><name>c</name><package {package}>\
             <filename>x.rpm</filename></package></collection></pkglist></update>"
        )
    }

    fn updates(updates: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<updates>{updates}</updates>\n")
    }

    #[test]
    fn the_advisories_of_real_publishers_are_read() {
        for (publisher, document, told_of) in [
            (
                "Red Hat",
                r#"<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="release-engineering@redhat.com" status="final" type="security" version="3">
    <id>RHSA-2026:1234</id>
    <issued date="2026-03-04 00:00:00 UTC"/>
    <title>Important: runner security update</title>
    <rights>Copyright 2026 Red Hat Inc</rights>
    <severity>Important</severity>
    <summary>An update for runner is now available.</summary>
    <description>A runner. Security Fix(es): &lt;none&gt; &amp; more</description>
    <solution>https://access.redhat.com/articles/11258</solution>
    <references><reference href="https://access.redhat.com/errata/RHSA-2026:1234" type="self" title="RHSA-2026:1234"/></references>
    <pkglist><collection short="rhel-9"><name>rhel-9-for-x86_64</name>
      <package name="runner" version="18.6.1" release="1" epoch="0" arch="x86_64" src="runner-18.6.1-1.src.rpm"><filename>runner-18.6.1-1.x86_64.rpm</filename><sum type="sha256">00</sum><reboot_suggested>1</reboot_suggested></package>
    </collection></pkglist>
  </update>
</updates>"#,
                "RHSA-2026:1234 (security, Important)",
            ),
            (
                "Fedora and EPEL, by bodhi",
                r#"<?xml version='1.0' encoding='UTF-8'?>
<updates><update from="updates@fedoraproject.org" status="stable" type="newpackage" version="2.0"><id>FEDORA-EPEL-2026-0a1b2c3d4e</id><title>runner-18.6.1-1.el9</title><issued date="2026-03-04 00:00:00"/><updated date="2026-03-05 00:00:00"/><rights>Copyright (C) 2026 Red Hat, Inc. and others.</rights><release>Fedora EPEL 9</release><severity>None</severity><summary>runner</summary><description><![CDATA[A </update> of <update>]]></description><references/><pkglist><collection short="EPEL-9"><name>Fedora EPEL 9</name><package name="runner" version="18.6.1" release="1" epoch="0" arch="x86_64" src="runner-18.6.1-1.src.rpm"><filename>runner-18.6.1-1.x86_64.rpm</filename></package></collection></pkglist></update></updates>"#,
                "FEDORA-EPEL-2026-0a1b2c3d4e (new package)",
            ),
            (
                "Oracle",
                r#"<updates>
<update from="el-errata@oss.oracle.com" status="final" type="bugfix" version="2.0">
  <id>ELBA-2026-50012</id><title>runner bug fix update</title><release>Oracle Linux 9</release><issued date="2026-03-04"/><severity>N/A</severity><description>[18.6.1-1]</description>
  <references><reference type="self" href="https://linux.oracle.com/errata/ELBA-2026-50012.html" id="ELBA-2026-50012" title="ELBA-2026-50012"/></references>
  <pkglist><collection short="ol9_x86_64_appstream"><name>Oracle Linux 9</name>
    <package name="runner" version="18.6.1" release="1" epoch="0" arch="src" src=""><filename>runner-18.6.1-1.src.rpm</filename><sum type="md5">00</sum></package>
    <package name="runner" version="18.6.1" release="1" epoch="0" arch="x86_64" src="runner-18.6.1-1.src.rpm"><filename>runner-18.6.1-1.x86_64.rpm</filename><sum type="md5">00</sum></package>
  </collection></pkglist>
</update>
</updates>"#,
                "ELBA-2026-50012 (bugfix)",
            ),
            (
                "Amazon Linux",
                r#"<?xml version="1.0" ?>
<updates><update author="linux-security@amazon.com" from="linux-security@amazon.com" status="final" type="security" version="1.4"><id>ALAS2023-2026-123</id><title>Amazon Linux 2023 - ALAS2023-2026-123: Medium priority package update for runner</title><issued date="2026-03-04 00:00:00" /><updated date="2026-03-04 00:00:00" /><severity>medium</severity><description>Package updates are available.</description><references><reference href="http://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-2026-1" id="CVE-2026-1" type="cve" /></references><pkglist><collection short="amazon-linux-2023"><name>Amazon Linux 2023</name><package arch="x86_64" epoch="0" name="runner" release="1" version="18.6.1"><filename>Packages/runner-18.6.1-1.x86_64.rpm</filename></package></collection></pkglist></update></updates>"#,
                "ALAS2023-2026-123 (security, Moderate)",
            ),
            (
                "SUSE",
                r#"<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="maint-coord@suse.de" status="stable" type="recommended" version="1"><id>SUSE-SLE-Module-Basesystem-15-SP6-2026-1234</id><title>Recommended update for runner</title><severity>moderate</severity><release>SUSE Linux Enterprise 15</release><issued date="1772582400"/><references/><description>This update fixes the runner.</description><pkglist><collection><package name="runner" epoch="0" version="18.6.1" release="1" arch="x86_64" src="runner-18.6.1-1.src.rpm"><filename>runner-18.6.1-1.x86_64.rpm</filename></package></collection></pkglist></update></updates>"#,
                "SUSE-SLE-Module-Basesystem-15-SP6-2026-1234 (unknown, Moderate)",
            ),
        ] {
            let releases = ["runner-18.6.1-1.x86_64", "runner-18.6.0-1.x86_64"];
            assert_eq!(told(document, &releases), [told_of, ""], "{publisher}");
        }
    }

    /// As dnf, which the component's tests ask.
    #[test]
    fn an_advisory_is_about_exactly_the_release_that_it_names() {
        for (package, of_release, of_epoch, of_noarch) in [
            (RUNNER.to_owned(), true, false, false),
            (RUNNER.replace("epoch=\"0\"", ""), true, false, false),
            (RUNNER.replace("epoch=\"0\"", "epoch=''"), true, false, false),
            (RUNNER.replace("epoch=\"0\"", "epoch='2'"), false, true, false),
            (RUNNER.replace("epoch=\"0\"", "epoch='x'"), false, false, false),
            (RUNNER.replace("x86_64", "noarch"), false, false, true),
            (RUNNER.replace("arch=\"x86_64\"", ""), false, false, false),
            (RUNNER.replace("release=\"1\"", "release='2'"), false, false, false),
            (RUNNER.replace("18.6.1", "18.06.1"), false, false, false),
            (RUNNER.replace("runner", "runner-fips"), false, false, false),
            (RUNNER.replace("name", "src"), false, false, false),
        ] {
            let document = updates(&update("type='security'", "A-1", &package));
            let releases = ["runner-18.6.1-1.x86_64", "runner-2:18.6.1-1.x86_64", "runner-18.6.1-1.noarch"];
            let found: Vec<bool> = told(&document, &releases).iter().map(|told| !told.is_empty()).collect();
            assert_eq!(found, [of_release, of_epoch, of_noarch], "{package}");
        }
    }

    #[test]
    fn an_update_counts_whatever_its_status_is() {
        for status in ["final", "stable", "testing", "pending", "retracted", ""] {
            let document = updates(&update(&format!("status='{status}' type='bugfix'"), "A-1", RUNNER));
            assert_eq!(told(&document, &["runner-18.6.1-1.x86_64"]), ["A-1 (bugfix)"], "{status}");
        }
    }

    #[test]
    fn several_updates_of_one_id_are_one_advisory_of_each_of_their_releases() {
        let other = RUNNER.replace("18.6.1", "18.6.0");
        let document = updates(
            &(update("type='bugfix'", "A-1", RUNNER)
                + &update("type='security'", "A-1", RUNNER)
                + &update("type='enhancement'", "A-2", RUNNER)
                + &update("type='bugfix'", "A-1", &other)),
        );
        let releases = ["runner-18.6.1-1.x86_64", "runner-18.6.0-1.x86_64"];
        assert_eq!(told(&document, &releases), ["A-1 (security), A-2 (enhancement)", "A-1 (bugfix)"]);
    }

    #[test]
    fn a_release_that_is_listed_twice_has_its_advisories_twice() {
        let document = updates(&update("type='bugfix'", "A-1", RUNNER));
        assert_eq!(told(&document, &["runner-18.6.1-1.x86_64"; 2]), ["A-1 (bugfix)", "A-1 (bugfix)"]);
    }

    #[test]
    fn an_update_that_cannot_be_read_is_left_out_and_the_others_are_not() {
        let good = update("type='security'", "A-1", RUNNER);
        for (bad, reason) in [
            (good.replace("<id>A-1</id>", ""), "it has no <id>"),
            (good.replace("A-1", "$(id)"), "\"$(id)\" is no id of an advisory, such as RHSA-2026:1234"),
            (good.replace("</id>", "</id><id>A-2</id>"), "it has two <id>"),
            (good.replace("<title>", "<title>&bomb;"), "the entity bomb, which XML does not define"),
            (good.replace("</title>", "</titel>"), ""),
            (good.replace("<title>", &"<b>".repeat(40)), "more than 32 deep"),
        ] {
            let place = "<?xml version=\"1.0\"?>\n<updates>".len();
            let (told, fault) = read(&updates(&(bad + &good)), &["runner-18.6.1-1.x86_64"]).expect(reason);
            assert_eq!(told, ["A-1 (security)"], "{reason}");
            let fault = fault.expect(reason);
            let begin = format!("one is left out: updateinfo.xml is malformed near byte {place}: ");
            assert!(fault.starts_with(&begin) && fault.contains(reason), "{fault}");
        }
        let bad = good.replace("<id>A-1</id>", "").repeat(3);
        let (_, fault) = read(&updates(&bad), &["runner-18.6.1-1.x86_64"]).expect("none");
        let fault = fault.expect("three");
        assert!(fault.starts_with("3 are left out, the first of them: updateinfo.xml is malformed"), "{fault}");
    }

    #[test]
    fn what_is_said_of_others_is_not_looked_at() {
        let others = [
            update("type='security'", "<&>", &RUNNER.replace("runner", "bash")).replace("<title>runner</title>", ""),
            update("type='security'", "$(id)", &RUNNER.replace("18.6.1", "17")),
        ];
        assert_eq!(told(&updates(&others.concat()), &["runner-18.6.1-1.x86_64"]), [""]);
    }

    #[test]
    fn what_is_no_updateinfo_is_refused_with_the_reason() {
        let one = update("type='security'", "A-1", RUNNER);
        for (document, reason) in [
            (String::new(), "expected an XML document <updates>"),
            (
                "<html><title>Sign in</title></html>".to_owned(),
                "expected an XML document <updates>, and it is an HTML page titled \"Sign in\"",
            ),
            (updates(&one).replace("</updates>", ""), "it ends before </updates>"),
            (updates(&one[..one.len() / 2]).replace("</updates>", ""), "it ends in the middle of a <update>"),
            (updates("</update>"), "</update> without its <update>"),
        ] {
            let error = read(&document, &["runner-18.6.1-1.x86_64"]).expect_err(reason).to_string();
            assert!(error.starts_with("updateinfo.xml is malformed") && error.contains(reason), "{error}");
        }
        for document in ["<updates/>", "<updates></updates>"] {
            assert_eq!(told(document, &["runner-18.6.1-1.x86_64"]), [""]);
        }
    }
}
