//! A release, by its identity, and the targets that images of it are built on.

mod advisory;
mod build_key;
pub(crate) mod checksum;
pub(crate) mod nevra;
mod package;
mod stated_target;
mod target;

pub use advisory::{Advisories, Advisory, AdvisoryId, AdvisoryIdError, AdvisoryKind, Severity};
pub use build_key::BuildKey;
pub use checksum::{Checksum, ChecksumError, ChecksumKind};
pub use nevra::{Evr, Nevra, NevraError, is_arch, is_package_name};
pub use package::Package;
pub use stated_target::{StatedTarget, builds_on};
pub use target::{Target, TargetError, listed};
