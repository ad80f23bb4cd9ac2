//! A store in a GitLab project's Secure Files.
//!
//! <https://docs.gitlab.com/api/secure_files/>: list, download, create, delete; at most 100 files a
//! project and less than 5 MiB a file; no update, no lock. Names are unique by a check of the
//! application alone, so two uploads of one name can both succeed.

use std::collections::BTreeMap;
use std::rc::Rc;

use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile, Uploaded};
use ami_scheduler::tracker::{HeadName, MAX_HEAD};
use serde::Deserialize;

use crate::clock::Clock;
use crate::gitlab::{Project, is_maintained};
use crate::http::{Answer, Client, Method, Request};

/// The most bytes of a listing: 100 entries have some 30 kB.
const MAX_LISTING: u64 = 4 << 20;
/// The most files that GitLab puts on one page.
const PAGE: usize = 100;
/// How often a listing of several pages is read that changes meanwhile.
const MAX_LISTINGS: u32 = 6;
/// How often a write is tried while GitLab takes none, since it is being maintained.
const MAX_WRITES: u32 = 6;

pub struct SecureFiles {
    project: Project,
    client: Client,
    clock: Rc<Clock>,
}

#[derive(Deserialize)]
struct Entity {
    id: u64,
    name: String,
    checksum: Option<String>,
    checksum_algorithm: Option<String>,
}

impl SecureFiles {
    pub fn new(project: Project, client: Client, clock: Rc<Clock>) -> Self {
        Self { project, client, clock }
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, StoreError> {
        Ok(self.project.request(method, &format!("secure_files{path}"))?)
    }

    /// Writes; waits a while where GitLab says that it takes no writes now.
    fn write(&self, request: &Request) -> Result<Answer, StoreError> {
        let mut attempt = 1;
        loop {
            let answer = self.client.fetch(request, MAX_LISTING)?;
            if !is_maintained(&answer) || attempt == MAX_WRITES {
                return Ok(answer);
            }
            self.wait(attempt);
            attempt += 1;
        }
    }

    /// One page of the listing, and how many files there are on all pages.
    fn page(&self, number: u32) -> Result<(Vec<Entity>, Option<usize>), StoreError> {
        let request = self.request(Method::Get, &format!("?per_page={PAGE}&page={number}"))?;
        let answer = self.client.fetch(&request, MAX_LISTING)?;
        if let Some(date) = answer.header("date") {
            self.clock.set(date);
        }
        if answer.status != 200 {
            return Err(self.refusal("list the project's Secure Files", &answer));
        }
        let entities = serde_json::from_slice(&answer.body).map_err(|error| {
            format!(
                "GitLab's list of files is not the JSON that was expected ({error}); {} [{}]",
                self.project.is_this_the_api(),
                answer.excerpt()
            )
        })?;
        Ok((entities, answer.header("x-total").and_then(|total| total.parse().ok())))
    }

    /// Every file. One page of 100 is a snapshot and holds what a project may have by default; where
    /// an instance allows more, pages are read until all of them belong to one listing.
    fn listing(&self) -> Result<Vec<Entity>, StoreError> {
        for attempt in 1..=MAX_LISTINGS {
            if attempt > 1 {
                self.wait(attempt - 1);
            }
            let (first, total) = self.page(1)?;
            let Some(total) = total.filter(|total| *total > first.len()) else { return Ok(first) };
            let mut files: BTreeMap<u64, Entity> = first.into_iter().map(|entity| (entity.id, entity)).collect();
            let mut one_listing = true;
            for number in 2..=total.div_ceil(PAGE) {
                let (page, total_now) = self.page(u32::try_from(number)?)?;
                one_listing &= total_now == Some(total);
                if page.is_empty() {
                    break; // whatever the total says
                }
                files.extend(page.into_iter().map(|entity| (entity.id, entity)));
            }
            if one_listing && files.len() == total {
                return Ok(files.into_values().collect());
            }
        }
        Err(format!("the list of files changed each of {MAX_LISTINGS} times while it was read; run the job again")
            .into())
    }

    /// What is said of a project that may have no more files, with a count of whose they are.
    fn full(&self, answer: &Answer) -> StoreError {
        let counts = self.listing().map(|files| {
            let heads = files.iter().filter(|file| HeadName::parse(&file.name).is_some()).count();
            format!(" It has {}: {heads} are heads of trackers, {} are other files.", files.len(), files.len() - heads)
        });
        format!(
            "the project has as many Secure Files as it may.{} Those that nothing needs can be deleted in Settings > \
             CI/CD > Secure files; the trackers of branches that are gone are among them (`status` shows each tracker's \
             ref) [GitLab answered {}: {}]",
            counts.unwrap_or_default(),
            answer.status,
            answer.excerpt()
        )
        .into()
    }

    /// The error for an answer that is no success, with advice.
    fn refusal(&self, doing: &str, answer: &Answer) -> StoreError {
        let (token, whose) = self.project.token.in_words();
        let excerpt = answer.excerpt();
        let reads = doing.starts_with("list") || doing.starts_with("read");
        let scope = if reads { "read_api or api" } else { "api" };
        let advice = self.project.advice(doing, scope, answer).unwrap_or_else(|| match answer.status {
            403 if excerpt.contains("admin_secure_files") => {
                format!(
                    "{token} lacks the permission ADMIN_SECURE_FILES: in Settings > CI/CD > Job token permissions, give it to this project's entry"
                )
            }
            403 if reads => format!(
                "{token} may not {doing}: {whose} has to be a member of the project with the role Developer at least"
            ),
            403 => format!(
                "{token} may not {doing}: {whose} has to be a Maintainer of the project. Have a Maintainer take \
                 ownership of the schedule, or set the masked variable AMI_SCHEDULER_TOKEN to a project access token \
                 with the role Maintainer and the scope api"
            ),
            413 => {
                "the tracker is larger than GitLab, or a proxy before it, takes: have that limit raised, or begin a \
                    new tracker, under another --ref"
                    .to_owned()
            }
            _ => self.project.unexpected(),
        });
        format!("{advice} [GitLab answered {}: {excerpt}]", answer.status).into()
    }
}

impl Store for SecureFiles {
    fn list(&self) -> Result<Vec<StoredFile>, StoreError> {
        let files = self.listing()?.into_iter().map(|entity| {
            let is_sha256 = entity.checksum_algorithm.as_deref() == Some("sha256");
            StoredFile { id: entity.id, name: entity.name, sha256: entity.checksum.filter(|_| is_sha256) }
        });
        Ok(files.collect())
    }

