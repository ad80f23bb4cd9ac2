//! The core of ami-scheduler: what happens to a package on its way from a repository to the tracker.
//!
//! [`repository`] → [`policy`] → [`diff`] ↔ [`tracker`] → [`child_pipeline`]
//!
//! Values in, values out: no network, no files, no clock, no environment.

pub mod alarm;
pub mod artifacts;
pub mod child_pipeline;
pub mod comparison;
pub mod diff;
pub mod images;
pub mod jobs;
pub mod package;
pub mod policy;
pub mod report;
pub mod repository;
pub mod tracker;

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
