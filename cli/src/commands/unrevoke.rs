use clap::Args;

use crate::args::RevocationArgs;
use crate::exit::Failure;
use crate::revocation;
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  The release was good after all:
    $ ami-scheduler unrevoke 18.6.1 --by mary --reason 'it was the network' \\
        --tracker tracker --ref main";

/// Says that a release, or one image, may be used again
///
/// Name the release to take back what was said of the release, and the id to take back what was said of an image.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Unrevoke {
    #[command(flatten)]
    revocation: RevocationArgs,
}

impl Unrevoke {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        revocation::record(session, &self.revocation, false)
    }
}
