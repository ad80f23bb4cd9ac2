//! The client: retries, redirects, limits.

use std::time::Duration;

use ami_scheduler::redacted::{RedactedUrl, may_hold_a_password};

use super::patience::Patience;
use super::request::Transport;
use super::{Answer, BundleError, HttpError, Limits, Method, Network, Request, Response, body, retry, transport};

const MAX_REDIRECTS: usize = 10;

/// Sends requests over a transport.
pub struct Client {
    transport: Box<dyn Transport>,
    patience: Patience,
    sleep: fn(Duration),
}

impl Client {
    /// A client of the transport that fits the network. The time for all of its requests begins now.
    pub fn new(network: Network, limits: Limits) -> Result<Self, BundleError> {
        let patience = Patience::new(limits);
        Ok(Self { transport: transport::select(network, patience)?, patience, sleep: std::thread::sleep })
    }

    #[cfg(test)]
    pub(super) fn over(transport: Box<dyn Transport>, limits: Limits, sleep: fn(Duration)) -> Self {
        Self { transport, patience: Patience::new(limits), sleep }
    }

    /// Sends a request and reads the whole answer, of at most `limit` bytes. What is transient (a broken
    /// connection, 408, 429, 5xx) is tried again; the last answer is returned whatever its status.
    pub fn fetch(&self, request: &Request, limit: u64) -> Result<Answer, HttpError> {
        self.with_retries(request, |response| {
            let url = RedactedUrl::from(&response.url);
            match response.read_to(limit) {
                Ok(answer) if answer.body.len() as u64 > limit => Err(HttpError::TooLong { url, limit }),
                Ok(answer) => Ok(answer),
                Err(error) => Err(HttpError::CutShort { url, error }),
            }
        })
    }

    /// Sends a request and returns its answer with the body still to be read. If the connection breaks
    /// while the body is read, trying again is the caller's.
    pub fn open(&self, request: &Request) -> Result<Response, HttpError> {
        self.with_retries(request, Ok)
    }

    /// Waits before a caller's own next attempt, from 1; after the last delay they are equally long. Where no time is
    /// left for a request, that attempt says so.
    pub fn wait(&self, attempt: u32) {
        if let Some(delay) = self.delays().take(attempt as usize).last().filter(|delay| self.patience.allows(*delay)) {
            (self.sleep)(delay);
        }
    }

    fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        retry::delays(self.patience.limits.retry_delay)
    }

    fn with_retries<T>(
        &self,
        request: &Request,
        mut finish: impl FnMut(Response) -> Result<T, HttpError>,
    ) -> Result<T, HttpError> {
        let mut delays = self.delays().take(request.attempts.saturating_sub(1));
        loop {
            let delay = delays.next();
            let answered = self.follow(request).and_then(|response| {
                let wait = delay.and_then(|delay| retry::wait_for(&response, delay));
                match wait.filter(|wait| self.patience.allows(*wait)) {
                    Some(wait) => {
                        Ok(Err((format!("{} answers {}", RedactedUrl::from(&request.url), response.status), wait)))
                    }
                    None => finish(response).map(Ok),
                }
            });
            let (reason, wait) = match (answered, delay) {
                (Ok(Ok(done)), _) => return Ok(done),
                (Ok(Err(busy)), _) => busy,
                (Err(error), Some(delay)) if error.is_transient() && self.patience.allows(delay) => {
                    (error.to_string(), delay)
                }
                (Err(error), _) => return Err(error),
            };
            message!("{reason}; trying again in {:.1} s", wait.as_secs_f32());
            (self.sleep)(wait);
        }
    }

    /// Sends a request and follows redirects of GET: to http or https, never from https to http.
    fn follow(&self, asked: &Request) -> Result<Response, HttpError> {
        let mut request = asked.clone();
        for _ in 0..=MAX_REDIRECTS {
            let url = RedactedUrl::from(&request.url);
            let response = match self.transport.send(&request) {
                Ok(response) => response,
                Err(error) => return Err(HttpError::Unreachable { url, error }),
            };
            let location = response.header("location").map(str::to_owned);
            let Some(location) = location.filter(|_| matches!(response.status, 301 | 302 | 303 | 307 | 308)) else {
                return Ok(body::checked(response));
            };
            let refused = |reason| HttpError::Redirect { url: url.clone(), reason };
            let next = request.url.join(&location).map_err(|error| refused(format!("to no URL: {error}")))?;
            let shown = RedactedUrl::from(&next);
            if request.method != Method::Get {
                return Err(refused(format!("to {shown}; use that URL in its place")));
            }
            if !matches!(next.scheme(), "http" | "https")
                || (request.url.scheme() == "https" && next.scheme() == "http")
            {
                return Err(refused(format!("to {shown}, which is not followed")));
            }
            if next.origin() != request.url.origin() {
                if may_hold_a_password(&next) {
                    return Err(refused(format!(
                        "to {shown}, which has an @ after its host, as if a password were in it that is not percent-encoded"
                    )));
                }
                request.credentials = None;
                request.tls = request.tls.elsewhere();
            }
            request.url = next;
        }
        let url = RedactedUrl::from(&asked.url);
        Err(HttpError::Redirect { url, reason: format!("more than {MAX_REDIRECTS} times") })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::http::request::MAX_ATTEMPTS;
    use crate::http::scripted::{Script, ScriptedAnswer, answers, breaks, with_certificate};

    const URL: &str = "https://gitlab.example.com/api";
    const LIMIT: u64 = 100;

    fn get(url: &str) -> Request {
        Request::new(Method::Get, url.parse().expect(url))
    }

    fn with_token(request: Request) -> Request {
        Request { credentials: Some(("job-token", "s3cret".to_owned())), ..request }
    }

    fn redirects(status: u16, location: &str) -> ScriptedAnswer {
        answers(status).with("location", location)
    }

    #[test]
    fn a_redirect_with_a_password_that_is_not_encoded_is_followed_nowhere_and_not_shown() {
        for location in ["http://us3r:12/p4ss@elsewhere.example.com/", "https://us3r/p4ss@host/", "//us3r:12/@p4ss/"] {
            let script = Script::new([redirects(302, location)]);
            let error = script
                .client()
                .fetch(&get("http://yum.example.com/"), LIMIT)
                .map(drop)
                .expect_err(location)
                .to_string();
            assert!(error.starts_with("http://yum.example.com/ redirects to http"), "{error}");
            assert!(
                error.contains("has an @ after its host") && !error.contains("us3r") && !error.contains("p4ss"),
                "{error}"
            );
            assert_eq!(script.requests().len(), 1);
        }
        let script = Script::new([redirects(302, "/results/a@b/x"), answers(200)]);
        assert_eq!(script.client().fetch(&get("http://yum.example.com/"), LIMIT).expect("an answer").status, 200);
    }

    #[test]
    fn what_may_pass_is_tried_again_with_longer_and_longer_waits() {
        for passing in [
            answers(408),
            answers(429),
            answers(500),
            answers(502),
            answers(503),
            answers(504),
            answers(599),
            breaks(io::ErrorKind::ConnectionReset),
            breaks(io::ErrorKind::ConnectionRefused),
            breaks(io::ErrorKind::TimedOut),
            breaks(io::ErrorKind::NotFound),
        ] {
            let script = Script::new(vec![passing; 5].into_iter().chain([answers(200).body("there")]));
            let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
            assert_eq!((answer.status, answer.body.as_slice()), (200, &b"there"[..]));
            let waits = script.waits();
            assert_eq!(waits.len(), 5);
            for (wait, shortest) in waits.iter().zip([500, 1000, 2000, 4000, 8000].map(Duration::from_millis)) {
                assert!((shortest..=shortest * 2).contains(wait), "{waits:?}");
            }
        }
    }

    #[test]
    fn a_wait_that_would_outlast_the_time_for_all_requests_is_not_begun() {
        let limits =
            Limits { max_time: Duration::from_secs(1), retry_delay: Duration::from_secs(2), ..Limits::DEFAULT };
        let script = Script::new([answers(503), breaks(io::ErrorKind::ConnectionReset)]);
        let client = script.client_with(limits);
        assert_eq!(client.fetch(&get(URL), LIMIT).expect("the answer that there is").status, 503);
        assert!(client.fetch(&get(URL), LIMIT).is_err());
        client.wait(1);
        assert_eq!(script.waits(), []);
    }

    #[test]
    fn the_last_answer_is_returned_whatever_its_status() {
        for status in [408, 429, 500, 503] {
            let script = Script::new(vec![answers(status).body("try later"); MAX_ATTEMPTS]);
            let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
            assert_eq!((answer.status, answer.excerpt().as_str()), (status, "try later"));
            assert_eq!((script.requests().len(), script.waits().len()), (6, 5));

            let script = Script::new(vec![answers(status); MAX_ATTEMPTS]);
            assert_eq!(script.client().open(&get(URL)).expect("an answer").status, status);
        }
    }

    #[test]
    fn a_server_that_is_never_reached_is_an_error_that_names_it() {
        let script = Script::new(vec![breaks(io::ErrorKind::ConnectionRefused); MAX_ATTEMPTS]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("no server");
        assert_eq!(error.to_string(), format!("{URL} cannot be reached: connection refused"));
        assert_eq!(script.requests().len(), MAX_ATTEMPTS);
    }

    #[test]
    fn an_answer_that_would_be_the_same_again_is_final() {
        for status in [200, 201, 204, 304, 400, 401, 403, 404, 409, 413, 422] {
            let script = Script::new([answers(status)]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, status);
            assert_eq!(script.waits(), []);
        }
        for kind in [io::ErrorKind::Unsupported, io::ErrorKind::InvalidInput, io::ErrorKind::PermissionDenied] {
            let script = Script::new([breaks(kind)]);
            assert!(script.client().open(&get(URL)).is_err(), "{kind}");
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn requests_of_every_method_are_sent_again_as_they_were() {
        for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
            let body =
                matches!(method, Method::Post | Method::Put).then(|| ("text/plain".to_owned(), b"content".to_vec()));
            let request = Request { method, body, ..with_token(get(URL)) };
            let script = Script::new([answers(502), breaks(io::ErrorKind::ConnectionReset), answers(200)]);
            script.client().fetch(&request, LIMIT).expect("an answer");
            let requests = script.requests();
            assert_eq!(requests.len(), 3);
            for sent in requests {
                assert_eq!((sent.method, &sent.url), (method, &request.url));
                assert_eq!((&sent.body, &sent.credentials), (&request.body, &request.credentials));
            }
        }
    }

    #[test]
    fn retry_after_is_waited_for_where_it_is_longer_than_the_delay() {
        let now = ("date", "Tue, 24 Nov 2026 02:00:00 GMT");
        for (retry_after, date, waited) in [
            ("7", None, Some(7)),
            (" 120 ", None, Some(120)),
            ("Tue, 24 Nov 2026 02:00:30 GMT", Some(now), Some(30)),
            // Sooner than the delay, or not understood: the delay it is.
            ("0", None, None),
            ("Tue, 24 Nov 2026 01:59:30 GMT", Some(now), None),
            ("Tue, 24 Nov 2026 02:00:30 GMT", None, None),
            ("-7", None, None),
            ("soon", Some(now), None),
        ] {
            let busy = answers(429).with("retry-after", retry_after);
            let busy = date.into_iter().fold(busy, |busy, (name, value)| busy.with(name, value));
            let script = Script::new([busy, answers(200)]);
            script.client().fetch(&get(URL), LIMIT).expect("an answer");
            let delay = Duration::from_millis(500)..=Duration::from_secs(1);
            let expected = waited.map_or(delay, |seconds| Duration::from_secs(seconds)..=Duration::from_secs(seconds));
            let waits = script.waits();
            assert!(waits.len() == 1 && expected.contains(&waits[0]), "{retry_after}: {waits:?}");
        }
    }

    #[test]
    fn a_retry_after_of_more_than_two_minutes_is_not_waited_for() {
        for retry_after in ["121", "86400", "18446744073709551615", "Tue, 24 Nov 2026 02:02:01 GMT"] {
            let busy = answers(429).with("retry-after", retry_after).with("date", "Tue, 24 Nov 2026 02:00:00 GMT");
            let script = Script::new([busy]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, 429, "{retry_after}");
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn a_body_that_is_cut_short_is_fetched_again() {
        let cut = answers(200).with("content-length", "11").body("the whole");
        let script = Script::new([cut.clone(), answers(200).with("content-length", "11").body("the whole 1")]);
        assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").excerpt(), "the whole 1");

        let script = Script::new(vec![cut; MAX_ATTEMPTS]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("never whole");
        assert!(error.to_string().ends_with(" was cut short: its last 2 bytes are missing"), "{error}");
    }

    #[test]
    fn a_body_that_is_cut_short_is_an_error_of_who_reads_it() {
        let script = Script::new([answers(200).with("content-length", "11").body("the whole")]);
        let mut response = script.client().open(&get(URL)).expect("an answer");
        let mut text = String::new();
        let error = response.body.read_to_string(&mut text).expect_err("cut short");
        assert_eq!((error.kind(), text.as_str()), (io::ErrorKind::UnexpectedEof, "the whole"));
    }

    #[test]
    fn an_answer_that_is_longer_than_the_limit_is_refused_at_once() {
        for (length, fits) in [(99, true), (100, true), (101, false), (5000, false)] {
            let script = Script::new([answers(200).body("x".repeat(length))]);
            match script.client().fetch(&get(URL), LIMIT) {
                Ok(answer) => assert!(fits && answer.body.len() == length, "{length}"),
                Err(error) => {
                    assert!(!fits, "{length}");
                    assert!(
                        error.to_string().starts_with(&format!("{URL} answers with more than 100 bytes")),
                        "{error}"
                    );
                }
            }
            assert_eq!(script.waits(), []);
        }
    }

    #[test]
    fn a_redirect_is_followed_to_wherever_its_location_leads() {
        for (location, target) in [
            ("https://cdn.example.com/file?sig=1", "https://cdn.example.com/file?sig=1"),
            ("/other", "https://gitlab.example.com/other"),
            ("other", "https://gitlab.example.com/other"),
            ("api/", "https://gitlab.example.com/api/"),
            ("?page=2", "https://gitlab.example.com/api?page=2"),
            ("//cdn.example.com/", "https://cdn.example.com/"),
        ] {
            for status in [301, 302, 303, 307, 308] {
                let script = Script::new([redirects(status, location), answers(200)]);
                let answer = script.client().fetch(&get(URL), LIMIT).expect("an answer");
                assert_eq!((answer.status, answer.url.as_str()), (200, target));
                assert_eq!(script.urls(), [URL, target]);
            }
        }
        for not_one in [answers(302), redirects(300, "/other"), redirects(304, "/other"), redirects(200, "/other")] {
            let script = Script::new([not_one]);
            assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").url.as_str(), URL);
        }
    }

    #[test]
    fn credentials_stay_with_the_server_that_they_are_for() {
        for (location, kept) in [
            ("/other", true),
            ("https://gitlab.example.com/other", true),
            ("https://gitlab.example.com:443/other", true),
            ("https://gitlab.example.com:8443/other", false),
            ("https://gitlab.example.com.evil.example/other", false),
            ("https://sub.gitlab.example.com/other", false),
            ("https://cdn.example.com/other", false),
        ] {
            let script = Script::new([redirects(302, location), answers(200)]);
            let request = Request { tls: with_certificate(), ..with_token(get(URL)) };
            script.client().fetch(&request, LIMIT).expect("an answer");
            let proves = |request: &Request| (request.credentials.is_some(), request.tls.certificate().is_some());
            let sent: Vec<(bool, bool)> = script.requests().iter().map(proves).collect();
            assert_eq!(sent, [(true, true), (kept, kept)], "{location}");
        }
        let script = Script::new([redirects(302, "https://gitlab.example.com/"), answers(200)]);
        script.client().fetch(&with_token(get("http://gitlab.example.com/")), LIMIT).expect("an answer");
        assert!(script.requests()[1].credentials.is_none(), "another scheme is another server");
    }

    #[test]
    fn credentials_are_not_sent_again_by_way_of_another_server_but_by_the_next_attempt() {
        let away_and_back = [redirects(302, "https://cdn.example.com/"), redirects(302, URL), answers(503)];
        let script = Script::new(away_and_back.into_iter().chain([answers(200)]));
        script.client().fetch(&with_token(get(URL)), LIMIT).expect("an answer");
        let sent: Vec<bool> = script.requests().iter().map(|request| request.credentials.is_some()).collect();
        assert_eq!(sent, [true, false, false, true]);
        assert_eq!(script.urls(), [URL, "https://cdn.example.com/", URL, URL]);
    }

    #[test]
    fn a_redirect_that_gives_something_away_or_leads_nowhere_is_refused() {
        for (url, location, told) in [
            (URL, "http://gitlab.example.com/", "to http://gitlab.example.com/, which is not followed"),
            (URL, "ftp://gitlab.example.com/", "which is not followed"),
            (URL, "file:///etc/passwd", "to file:///etc/passwd, which is not followed"),
            ("http://gitlab.example.com/", "javascript:1", "which is not followed"),
            (URL, "https://", "to no URL"),
            (URL, "https://[::1", "to no URL"),
        ] {
            let script = Script::new([redirects(302, location)]);
            let error = script.client().fetch(&get(url), LIMIT).map(|answer| answer.status).expect_err(location);
            assert!(error.to_string().starts_with(&format!("{url} redirects to ")), "{error}");
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!(script.requests().len(), 1);
        }
    }

    #[test]
    fn a_redirect_of_what_changes_something_is_refused_with_the_url_to_use() {
        for method in [Method::Post, Method::Put, Method::Delete] {
            let script = Script::new([redirects(301, "https://new.example.com/api")]);
            let request = Request { method, ..with_token(get(URL)) };
            let error = script.client().fetch(&request, LIMIT).map(|answer| answer.status).expect_err("a redirect");
            let told = format!("{URL} redirects to https://new.example.com/api; use that URL in its place");
            assert_eq!(error.to_string(), told);
            assert_eq!(script.requests().len(), 1);
        }
    }

    #[test]
    fn ten_redirects_are_followed_and_no_more() {
        let script = Script::new(vec![redirects(302, URL); 10].into_iter().chain([answers(200)]));
        assert_eq!(script.client().fetch(&get(URL), LIMIT).expect("an answer").status, 200);

        let script = Script::new(vec![redirects(302, URL); 11]);
        let error = script.client().fetch(&get(URL), LIMIT).map(|answer| answer.status).expect_err("a loop");
        assert_eq!(error.to_string(), format!("{URL} redirects more than 10 times"));
    }

    #[test]
    fn no_message_holds_a_user_a_password_or_a_query() {
        let secret = "https://us3r:p4ss@example.com/file?t0ken=1";
        let post = Request { method: Method::Post, ..get(secret) };
        for (request, script) in [
            (get(secret), vec![breaks(io::ErrorKind::Unsupported)]),
            (get(secret), vec![answers(200).with("content-length", "9").body("cut"); MAX_ATTEMPTS]),
            (get(secret), vec![answers(200).body("x".repeat(101))]),
            (get(secret), vec![redirects(302, secret); 11]),
            (get(secret), vec![redirects(302, "http://us3r:p4ss@example.com/?t0ken=1")]),
            (get(secret), vec![redirects(302, "ftp://us3r:p4ss@example.com/?t0ken=1")]),
            (get(secret), vec![redirects(302, "https://us3r:p4ss@[?t0ken=1")]),
            (post, vec![redirects(302, secret)]),
        ] {
            let script = Script::new(script);
            let error = script.client().fetch(&request, LIMIT).map(|answer| answer.status).expect_err("an error");
            let messages = format!("{error} {error:?}");
            assert!(messages.contains("https://example.com/file"), "{messages}");
            for part in ["us3r", "p4ss", "t0ken"] {
                assert!(!messages.contains(part), "{messages}");
            }
        }
    }

    #[test]
    fn callers_wait_longer_with_each_attempt_and_never_not_at_all() {
        let script = Script::new([]);
        for attempt in 1..=12 {
            script.client().wait(attempt);
        }
        let waits = script.waits();
        assert_eq!(waits.len(), 12);
        for (wait, shortest) in waits.iter().zip([500, 1000, 2000, 4000, 8000, 8000, 8000, 8000]) {
            let shortest = Duration::from_millis(shortest);
            assert!((shortest..=shortest * 2).contains(wait), "{waits:?}");
        }
    }
}
