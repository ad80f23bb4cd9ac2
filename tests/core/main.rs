//! What the core has to hold, in one program: a program of its own for each file would take longer to link than
//! its tests to run. The model checker, `tests/every_interleaving.rs`, is run by itself.

mod alarms;
mod child_pipeline;
mod common;
mod compare;
mod freshness;
mod heads_protocol;
#[cfg(not(target_family = "wasm"))]
mod house;
mod images;
mod locations;
mod night;
mod pages_from_outside;
mod plan;
mod report;
#[cfg(not(target_family = "wasm"))]
mod rpm_order;
mod secrets;
mod text;
mod tracker_document;
mod tracker_laws;
mod withdrawn;
