use clap::Args;

use crate::exit::Failure;
use crate::files::print;

const EXAMPLES: &str = "Examples:
  Where there is the module and wasmtime, and nothing else:
    $ wasmtime run --wasi http ami-scheduler.wasm wrapper > ami-scheduler
    $ chmod +x ami-scheduler";

/// Prints the shell script that runs the module under wasmtime
///
/// The script gives each command the folder and the variables that it needs, and nothing else.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Wrapper {}

impl Wrapper {
    pub fn run() -> Result<(), Failure> {
        Ok(print(include_str!("../../wrapper/ami-scheduler"))?)
    }
}
