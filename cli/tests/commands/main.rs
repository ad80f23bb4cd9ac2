//! What each command does, with a tracker in a directory and repositories of a few lines.
//!
//! The command is the binary that cargo built or, where `AMI_SCHEDULER_TEST_COMMAND` is set, what that says: the
//! module, say, by `/path/to/wasmtime run --wasi http --wasi cli-exit-with-code --dir . /path/to/ami-scheduler.wasm`, or
//! the wrapper.

mod by_hand;
mod channels;
mod command_line;
mod diff;
mod folder;
mod images;
mod list;
mod report;
mod shell;
mod status;
mod tracker;
mod update;
mod why;
