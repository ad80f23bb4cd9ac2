//! An RPM package's identity (NEVRA) and the order of its releases (EVR).

use std::cmp::Ordering;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use rpm_version::EvrSortKey;
use serde::{Deserialize, Serialize, Serializer};

use crate::text::named;

/// The longest NEVRA that is taken, in bytes: a job name of GitLab (255) has to hold it.
const MAX_NEVRA_LENGTH: usize = 180;

/// Epoch, version and release of a package.
///
/// `Ord` is RPM's order (epoch first, then `rpmvercmp` of version and release). Two different
/// texts that RPM holds equal (`1.0` and `1.00`) are ordered by their bytes, so that `Ord` agrees
/// with `Eq`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evr {
    /// 0 where the package states none.
    pub epoch: u32,
    /// Letters, digits and `._+~^`.
    pub version: String,
    /// Letters, digits and `._+~^`.
    pub release: String,
    /// RPM's order, worked out once: a tracker of thousands of releases compares them again and again.
    order: Box<[u8]>,
}

impl Evr {
    /// Puts an EVR together from its parts, which [`Nevra::new`] checks.
    pub fn new(epoch: u32, version: String, release: String) -> Self {
        let stated = if epoch > 0 { epoch.to_string() } else { String::new() };
        let order = Vec::from(EvrSortKey::from_values(&stated, &version, &release));
        Self { epoch, version, release, order: order.into() }
    }

    /// Whether RPM's convention matcher this as a pre-release: a `~` in the version or release.
    pub fn is_pre_release(&self) -> bool {
        self.version.contains('~') || self.release.contains('~')
    }

    /// Whether the release is marked as one of a module: `1.module+el8.10.0+123+abc`, `1.module_el8`.
    pub fn is_of_a_module(&self) -> bool {
        [".module+", ".module_"].iter().any(|mark| self.release.contains(mark))
    }
}

impl Ord for Evr {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order
            .cmp(&other.order)
            .then_with(|| self.version.cmp(&other.version))
            .then_with(|| self.release.cmp(&other.release))
    }
}

impl PartialOrd for Evr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `[EPOCH:]VERSION-RELEASE`; an epoch of 0 is not written.
impl fmt::Display for Evr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch > 0 {
            write!(f, "{}:", self.epoch)?;
        }
        f.write_str(&self.version)?;
        f.write_str("-")?;
        f.write_str(&self.release)
    }
}

/// Name, epoch, version, release and architecture: what identifies one build of a package.
///
/// Every part was checked against RPM's grammar when it was made, so it is safe in a file name,
/// in YAML and as a shell word. Ordered by name, then EVR, then architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Nevra {
    name: String,
    evr: Evr,
    arch: String,
}

/// Why a text is not a [`Nevra`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a package of the form NAME-[EPOCH:]VERSION-RELEASE.ARCH, such as gitlab-runner-18.6.1-1.x86_64: {reason}"
)]
pub struct NevraError {
    text: String,
    reason: &'static str,
}

impl Nevra {
    /// Puts a NEVRA together from its parts, each checked against the characters that RPM allows.
    pub fn new(name: &str, evr: Evr, arch: &str) -> Result<Self, NevraError> {
        let nevra = Self { name: name.to_owned(), evr, arch: arch.to_owned() };
        match nevra.fault() {
            None => Ok(nevra),
            Some(reason) => Err(NevraError { text: named(&nevra.to_string()), reason }),
        }
    }

    /// The package's name, without version or architecture.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Epoch, version and release.
    pub fn evr(&self) -> &Evr {
        &self.evr
    }

    /// The architecture, such as `x86_64` or `noarch`.
    pub fn arch(&self) -> &str {
        &self.arch
    }

    fn fault(&self) -> Option<&'static str> {
        if !is_package_name(&self.name) {
            Some("the name may hold letters, digits and ._+- and starts with a letter, digit or _")
        } else if !is_version_part(&self.evr.version) {
            Some("the version may hold letters, digits and ._+~^, and no ..")
        } else if !is_version_part(&self.evr.release) {
            Some("the release may hold letters, digits and ._+~^, and no ..")
        } else if !is_arch(&self.arch) {
            Some("the architecture may hold letters, digits and _")
        } else if self.length() > MAX_NEVRA_LENGTH {
            Some("it is longer than 180 characters")
        } else {
            None
        }
    }

    /// Length of the `Display` form, without formatting it.
    pub(crate) fn length(&self) -> usize {
        let Evr { epoch, version, release, .. } = &self.evr;
        let epoch = if *epoch > 0 { format!("{epoch}:").len() } else { 0 };
        self.name.len() + epoch + version.len() + release.len() + self.arch.len() + "--.".len()
    }
}

/// Whether `text` can be the name of an RPM package.
pub fn is_package_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-'))
}

/// As rpmbuild takes it, which knows no `..` either: it would lead out of a folder.
fn is_version_part(text: &str) -> bool {
    !text.is_empty()
        && !text.contains("..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'~' | b'^'))
}

/// Whether a text can be an architecture, such as `x86_64`.
pub fn is_arch(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `NAME-[EPOCH:]VERSION-RELEASE.ARCH`, as `rpm -q --qf '%{nevra}'` prints it.
impl fmt::Display for Nevra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tens of thousands of them are written in a run: `write!` takes twice as long.
        f.write_str(&self.name)?;
        f.write_str("-")?;
        self.evr.fmt(f)?;
        f.write_str(".")?;
        f.write_str(&self.arch)
    }
}

