use ami_scheduler::release::Target;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::TrackerArgs;
use super::lists::ListOf;
use super::values::product;

/// What a person says is not to be used, or is again, and why.
#[derive(Debug, Args)]
pub struct RevocationArgs {
    /// The release, or the id of an image: 18.6.1, gitlab-runner-18.6.1-1.x86_64 or ami-0abc
    #[arg(value_name = "RELEASE|IMAGE")]
    pub what: String,
    /// A release only on these targets; without it, on all, those to come among them
    #[arg(
        long,
        value_name = "LIST",
        default_value = "",
        hide_default_value = true,
        env = "AMI_SCHEDULER_REVOKE_TARGET"
    )]
    pub target: ListOf<Target>,
    /// The product, where the ref has trackers of several
    #[arg(long, value_name = "NAME", value_parser = product)]
    pub product: Option<String>,
    /// Why, for those who read the tracker
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub reason: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "GITLAB_USER_LOGIN", value_parser = NonEmptyStringValueParser::new())]
    pub by: String,
    #[command(flatten)]
    pub tracker: TrackerArgs,
}