    fn download(&self, file: &StoredFile) -> Result<Option<Vec<u8>>, StoreError> {
        let request = self.request(Method::Get, &format!("/{}/download", file.id))?;
        let answer = self.client.fetch(&request, MAX_HEAD as u64)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(self.refusal("read its Secure Files", &answer)),
        }
    }

    fn upload(&self, name: &str, content: &[u8]) -> Result<Uploaded, StoreError> {
        let mut request = self.request(Method::Post, "")?;
        request.body = Some(form(name, content));
        let answer = self.write(&request)?;
        match answer.status {
            201 => Ok(Uploaded::Stored),
            // Heads are named by their content: it is there already, from this call or another's.
            400 if answer.excerpt().contains("has already been taken") => Ok(Uploaded::Stored),
            400 if answer.excerpt().contains("Maximum number") => Ok(Uploaded::NoRoom(self.full(&answer))),
            _ => Err(self.refusal("add Secure Files", &answer)),
        }
    }

    fn delete(&self, file: &StoredFile) -> Result<(), StoreError> {
        let request = self.request(Method::Delete, &format!("/{}", file.id))?;
        let answer = self.write(&request)?;
        match answer.status {
            200..=299 | 404 => Ok(()),
            _ => Err(self.refusal("delete Secure Files", &answer)),
        }
    }

    fn wait(&self, attempt: u32) {
        self.client.wait(attempt);
    }

    fn place(&self) -> String {
        format!("the Secure Files of project {}", self.project.id)
    }
}

