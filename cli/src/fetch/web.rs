//! A repository on a web server.

use std::rc::Rc;

use ami_scheduler::redacted::{RedactedUrl, remove_credentials};
use ami_scheduler::repository::{index, is_below};
use url::Url;

use super::error::FetchError;
use super::location::Location;
use super::source::{Absence, Fetched, Freshness, Index, OpenFile, Source};
use crate::http::{Answer, Client, Method, Request, Response, Tls, basic_auth, wants_client_certificate, wrong_port};

/// The most bytes that are read of the page of a refusal.
const MAX_REFUSAL: u64 = 16 << 10;

pub struct WebServer {
    /// As it was given.
    given: Url,
    base: Url,
    location: Location,
    /// For the server of `base`, in the form of a header's value.
    credentials: Option<String>,
    /// For the server of `base`.
    tls: Tls,
    client: Rc<Client>,
    has_fall_back: bool,
}

impl WebServer {
    /// `given` is without credentials.
    pub fn new(given: Url, credentials: Option<String>, tls: Tls, client: Rc<Client>) -> Self {
        let mut base = given.clone();
        base.set_query(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // With a query it may be the URL of a list.
        let location = Location::from(if given.query().is_none() { &base } else { &given });
        Self { location, given, base, credentials, tls, client, has_fall_back: false }
    }

    /// The same, as one of several places of a repository.
    pub fn with_fall_back(self) -> Self {
        Self { has_fall_back: true, ..self }
    }

    /// A mirror, which has credentials in its own URL, or none.
    pub fn mirror(base: &Url, tls: Tls, client: Rc<Client>, has_fall_back: bool) -> Self {
        let credentials = basic_auth(base);
        let mut base = base.clone();
        remove_credentials(&mut base);
        Self { has_fall_back, ..Self::new(base, credentials, tls, client) }
    }

    fn page(&self, url: &Url) -> Result<Fetched<Index>, FetchError> {
        let answer = self.client.fetch(&self.request(url, Freshness::Current), index::MAX_SIZE)?;
        match answer.status {
            200 => {
                let Answer { body: content, url, .. } = answer;
                Ok(Fetched::Found(Index::Page { content, url }))
            }
            _ => self.absent(&answer),
        }
    }

    fn request(&self, url: &Url, freshness: Freshness) -> Request {
        let credentials = self.credentials_for(url).map(|value| ("authorization", value.clone()));
        let (tls, is_fresh) = (self.tls_for(url), freshness == Freshness::Current);
        let request = Request { credentials, tls, is_fresh, ..Request::new(Method::Get, url.clone()) };
        if self.has_fall_back { Request { attempts: 1, ..request } } else { request }
    }

    /// The URL of a file with the repository's own query, unless the file is elsewhere or has one.
    fn with_query(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if url.query().is_none() && is_below(&url, &self.base) {
            url.set_query(self.query());
        }
        url
    }

    /// What an answer that is no success means.
    fn absent<T>(&self, answer: &Answer) -> Result<Fetched<T>, FetchError> {
        let Answer { status, url, body, .. } = answer;
        let page = String::from_utf8_lossy(body);
        match (status, self.told_by(&page, url, *status)) {
            (404, _) => Ok(Fetched::Absent(Absence::Missing)),
            (403, None) => Ok(Fetched::Absent(Absence::Forbidden(self.refusal(url, 403, None)))),
            (_, told) => Err(self.refusal(url, *status, told)),
        }
    }

    /// What to do, where the page of a refusal says what is the matter.
    fn told_by(&self, page: &str, url: &Url, status: u16) -> Option<String> {
        let certificate = wants_client_certificate(status, page).then(|| self.tls_for(url).refusal(""));
        certificate.or_else(|| wrong_port(url, status, page).map(str::to_owned))
    }

    /// Credentials are for the repository's own server alone.
    fn credentials_for(&self, url: &Url) -> Option<&String> {
        self.credentials.as_ref().filter(|_| url.origin() == self.base.origin())
    }

    fn tls_for(&self, url: &Url) -> Tls {
        if url.origin() == self.base.origin() { self.tls.clone() } else { self.tls.elsewhere() }
    }

    /// The error for an answer that is no success, with advice.
    fn refusal(&self, url: &Url, status: u16, told: Option<String>) -> FetchError {
        let advice = told.unwrap_or_else(|| self.advice(url, status).to_owned());
        FetchError::Refused { url: RedactedUrl::from(url), status, advice }
    }

    fn advice(&self, url: &Url, status: u16) -> &'static str {
        match status {
            401 if self.credentials.is_none() => {
                "it wants a user and password: the variables AMI_SCHEDULER_REPO_USER and AMI_SCHEDULER_REPO_PASSWORD, or \
                 USER:PASSWORD@ before the host in the URL"
            }
            401 if url.origin() == self.base.origin() => "it does not accept the user and password that it is given",
            401 => {
                "the repository redirects to this server, which is given no user and password: give the URL of this \
                 server in place of the repository's, with a user and password for it"
            }
            403 => {
                "access is forbidden, or there is no such file, for which buckets answer 403, too: is the URL right? Is \
                 the user allowed to read it, and this machine's address?"
            }
            429 | 500.. => "the server is overloaded, or out of order: run the job again later",
            _ => "this was not expected; is the URL right?",
        }
    }
}

