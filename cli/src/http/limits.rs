//! How long a server may take.

use std::time::Duration;

/// How long a server may take. Each limit has the name that curl has for it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until a server is connected: its name is looked up, the connection made, TLS spoken, a proxy passed.
    pub connect_timeout: Duration,
    /// The fewest bytes a second, over each `speed_time`.
    pub speed_limit: u64,
    /// Also the time in which the answer to a request has to begin.
    pub speed_time: Duration,
    /// All requests of a command together.
    pub max_time: Duration,
    /// Before a request is sent again for the first time; each next wait is twice as long.
    pub retry_delay: Duration,
}

impl Limits {
    #[cfg(test)]
    pub const DEFAULT: Self = Self {
        connect_timeout: Duration::from_secs(30),
        speed_limit: 1000,
        speed_time: Duration::from_secs(30),
        max_time: Duration::from_secs(25 * 60),
        retry_delay: Duration::from_millis(500),
    };

    /// The bytes of one `speed_time`.
    pub fn piece(&self) -> u64 {
        let bytes = u128::from(self.speed_limit) * self.speed_time.as_millis() / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
    }

    /// How long the answer to a request of so many bytes may take. Its last bytes may still lie in buffers of this
    /// machine when the last of them is sent.
    pub fn answer(&self, sent: u64) -> Duration {
        let upload = if sent == 0 { Some(0) } else { sent.checked_div(self.speed_limit) };
        let upload = upload.map_or(self.max_time, Duration::from_secs);
        self.speed_time.saturating_add(upload).min(self.max_time)
    }
}
