//! What is waited for during a request, and for how long.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::Limits;

/// What is waited for during a request, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub limits: Limits,
    /// When all requests of the command have to be done.
    end: Instant,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    /// One thing, until a time; `limit` and `option` are for the message.
    Until { time: Instant, what: &'static str, limit: Duration, option: &'static str },
    /// Bytes, a piece after the other. What passes between them is not the server's fault and does not count.
    Transfer { missing: u64, left: Duration },
}

impl Patience {
    /// That of a command which begins now.
    pub fn new(limits: Limits) -> Self {
        let stage = Stage::Transfer { missing: limits.piece(), left: limits.speed_time };
        Self { limits, end: Instant::now() + limits.max_time, stage }
    }

    /// For a connection; `what` of it is done now.
    pub fn connect(&mut self, what: &'static str) {
        let limit = self.limits.connect_timeout;
        let time = match self.stage {
            Stage::Until { time, option: CONNECT_TIMEOUT, .. } => time,
            _ => Instant::now() + limit,
        };
        self.stage = Stage::Until { time, what, limit, option: CONNECT_TIMEOUT };
    }

    /// For the head of the answer to a request of so many bytes.
    pub fn answer(&mut self, sent: u64) {
        let limit = self.limits.answer(sent);
        self.stage = Stage::Until { time: Instant::now() + limit, what: "the answer", limit, option: SPEED_TIME };
    }

    /// The same where a host connects, and does not tell when it has.
    #[cfg(target_os = "wasi")]
    pub fn connection_and_answer(&mut self, sent: u64) {
        let limit = self.limits.connect_timeout + self.limits.answer(sent);
        let (time, what) = (Instant::now() + limit, "connection, TLS handshake and answer");
        self.stage = Stage::Until { time, what, limit, option: "--connect-timeout, --speed-time" };
    }

    /// For bytes, of which none may have to come for `extra` at first.
    pub fn transfer(&mut self, extra: Duration) {
        self.stage = Stage::Transfer { missing: self.limits.piece(), left: self.limits.speed_time + extra };
    }

    /// How long may be waited now.
    pub fn left(&self) -> io::Result<Duration> {
        let now = Instant::now();
        let until_end = self.end.saturating_duration_since(now);
        let left = match self.stage {
            Stage::Until { time, .. } => time.saturating_duration_since(now),
            Stage::Transfer { left, .. } => left,
        };
        if left.is_zero() || until_end.is_zero() { Err(self.over(until_end)) } else { Ok(left.min(until_end)) }
    }

    /// Counts what has come or gone, and how long was waited for it.
    pub fn record(&mut self, bytes: usize, waited: Duration) {
        let Stage::Transfer { missing, left } = &mut self.stage else { return };
        let bytes = bytes as u64;
        if bytes >= *missing {
            self.transfer(Duration::ZERO);
        } else {
            *missing -= bytes;
            *left = left.saturating_sub(waited);
        }
    }

    /// Whether so long a wait leaves time for another request.
    pub fn allows(&self, wait: Duration) -> bool {
        wait < self.end.saturating_duration_since(Instant::now())
    }

    fn over(&self, until_end: Duration) -> io::Error {
        let Limits { speed_limit, speed_time, max_time, .. } = self.limits;
        let words = match self.stage {
            _ if until_end.is_zero() => {
                format!("the requests of this command took longer than {} (--max-time)", in_words(max_time))
            }
            Stage::Until { what, limit, option, .. } => took_longer(what, limit, option),
            Stage::Transfer { .. } => format!(
                "it is too slow: under {speed_limit} bytes a second for {} (--speed-limit, --speed-time)",
                in_words(speed_time)
            ),
        };
        io::Error::new(ErrorKind::TimedOut, words)
    }
}

pub const CONNECT_TIMEOUT: &str = "--connect-timeout";
pub const SPEED_TIME: &str = "--speed-time";

pub fn took_longer(what: &str, limit: Duration, option: &str) -> String {
    format!("{what} took longer than {} ({option})", in_words(limit))
}

fn in_words(time: Duration) -> String {
    format!("{:#}", SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn transfer() -> Patience {
        let mut patience = Patience::new(Limits::DEFAULT);
        patience.transfer(Duration::ZERO);
        patience
    }

    #[test]
    fn each_piece_of_a_transfer_has_the_same_time_whatever_came_before_it() {
        // 1000 bytes a second over 30 s are 30,000 bytes.
        for (passed, seconds_left) in [
            (&[(10, 29)][..], 1),
            (&[(29_999, 29)], 1),
            (&[(30_000, 29)], 30),
            (&[(10_000, 9), (10_000, 9), (10_000, 9)], 30),
            (&[(1_000_000, 1), (10, 29)], 1),
            (&[(0, 10), (0, 10)], 10),
        ] {
            let mut patience = transfer();
            for (bytes, seconds) in passed {
                patience.record(*bytes, SECOND * *seconds);
            }
            assert_eq!(patience.left().expect("patience"), SECOND * seconds_left, "{passed:?}");
        }
    }

    #[test]
    fn a_transfer_that_is_silent_or_drips_is_given_up_with_the_options_that_allow_more() {
        for passed in [&[(0, 30)][..], &[(1, 10), (1, 10), (1, 10)], &[(29_999, 30)]] {
            let mut patience = transfer();
            for (bytes, seconds) in passed {
                patience.record(*bytes, SECOND * *seconds);
            }
            let told = "it is too slow: under 1000 bytes a second for 30s (--speed-limit, --speed-time)";
            assert_eq!(patience.left().expect_err("too slow").to_string(), told, "{passed:?}");
        }
    }

    #[test]
    fn the_steps_to_a_connection_share_its_time() {
        let mut patience = Patience::new(Limits::DEFAULT);
        patience.connect("the connection");
        let Stage::Until { time: first, .. } = patience.stage else { panic!("no time") };
        patience.connect("the TLS handshake");
        let Stage::Until { time, what, .. } = patience.stage else { panic!("no time") };
        assert_eq!((time, what), (first, "the TLS handshake"));
    }

    #[test]
    fn an_answer_is_waited_for_as_long_as_its_request_takes_at_the_least_rate_and_then_begins() {
        for (speed_limit, sent, seconds) in
            [(1000, 0, 30), (1000, 5 << 20, 1500), (100_000, 5 << 20, 82), (0, 0, 30), (0, 1, 1500)]
        {
            let limits = Limits { speed_limit, ..Limits::DEFAULT };
            assert_eq!(limits.answer(sent), SECOND * seconds, "{sent} bytes at {speed_limit}");
        }
    }

    #[test]
    fn whatever_is_waited_for_ends_when_the_time_of_all_requests_is_over() {
        let mut patience = Patience { end: Instant::now(), ..transfer() };
        for wait in [
            Patience::connect as fn(&mut Patience, &'static str),
            |patience, _| patience.answer(0),
            |patience, _| patience.transfer(SECOND),
        ] {
            wait(&mut patience, "the connection");
            let told = "the requests of this command took longer than 25m (--max-time)";
            assert_eq!(patience.left().expect_err("over").to_string(), told);
        }
        assert!(!patience.allows(Duration::ZERO) && transfer().allows(SECOND));
    }
}
