//! The core of ami-scheduler: what happens to a package on its way from a repository to the tracker.
//!
//! [`release`] ← [`repository`] → [`policy`] → [`tracker`] ↔ [`plan`] → [`alarm`] → [`artifacts`],
//! [`child_pipeline`] → [`report`]
//!
//! Values in, values out: no network, no files, no clock, no environment.

pub mod alarm;
pub mod artifacts;
pub mod budget;
pub mod child_pipeline;
pub mod images;
pub mod plan;
pub mod policy;
pub mod redacted;
pub mod release;
pub mod report;
pub mod repository;
pub mod text;
pub mod tracker;