/// `multipart/form-data` (RFC 7578) with the two fields that GitLab asks for. The boundary can't
/// occur in a JSON document, which has no line that begins with it.
fn form(name: &str, content: &[u8]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "----ami-scheduler-7c1f4f0b5a";
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{name}\r\n\
         --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

#[cfg(test)]
mod tests {
    use ami_scheduler::tracker::TrackerName;

    use super::*;
    use crate::gitlab::Token;
    use crate::http::scripted::{Script, ScriptedAnswer, answers, breaks};

    fn clock() -> Rc<Clock> {
        Rc::new(Clock::new(None))
    }

    fn store(script: &Script) -> SecureFiles {
        store_with(Token::Job("s3cret".to_owned()), script)
    }

    fn store_with(token: Token, script: &Script) -> SecureFiles {
        let api = "https://gitlab.example.com/api/v4/".parse().expect("a URL");
        SecureFiles::new(Project { api, id: "42".to_owned(), token }, script.client(), clock())
    }

    const FILES: &str = "https://gitlab.example.com/api/v4/projects/42/secure_files";

    fn file(id: u64) -> StoredFile {
        StoredFile { id, name: format!("file-{id}"), sha256: None }
    }

    /// A page of the listing with files of these ids.
    fn page(ids: impl IntoIterator<Item = u64>) -> ScriptedAnswer {
        let files: Vec<_> =
            ids.into_iter().map(|id| serde_json::json!({"id": id, "name": format!("file-{id}")})).collect();
        answers(200).body(serde_json::Value::from(files).to_string())
    }

    fn page_of(ids: impl IntoIterator<Item = u64>, total: usize) -> ScriptedAnswer {
        page(ids).with("x-total", &total.to_string())
    }

    fn ids(files: &[StoredFile]) -> Vec<u64> {
        files.iter().map(|file| file.id).collect()
    }

    fn pages(script: &Script) -> Vec<String> {
        script.urls().iter().map(|url| url.replace(&format!("{FILES}?per_page=100&page="), "")).collect()
    }

    // ------------------------------------------------------------ listing

    #[test]
    fn one_page_is_a_whole_listing() {
        for answer in [page([3, 1, 2]), page_of([3, 1, 2], 3), page([3, 1, 2]).with("x-total", "many")] {
            let script = Script::new([answer]);
            assert_eq!(ids(&store(&script).list().expect("a listing")), [3, 1, 2]);
            assert_eq!(script.urls(), [format!("{FILES}?per_page=100&page=1")]);
        }
        assert!(store(&Script::new([page([])])).list().expect("a listing").is_empty());
    }

    #[test]
    fn only_a_sha256_is_taken_for_one() {
        let listing = r#"[{"id": 1, "name": "a", "checksum": "aa", "checksum_algorithm": "sha256", "expires_at": null},
            {"id": 2, "name": "b", "checksum": "bb", "checksum_algorithm": "sha512"},
            {"id": 3, "name": "c", "checksum": "cc", "checksum_algorithm": null},
            {"id": 4, "name": "d", "checksum": null, "checksum_algorithm": "sha256"},
            {"id": 5, "name": "e"}]"#;
        let files = store(&Script::new([answers(200).body(listing)])).list().expect("a listing");
        let sha256: Vec<Option<&str>> = files.iter().map(|file| file.sha256.as_deref()).collect();
        assert_eq!(sha256, [Some("aa"), None, None, None, None]);
    }

    #[test]
    fn a_listing_of_several_pages_is_read_to_its_end() {
        let script = Script::new([page_of(1..=100, 250), page_of(101..=200, 250), page_of(201..=250, 250)]);
        let files = store(&script).list().expect("a listing");
        assert_eq!(ids(&files), (1..=250).collect::<Vec<_>>());
        assert_eq!((pages(&script), script.waits().len()), (vec!["1".to_owned(), "2".to_owned(), "3".to_owned()], 0));
    }

    #[test]
    fn a_listing_that_changes_while_it_is_read_is_read_again() {
        for changed in [
            // A file was added, or deleted: the total is another.
            [page_of(1..=100, 102), page_of(101..=103, 103)],
            [page_of(1..=100, 102), page_of(102..=102, 101)],
            // One was deleted and one added: a file is on both pages, or on neither.
            [page_of(1..=100, 102), page_of([100, 101], 102)],
            // As many files as there were, but there are more by now.
            [page_of(1..=100, 101), page_of([101], 102)],
            // The last page was empty by then.
            [page_of(1..=100, 102), page_of([], 102)],
        ] {
            let script = Script::new(changed.into_iter().chain([page_of(1..=100, 101), page_of([101], 101)]));
            assert_eq!(store(&script).list().expect("a listing").len(), 101);
            assert_eq!((pages(&script).len(), script.waits().len()), (4, 1));
        }
    }

    #[test]
    fn a_listing_that_keeps_changing_is_an_error_and_not_a_part_of_it() {
        let changing = [page_of(1..=100, 102), page_of([101], 101)];
        let script = Script::new(changing.into_iter().cycle().take(12));
        let error = store(&script).list().expect_err("never one listing").to_string();
        assert_eq!(error, "the list of files changed each of 6 times while it was read; run the job again");
        assert_eq!(script.waits().len(), 5);
    }

    #[test]
    fn a_listing_that_is_not_gitlabs_is_an_error_with_its_beginning() {
        for body in ["<html>Sign in</html>", "{}", "[{\"id\": 1}]", ""] {
            let error = store(&Script::new([answers(200).body(body)])).list().expect_err(body).to_string();
            assert!(error.starts_with("GitLab's list of files is not the JSON that was expected"), "{error}");
            assert!(error.ends_with(&format!("[{body}]")), "{error}");
        }
    }

    #[test]
    fn a_listing_that_is_too_long_is_refused() {
        let error = store(&Script::new([answers(200).body(vec![b' '; (4 << 20) + 1])])).list().expect_err("too long");
        assert!(error.to_string().contains("answers with more than 4194304 bytes"), "{error}");
    }

    // ------------------------------------------------------------ one file

    #[test]
    fn a_file_is_downloaded_by_its_id_and_a_deleted_one_is_none() {
        let script = Script::new([answers(200).body(b"{\"a\": \xff}"), answers(404)]);
        let store = store(&script);
        assert_eq!(store.download(&file(7)).expect("read"), Some(b"{\"a\": \xff}".to_vec()));
        assert_eq!(store.download(&file(7)).expect("gone"), None);
        assert_eq!(script.urls(), [format!("{FILES}/7/download"), format!("{FILES}/7/download")]);
    }

    #[test]
    fn a_download_that_fails_is_an_error_and_not_a_deleted_file() {
        for status in [204, 400, 401, 403, 500] {
            let script = Script::new(vec![answers(status); 6]);
            let error = store(&script).download(&file(7)).expect_err("an error").to_string();
            assert!(error.contains(&format!("[GitLab answered {status}: ")), "{error}");
        }
        let broken = Script::new(vec![breaks(std::io::ErrorKind::ConnectionReset); 6]);
        store(&broken).download(&file(7)).expect_err("no connection");
    }

    #[test]
    fn a_deleted_file_is_deleted_whoever_did_it() {
        for status in [200, 204, 404] {
            let script = Script::new([answers(status)]);
            store(&script).delete(&file(7)).expect("deleted");
            assert_eq!((script.urls(), script.requests()[0].method), (vec![format!("{FILES}/7")], Method::Delete));
        }
        for status in [403, 409] {
            store(&Script::new([answers(status)])).delete(&file(7)).expect_err("not deleted");
        }
    }

    #[test]
    fn an_upload_is_a_form_with_a_name_and_a_file() {
        let script = Script::new([answers(201)]);
        store(&script).upload("head.json", b"{}\n").expect("stored");
        let request = &script.requests()[0];
        assert_eq!((request.method, request.url.as_str()), (Method::Post, FILES));
        assert_eq!(request.credentials, Some(("job-token", "s3cret".to_owned())));
        let (content_type, body) = request.body.clone().expect("a body");
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a form");
        let body = String::from_utf8(body).expect("text");
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        assert_eq!(
            parts,
            [
                "",
                "\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nhead.json\r\n",
                "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"head.json\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n{}\n\r\n",
                "--\r\n"
            ]
        );
    }

    #[test]
    fn a_name_that_is_taken_is_success_since_it_stands_for_the_content() {
        let taken = answers(400).body(r#"{"message":{"name":["has already been taken"]}}"#);
        store(&Script::new([taken.clone()])).upload("head", b"{}").expect("stored");
        // The first reply was lost after the file had been stored.
        let lost = breaks(std::io::ErrorKind::ConnectionReset);
        store(&Script::new([lost, taken])).upload("head", b"{}").expect("stored");
    }

    #[test]
    fn a_project_that_is_full_is_told_with_what_fills_it() {
        let full = answers(400).body(r#"{"message":{"base":["Maximum number of Secure Files (100) exceeded"]}}"#);
        let head = TrackerName::new("gitlab-runner", "main").expect("a name").head(b"{}");
        let listing = serde_json::json!([{"id": 1, "name": head.to_string()}, {"id": 2, "name": "app.keystore"}]);
        let listing = answers(200).body(listing.to_string());
        let told = |script: [ScriptedAnswer; 2]| match store(&Script::new(script)).upload("head", b"{}") {
            Ok(Uploaded::NoRoom(told)) => told.to_string(),
            other => panic!("{other:?}"),
        };
        let error = told([full.clone(), listing]);
        assert!(
            error.starts_with(
                "the project has as many Secure Files as it may. It has 2: 1 are heads of trackers, 1 are other files."
            ),
            "{error}"
        );
        assert!(error.contains("[GitLab answered 400: "), "{error}");
        // Without the listing the error is told all the same.
        let error = told([full, answers(404)]);
        assert!(error.starts_with("the project has as many Secure Files as it may. Those that nothing"), "{error}");
    }

    // ------------------------------------------------------------ refusals

    #[test]
    fn a_refusal_says_what_is_the_matter_and_what_to_do() {
        let job = || Token::Job("s3cret".to_owned());
        let project = || Token::Project("s3cret".to_owned());
        for (token, status, body, told) in [
            (job(), 401, "", "the job token (CI_JOB_TOKEN) is not valid: it works only while its job runs"),
            (project(), 401, "", "AMI_SCHEDULER_TOKEN is not valid: it may have expired or been revoked"),
            (job(), 403, "insufficient permissions: admin_secure_files", "lacks the permission ADMIN_SECURE_FILES"),
            (job(), 403, "job token not allowed from this project", "not on the job token allowlist of project 42"),
            (
                job(),
                403,
                "403 Forbidden",
                "may not list the project's Secure Files: the owner of the schedule, or whoever pressed Run, has to be a \
                 member of the project with the role Developer at least",
            ),
            (project(), 403, r#"{"error":"insufficient_scope"}"#, "make one with the scope read_api or api"),
            (
                project(),
                403,
                "",
                "AMI_SCHEDULER_TOKEN may not list the project's Secure Files: the project access token",
            ),
            (job(), 429, "", "GitLab is overloaded, or out of order: run the job again later"),
            (job(), 503, "", "GitLab is overloaded, or out of order: run the job again later"),
            (job(), 304, "", "GitLab redirects its API: set CI_API_V4_URL to where it is"),
            (job(), 418, "", "this was not expected; is CI_API_V4_URL the API of your GitLab?"),
            (
                job(),
                400,
                "No required SSL certificate was sent",
                "wants a client certificate, which is shown to repositories alone",
            ),
        ] {
            let script = Script::new(vec![answers(status).body(body); 6]);
            let error = store_with(token, &script).list().expect_err(told).to_string();
            assert!(error.contains(told) && error.ends_with(&format!("[GitLab answered {status}: {body}]")), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    /// Field tests, tracker 12, 13.
    #[test]
    fn a_write_that_is_refused_says_whether_role_scope_or_maintenance_is_the_matter() {
        let maintained = r#"{"message":"You cannot perform write operations on a read-only instance"}"#;
        for (status, body, told, asked) in [
            (403, "403 Forbidden", "the owner of the schedule, or whoever pressed Run, has to be a Maintainer", 1),
            (
                403,
                r#"{"error":"insufficient_scope"}"#,
                "since its scope does not allow that: make one with the scope api",
                1,
            ),
            (403, maintained, "GitLab is being maintained, and takes no writes: nothing was lost", 6),
        ] {
            let script = Script::new(vec![answers(status).body(body); asked]);
            let error = store(&script).upload("head", b"{}").expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
            assert_eq!((script.requests().len(), script.waits().len()), (asked, asked - 1), "{body}");
        }
        let over = [answers(403).body(maintained), answers(204)];
        store(&Script::new(over)).delete(&file(7)).expect("deleted once the maintenance is over");
    }

    #[test]
    fn what_is_not_the_api_is_told_from_a_project_that_is_not_there() {
        let store = |api: &str, script: &Script| {
            let api = api.parse().expect("a URL");
            SecureFiles::new(
                Project { api, id: "42".to_owned(), token: Token::Job("s3cret".to_owned()) },
                script.client(),
                clock(),
            )
        };
        let api = "CI_API_V4_URL is https://gitlab.example.com/, and that of GitLab's API ends in /api/v4";
        for (answer, api_url, told) in [
            (answers(404), "https://gitlab.example.com/", api),
            (answers(404), "https://gitlab.example.com/api/v4", "there is no project 42"),
            (answers(200).body("<html>"), "https://gitlab.example.com/", api),
            (
                answers(200).body("<html>"),
                "https://gitlab.example.com/api/v4",
                "is CI_API_V4_URL the API of your GitLab?",
            ),
        ] {
            let error = store(api_url, &Script::new([answer])).list().expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_missing_project_and_a_body_that_is_too_large_are_told_apart() {
        let refused = |status| store(&Script::new([answers(status)])).upload("head", b"{}").expect_err("an error");
        let (missing, large) = (refused(404).to_string(), refused(413).to_string());
        assert!(missing.contains("project 42"), "{missing}");
        assert!(large.contains("too large") || large.contains("larger"), "{large}");
    }

    #[test]
    fn each_token_has_a_header_of_its_own() {
        for (token, header) in
            [(Token::Job("a".to_owned()), ("job-token", "a")), (Token::Project("b".to_owned()), ("private-token", "b"))]
        {
            let script = Script::new([page([])]);
            store_with(token, &script).list().expect("a listing");
            assert_eq!(script.requests()[0].credentials, Some((header.0, header.1.to_owned())));
        }
    }
}
