//! How long to wait before a request is sent again.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use jiff::fmt::rfc2822::DateTimeParser;

use super::Response;
use super::request::MAX_ATTEMPTS;

/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// The longest wait that is not asked for by a server.
const MAX_DELAY: Duration = Duration::from_secs(20);

/// The waits before the second attempt, the third, and so on.
pub fn delays(first: Duration) -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(MAX_DELAY.max(first))
        .with_jitter()
        .with_max_times(MAX_ATTEMPTS - 1)
        .build()
}

/// How long to wait for a server that is overloaded or out of order: `delay`, or longer where the server
/// asks for it. `None` where its answer is final, or the server asks for too long a wait.
pub fn wait_for(response: &Response, delay: Duration) -> Option<Duration> {
    if !matches!(response.status, 408 | 429 | 500..=599) {
        return None;
    }
    let retry_after = retry_after(response).unwrap_or_default();
    (retry_after <= MAX_RETRY_AFTER).then(|| retry_after.max(delay))
}

/// `Retry-After`: in seconds, as GitLab gives it, or as a time, as a proxy may. Such a time is one of the
/// server's clock, so it counts from the answer's own `Date`.
fn retry_after(response: &Response) -> Option<Duration> {
    let header = |name| response.header(name).map(str::trim);
    if let Ok(seconds) = header("retry-after")?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |name| DateTimeParser::new().parse_timestamp(header(name)?).ok();
    time("date")?.duration_until(time("retry-after")?).try_into().ok()
}