impl Source for WebServer {
    fn location(&self) -> &Location {
        &self.location
    }

    fn base(&self) -> &Url {
        &self.base
    }

    fn cache_key(&self) -> Option<&Url> {
        // Behind a folder a query is a token, which may be another one each night.
        Some(if self.given.path().ends_with('/') { &self.base } else { &self.given })
    }

    fn open(&self, url: &Url, freshness: Freshness) -> Result<Fetched<OpenFile>, FetchError> {
        let response = self.client.open(&self.request(&self.with_query(url), freshness))?;
        match response.status {
            200 => {
                let Response { body, url, .. } = response;
                Ok(Fetched::Found(OpenFile { body, location: Location::from(&url) }))
            }
            status => {
                let nothing = Answer { status, headers: Vec::new(), body: Vec::new(), url: response.url.clone() };
                // Without its page a refusal is still one.
                self.absent(&response.read_to(MAX_REFUSAL).unwrap_or(nothing))
            }
        }
    }

    fn index(&self) -> Result<Fetched<Index>, FetchError> {
        if self.query().is_some() {
            return self.page(&self.given);
        }
        match self.page(&self.base)? {
            // The URL of a file, such as a list of mirrors, does not end with a slash.
            Fetched::Absent(_) if self.given != self.base => self.page(&self.given),
            fetched => Ok(fetched),
        }
    }

    fn index_at(&self, url: &Url) -> Result<Fetched<Index>, FetchError> {
        self.page(&self.with_query(url))
    }

    fn mirror(&self, base: &Url, has_fall_back: bool) -> Box<dyn Source> {
        // A list that came by http may be anybody's: it names nobody who is shown a certificate.
        let tls = if self.base.scheme() == "https" { self.tls.clone() } else { self.tls_for(base) };
        let mut mirror = Self::mirror(base, tls, Rc::clone(&self.client), has_fall_back);
        mirror.credentials = mirror.credentials.or_else(|| self.credentials_for(base).cloned());
        Box::new(mirror)
    }

    fn public_url(&self, url: String) -> String {
        url
    }

    fn query(&self) -> Option<&str> {
        self.given.query()
    }

