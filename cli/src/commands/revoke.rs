use clap::Args;

use crate::args::RevocationArgs;
use crate::exit::Failure;
use crate::revocation;
use crate::session::Session;

const EXAMPLES: &str = "Examples:
  A release is bad, whichever image of it:
    $ ami-scheduler revoke 18.6.1 --by mary --reason 'it deletes jobs' \\
        --tracker tracker --ref main

  One image is bad (rebuild asks for another one in its place):
    $ ami-scheduler revoke ami-0abc --by mary --reason 'no swap' \\
        --tracker tracker --ref main";

/// Says that a release, or one image, is not to be used
///
/// It is never current: images names the one before it. A channel that points to it keeps pointing to it, and each night
/// and images --channel say so. Nothing is built in its place, unless rebuild asks for it. A release is revoked on each
/// target, with every image of it, also those to come. An image is revoked by itself.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Revoke {
    #[command(flatten)]
    revocation: RevocationArgs,
}

impl Revoke {
    pub fn run(&self, session: &Session) -> Result<(), Failure> {
        revocation::record(session, &self.revocation, true)
    }
}
