use std::time::Duration;

use clap::Args;

use super::values::time_limit;
use crate::http::Limits;

/// How long servers may take. The names are curl's.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// How long a server may take to be connected to: DNS, TCP, a proxy and TLS
    #[arg(long, global = true, display_order = 1000, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    connect_timeout: Duration,
    /// Give a server up that sends or takes fewer bytes a second than this, over --speed-time
    #[arg(long, global = true, display_order = 1000, value_name = "BYTES", default_value = "1000")]
    speed_limit: u64,
    /// The time that --speed-limit counts over, and in which the answer to a request has to begin
    #[arg(long, global = true, display_order = 1000, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    speed_time: Duration,
    /// How long all requests of the command may take together, those that are tried again among them
    ///
    /// It is a little less than the 30 minutes that a job of the component has: the command itself says what held it up.
    #[arg(long, global = true, display_order = 1000, value_name = "DURATION", default_value = "25m", value_parser = time_limit)]
    max_time: Duration,
    /// How long to wait before a request is sent again; each of the waits is twice as long as the one before it
    #[arg(long, global = true, display_order = 1000, value_name = "DURATION", default_value = "500ms", value_parser = time_limit)]
    retry_delay: Duration,
}

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        let LimitArgs { connect_timeout, speed_limit, speed_time, max_time, retry_delay } = args;
        Self { connect_timeout, speed_limit, speed_time, max_time, retry_delay }
    }
}