/// Split from the right: names and architectures can hold what separates the parts.
impl FromStr for Nevra {
    type Err = NevraError;

    fn from_str(text: &str) -> Result<Self, NevraError> {
        let error = |reason| NevraError { text: named(text), reason };
        let (rest, arch) = text.rsplit_once('.').ok_or_else(|| error("it has no .ARCH"))?;
        let (rest, release) = rest.rsplit_once('-').ok_or_else(|| error("it has no -RELEASE"))?;
        let (name, version) = rest.rsplit_once('-').ok_or_else(|| error("it has no -VERSION"))?;
        let (epoch, version) = match version.split_once(':') {
            None => (0, version),
            Some((epoch, version)) => (parse_epoch(epoch).ok_or_else(|| error("its epoch is no number"))?, version),
        };
        let evr = Evr::new(epoch, version.to_owned(), release.to_owned());
        Self::new(name, evr, arch).map_err(|fault| error(fault.reason))
    }
}

/// An epoch: digits alone, as RPM has it.
pub(crate) fn parse_epoch(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl TryFrom<String> for Nevra {
    type Error = NevraError;

    fn try_from(text: String) -> Result<Self, NevraError> {
        text.parse()
    }
}

impl Serialize for Nevra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // In one piece: a serializer escapes what it is given, and each of the parts would be looked at by itself.
        let mut text = String::with_capacity(self.length());
        let _ = write!(text, "{self}");
        serializer.serialize_str(&text)
    }
}
#[cfg(test)]
mod tests {
    use super::*;

    fn evr(text: &str) -> Evr {
        format!("p-{text}.noarch").parse::<Nevra>().expect("a valid EVR").evr
    }

    #[test]
    fn a_nevra_is_split_from_the_right() {
        for (text, name, epoch, version, release, arch) in [
            ("gitlab-runner-18.6.1-1.x86_64", "gitlab-runner", 0, "18.6.1", "1", "x86_64"),
            ("gitlab-runner-fips-18.6.1-1.x86_64", "gitlab-runner-fips", 0, "18.6.1", "1", "x86_64"),
            (
                "java-1.8.0-openjdk-1:1.8.0.412.b08-2.el9.x86_64",
                "java-1.8.0-openjdk",
                1,
                "1.8.0.412.b08",
                "2.el9",
                "x86_64",
            ),
            ("libstdc++-11.4.1-3.el9.i686", "libstdc++", 0, "11.4.1", "3.el9", "i686"),
            (
                "gitlab-runner-18.8.0~pre.496.g9b6f071f-1.x86_64",
                "gitlab-runner",
                0,
                "18.8.0~pre.496.g9b6f071f",
                "1",
                "x86_64",
            ),
        ] {
            let nevra: Nevra = text.parse().expect(text);
            assert_eq!(
                (nevra.name(), nevra.evr.epoch, nevra.evr.version.as_str(), nevra.evr.release.as_str(), nevra.arch()),
                (name, epoch, version, release, arch)
            );
            assert_eq!(nevra.to_string(), text);
            assert_eq!(nevra.length(), text.len());
        }
    }

    #[test]
    fn what_is_no_nevra_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "no .ARCH"),
            ("gitlab-runner", "no .ARCH"),
            ("runner.x86_64", "no -RELEASE"),
            ("runner-1.x86_64", "no -VERSION"),
            ("runner-x:1-1.x86_64", "epoch"),
            ("runner-+1:1-1.x86_64", "epoch"),
            ("runner-1$(id)-1.x86_64", "version"),
            ("../../etc-1-1.x86_64", "name"),
            ("-rf-1-1.x86_64", "name"),
            ("runner-1-1\n.x86_64", "release"),
            ("runner-1-1.x86 64", "architecture"),
            ("runner-1-é.x86_64", "release"),
            ("runner-..-1.x86_64", "the version may hold letters, digits and ._+~^, and no .."),
            ("runner-1-...x86_64", "the release may hold letters, digits and ._+~^, and no .."),
            ("runner-1..2-1.x86_64", "no .."),
        ] {
            let error = text.parse::<Nevra>().expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_nevra_that_no_job_name_can_hold_is_refused() {
        let text = format!("runner-{}-1.x86_64", "1".repeat(200));
        let error = text.parse::<Nevra>().expect_err("too long").to_string();
        assert!(error.contains("longer than 180") && error.len() < 400, "{error}");
    }

    #[test]
    fn releases_are_ordered_as_rpm_orders_them() {
        let ascending = [
            "1.0~rc1-1",
            "1.0-1",
            "1.0-2",
            "1.0-10",
            "1.0^20240101-1",
            "1.0.1-1",
            "1.9-1",
            "1.10-1",
            "2.0-1",
            "1:0.1-1",
        ];
        for pair in ascending.windows(2) {
            assert!(evr(pair[0]) < evr(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn a_release_of_a_module_is_marked_as_one() {
        for (text, is_one) in [
            ("1-1.module+el8.10.0+21+abcdef.1", true),
            ("1-1.module_el8.10.0+21+abcdef", true),
            ("1-1.module_f34+1", true),
            ("1-1.el8", false),
            ("1-1.modules", false),
            ("1.module_1-1", false),
        ] {
            assert_eq!(evr(text).is_of_a_module(), is_one, "{text}");
        }
    }

    #[test]
    fn different_texts_that_rpm_holds_equal_stay_apart() {
        assert_ne!(evr("1.0-1"), evr("1.00-1"));
        assert_ne!(evr("1.0-1").cmp(&evr("1.00-1")), Ordering::Equal);
    }
}
