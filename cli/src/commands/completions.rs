use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::exit::Failure;
use crate::files::print;

const EXAMPLES: &str = "Examples:
  For this shell, and for every later one:
    $ . <(ami-scheduler completions bash)
    $ ami-scheduler completions bash \\
        > ~/.local/share/bash-completion/completions/ami-scheduler";

/// Prints the completions of a shell
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(self, mut whole: Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut whole, "ami-scheduler", &mut script);
        Ok(print(&String::from_utf8_lossy(&script))?)
    }
}