    fn wait(&self, attempt: u32) {
        self.client.wait(attempt);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::fetch::repo_url::RepoUrl;
    use crate::http::scripted::{Script, ScriptedAnswer, answers, with_certificate};

    fn web(repo_url: &str, script: &Script) -> Box<dyn Source> {
        source(repo_url, Tls::default(), script)
    }

    fn source(repo_url: &str, tls: Tls, script: &Script) -> Box<dyn Source> {
        repo_url.parse::<RepoUrl>().expect(repo_url).source(tls, Rc::new(script.client()))
    }

    fn url(text: &str) -> Url {
        text.parse().expect(text)
    }

    fn open_repomd(source: &dyn Source) -> Result<Fetched<OpenFile>, FetchError> {
        source.open(&source.base().join("repodata/repomd.xml").expect("a URL"), Freshness::Current)
    }

    #[test]
    fn a_repository_is_a_folder_with_or_without_a_slash_at_its_end() {
        for (repo_url, base) in [
            ("https://yum.example.com/el9", "https://yum.example.com/el9/"),
            ("https://yum.example.com/el9/", "https://yum.example.com/el9/"),
            ("http://yum.example.com", "http://yum.example.com/"),
            ("HTTPS://YUM.example.com:443/El9", "https://yum.example.com/El9/"),
            ("https://yum.example.com/a%20b", "https://yum.example.com/a%20b/"),
            ("https://u:p4ss@yum.example.com/el9", "https://yum.example.com/el9/"),
        ] {
            let script = Script::new([answers(200).body("<repomd>")]);
            let source = web(repo_url, &script);
            assert_eq!((source.base().as_str(), source.location().to_string().as_str()), (base, base));
            let Fetched::Found(mut file) = open_repomd(&*source).expect("an answer") else { panic!("a file") };
            let mut text = String::new();
            file.body.read_to_string(&mut text).expect("text");
            assert_eq!(text, "<repomd>");
            assert_eq!(script.urls(), [format!("{base}repodata/repomd.xml")]);
        }
    }

    #[test]
    fn credentials_are_sent_to_the_server_of_the_repository_alone() {
        for (file, sent) in [
            ("https://yum.example.com/el9/repodata/primary.xml.gz", true),
            ("https://yum.example.com/other/primary.xml.gz", true),
            ("https://cdn.example.com/el9/repodata/primary.xml.gz", false),
            ("https://yum.example.com:8443/el9/repodata/primary.xml.gz", false),
            ("http://yum.example.com/el9/repodata/primary.xml.gz", false),
        ] {
            let script = Script::new([answers(200)]);
            web("https://u:p4ss@yum.example.com/el9", &script)
                .open(&url(file), Freshness::Any)
                .map(drop)
                .expect("an answer");
            let expected = sent.then(|| ("authorization", "Basic dTpwNHNz".to_owned()));
            assert_eq!(script.requests()[0].credentials, expected, "{file}");
        }
        let script = Script::new([answers(200)]);
        web("https://u:p4ss@yum.example.com/el9", &script).index().expect("an answer");
        assert!(script.requests()[0].credentials.is_some());
    }

    #[test]
    fn a_missing_file_is_none_and_any_other_answer_an_error_that_says_what_to_do() {
        let open = |said: ScriptedAnswer| {
            open_repomd(&*web("https://yum.example.com/", &Script::new(vec![said; 6]))).map(|_| ())
        };
        let script = Script::new([answers(404)]);
        let missing = open_repomd(&*web("https://yum.example.com/", &script)).expect("an answer");
        assert!(matches!(missing, Fetched::Absent(Absence::Missing)));
        for (status, told) in [
            (401, "it wants a user and password"),
            (410, "this was not expected"),
            (429, "run the job again"),
            (503, "run the job again"),
        ] {
            let error = open(answers(status)).expect_err("an error").to_string();
            let begin = format!("https://yum.example.com/repodata/repomd.xml answers {status}: ");
            assert!(error.starts_with(&begin) && error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_refusal_for_the_wrong_scheme_says_so() {
        let script = Script::new([answers(400).body("400 The plain HTTP request was sent to HTTPS port")]);
        let error = open_repomd(&*web("http://yum.example.com:443/", &script)).map(drop).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "http://yum.example.com:443/repodata/repomd.xml answers 400: the server speaks TLS there: is it an https:// URL?"
        );
    }

    #[test]
    fn a_refusal_for_a_client_certificate_says_what_to_do() {
        let elsewhere = || answers(302).with("location", "https://cdn.example.com/repomd.xml");
        let wanted = || answers(400).body("400 No required SSL certificate was sent");
        for (tls, said, told) in [
            (Tls::default(), vec![wanted()], "it wants a client certificate, and is shown none: list takes one"),
            (Tls::default(), vec![elsewhere(), wanted()], "it wants a client certificate, and is shown none"),
            (
                with_certificate(),
                vec![elsewhere(), wanted()],
                "it wants a client certificate, and the one that is given is shown to the repository's own server and its",
            ),
            (
                with_certificate(),
                vec![answers(400).body("400 The SSL certificate error")],
                "it refuses the client certificate in --client-cert c.pem (issued by CN=Acme Clients): ask",
            ),
        ] {
            let script = Script::new(said);
            let error = open_repomd(&*source("https://yum.example.com/", tls, &script)).map(drop).expect_err(told);
            assert!(error.to_string().contains(&format!(" answers 400: {told}")), "{error}");
        }
    }

    #[test]
    fn a_client_certificate_is_shown_to_the_repositorys_own_server_and_its_https_mirrors_alone() {
        const CDN: &str = "https://cdn.example.com/el9/repodata/repomd.xml";
        for (repo_url, file, is_shown) in [
            ("https://yum.example.com/el9", "https://yum.example.com/el9/repodata/repomd.xml", true),
            ("https://yum.example.com/el9", "https://yum.example.com/other/primary.xml.gz", true),
            ("https://yum.example.com/el9", "https://yum.example.com:8443/el9/repodata/repomd.xml", false),
            ("https://yum.example.com/el9", CDN, false),
            ("http://yum.example.com/el9", CDN, false),
        ] {
            let script = Script::new([answers(404)]);
            source(repo_url, with_certificate(), &script)
                .open(&url(file), Freshness::Any)
                .map(drop)
                .expect("an answer");
            assert_eq!(script.requests()[0].tls.certificate().is_some(), is_shown, "{file}");
        }
        for (list, mirror, is_shown) in [
            ("https://yum.example.com/mirrorlist?repo=el9", "https://cdn.example.com/el9/", true),
            ("http://yum.example.com/mirrorlist?repo=el9", "https://cdn.example.com/el9/", false),
            ("file:mirrorlist", "https://cdn.example.com/el9/", true),
        ] {
            let script = Script::new([answers(302).with("location", "https://other.example.com/el9/"), answers(404)]);
            let mirror = source(list, with_certificate(), &script).mirror(&url(mirror), true);
            open_repomd(&*mirror).map(drop).expect("an answer");
            let shown: Vec<bool> =
                script.requests().iter().map(|request| request.tls.certificate().is_some()).collect();
            assert_eq!(shown, [is_shown, false], "{list}");
        }
    }

    #[test]
    fn a_mirror_has_the_credentials_of_its_list_on_the_same_server_alone() {
        for (mirror, sent) in [
            ("https://yum.example.com/mirror/", Some("Basic dTpwNHNz")),
            ("https://a:b@mirror.example.com/", Some("Basic YTpi")),
            ("https://mirror.example.com/", None),
            ("http://yum.example.com/mirror/", None),
        ] {
            let script = Script::new([answers(404)]);
            let list = web("https://u:p4ss@yum.example.com/mirrorlist?repo=el9", &script);
            open_repomd(&*list.mirror(&url(mirror), true)).map(drop).expect("an answer");
            let request = &script.requests()[0];
            assert_eq!(request.credentials, sent.map(|sent| ("authorization", sent.to_owned())), "{mirror}");
            assert_eq!((request.attempts, request.url.username()), (1, ""));
        }
    }

    #[test]
    fn a_list_of_mirrors_is_fetched_by_the_url_that_was_given() {
        let asked = |repo_url: &str, statuses: &[u16]| {
            let script = Script::new(statuses.iter().map(|status| answers(*status)));
            web(repo_url, &script).index().expect("an answer");
            script.urls()
        };
        let list = "https://yum.example.com/list?repo=el9&arch=x86_64";
        assert_eq!(asked(list, &[200]), [list]);
        let file = "https://yum.example.com/list.txt";
        assert_eq!(asked(file, &[404, 200]), [&format!("{file}/"), file]);
        assert_eq!(asked("https://yum.example.com/el9/", &[404]), ["https://yum.example.com/el9/"]);
        let source = |repo_url| web(repo_url, &Script::new([]));
        assert_eq!((source(list).query(), source(file).query()), (Some("repo=el9&arch=x86_64"), None));
        assert_eq!(source(list).location().to_string(), "https://yum.example.com/list");
    }

    #[test]
    fn a_token_goes_with_every_file_below_the_repository_however_its_path_is_spelled() {
        for (file, asked) in [
            ("https://yum.example.com/el+9/repodata/x.xml", "https://yum.example.com/el+9/repodata/x.xml?sig=1"),
            ("https://yum.example.com/el%2B9/x.xml", "https://yum.example.com/el%2B9/x.xml?sig=1"),
            ("https://yum.example.com/el+9/x.xml?own=2", "https://yum.example.com/el+9/x.xml?own=2"),
            ("https://yum.example.com/other/x.xml", "https://yum.example.com/other/x.xml"),
            ("https://cdn.example.com/el+9/x.xml", "https://cdn.example.com/el+9/x.xml"),
        ] {
            let script = Script::new([answers(200)]);
            let source = web("https://yum.example.com/el+9?sig=1", &script);
            source.open(&url(file), Freshness::Any).map(drop).expect("an answer");
            assert_eq!(script.urls(), [asked]);
        }
    }

    #[test]
    fn a_repository_is_known_from_night_to_night_whatever_its_token_is() {
        let key = |repo_url: &str| web(repo_url, &Script::new([])).cache_key().cloned();
        assert_eq!(key("https://yum.example.com/el9/?sig=1"), key("https://yum.example.com/el9/?sig=2"));
        assert_ne!(key("https://yum.example.com/list?repo=el8"), key("https://yum.example.com/list?repo=el9"));
    }

    #[test]
    fn a_password_is_asked_for_where_it_belongs() {
        let elsewhere = answers(301).with("location", "https://new.example.com/yum/");
        for (repo_url, answers, told) in [
            (
                "https://yum.example.com/",
                vec![answers(401)],
                "https://yum.example.com/repodata/repomd.xml answers 401: it wants",
            ),
            (
                "https://u:p4ss@yum.example.com/",
                vec![answers(401)],
                "does not accept the user and password that it is given",
            ),
            (
                "https://u:p4ss@yum.example.com/",
                vec![elsewhere, answers(401)],
                "the repository redirects to this server",
            ),
        ] {
            let error = open_repomd(&*web(repo_url, &Script::new(answers))).map(drop).expect_err(repo_url);
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn an_index_belongs_to_the_url_that_a_redirect_leads_to() {
        let moved = answers(301).with("location", "https://new.example.com/yum/");
        let script = Script::new([moved, answers(200).body("<a href=x>")]);
        let Fetched::Found(Index::Page { content, url, .. }) =
            web("https://yum.example.com/", &script).index().expect("an answer")
        else {
            panic!("a page")
        };
        assert_eq!((content.as_slice(), url.as_str()), (&b"<a href=x>"[..], "https://new.example.com/yum/"));
    }

    #[test]
    fn an_index_that_is_refused_is_an_error_without_secrets() {
        for (status, told) in [(410, "is the URL right?"), (401, "it does not accept the user and password")] {
            let script = Script::new([answers(status)]);
            let source = web("https://us3r:p4ss@yum.example.com/", &script);
            let error = source.index().map(drop).expect_err("an error").to_string();
            assert!(error.starts_with("https://yum.example.com/ ") && error.contains(told), "{error}");
            assert!(["us3r", "p4ss"].iter().all(|secret| !error.contains(secret)), "{error}");
        }
    }
}
