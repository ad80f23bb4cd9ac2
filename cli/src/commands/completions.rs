use clap::{Args, Command, ValueEnum};
use clap_complete::generate;
use clap_complete::shells;

use crate::exit::Failure;
use crate::files::print;

const EXAMPLES: &str = "Examples:
  For this shell; in ~/.bashrc, for every later one:
    $ . <(ami-scheduler completions bash)";

/// Prints the completions of a shell
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

impl Completions {
    pub fn run(self, mut whole: Command) -> Result<(), Failure> {
        let (mut script, name) = (Vec::new(), "ami-scheduler");
        match self.shell {
            Shell::Bash => generate(shells::Bash, &mut whole, name, &mut script),
            Shell::Fish => generate(shells::Fish, &mut whole, name, &mut script),
            Shell::Zsh => generate(shells::Zsh, &mut whole, name, &mut script),
        }
        Ok(print(&String::from_utf8_lossy(&script))?)
    }
}
