//! A store in a GitLab project's Secure Files.
//!
//! <https://docs.gitlab.com/api/secure_files/>: list, download, create, delete; at most 100 files a
//! project and less than 5 MiB a file; no update, no lock. Names are unique by a check of the
//! application alone, so two uploads of one name can both succeed.

use std::collections::BTreeMap;

use ami_scheduler::tracker::HeadName;
use ami_scheduler::tracker::heads::{Store, StoreError, StoredFile};
use serde::Deserialize;

use crate::gitlab::{Project, Token};
use crate::http::{Answer, Client, Method, Request};

/// GitLab wants a file to be smaller than this, in bytes.
const FILE_SIZE_LIMIT: usize = 5 << 20;
/// The most bytes of a listing: 100 entries have some 30 kB.
const MAX_LISTING: u64 = 4 << 20;
/// The most files that GitLab puts on one page.
const PAGE: usize = 100;
/// How often a listing of several pages is read that changes meanwhile.
const MAX_LISTINGS: u32 = 6;

pub struct SecureFiles {
    project: Project,
    client: Client,
}

#[derive(Deserialize)]
struct Entity {
    id: u64,
    name: String,
    checksum: Option<String>,
    checksum_algorithm: Option<String>,
}

impl SecureFiles {
    pub fn new(project: Project, client: Client) -> Self {
        Self { project, client }
    }

    fn request(&self, method: Method, path: &str) -> Result<Request, StoreError> {
        Ok(self.project.request(method, &format!("secure_files{path}"))?)
    }

    /// One page of the listing, and how many files there are on all pages.
    fn page(&self, number: u32) -> Result<(Vec<Entity>, Option<usize>), StoreError> {
        let request = self.request(Method::Get, &format!("?per_page={PAGE}&page={number}"))?;
        let answer = self.client.fetch(&request, MAX_LISTING)?;
        if answer.status != 200 {
            return Err(self.refusal("list the project's Secure Files", &answer));
        }
        let entities = serde_json::from_slice(&answer.body).map_err(|error| {
            format!(
                "GitLab's list of files is not the JSON that was expected ({error}); is CI_API_V4_URL the API of your \
                 GitLab? [{}]",
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

    /// That the project may have no more files, and whose they are.
    fn full(&self) -> String {
        let counts = self.listing().map(|files| {
            let heads = files.iter().filter(|file| HeadName::parse(&file.name).is_some()).count();
            format!(" It has {}: {heads} are heads of trackers, {} are other files.", files.len(), files.len() - heads)
        });
        format!(
            "the project has as many Secure Files as it may.{} Delete some that nothing needs, in Settings > CI/CD > \
             Secure files; the trackers of branches that are gone are among them (`status` shows each tracker's ref). \
             Nothing was changed",
            counts.unwrap_or_default()
        )
    }

    /// What an answer that is no success means, and what to do about it.
    fn refusal(&self, doing: &str, answer: &Answer) -> StoreError {
        let (token, whose) = self.project.token.in_words();
        let advice = match answer.status {
            401 => match self.project.token {
                Token::Job(_) => format!("{token} is not valid: it works only while its job runs; run the job again"),
                Token::Project(_) => {
                    format!("{token} is not valid: it may have expired or been revoked; make a new one")
                }
            },
            403 if answer.excerpt().contains("admin_secure_files") => {
                format!(
                    "{token} lacks the permission ADMIN_SECURE_FILES: in Settings > CI/CD > Job token permissions, give it to this project's entry"
                )
            }
            403 if answer.excerpt().contains("job token not allowed from") => format!(
                "this job's project is not on the job token allowlist of project {0}: add it there, in Settings > CI/CD > \
                 Job token permissions",
                self.project.id
            ),
            403 => format!(
                "{token} may not {doing}: {whose} has to be a Maintainer of the project. Have a Maintainer take \
                 ownership of the schedule, or set the masked variable AMI_SCHEDULER_TOKEN to a project access token \
                 with the role Maintainer and the scope api"
            ),
            404 => format!("there is no project {} for {token}: is {whose} a member of it?", self.project.id),
            400 if answer.excerpt().contains("Maximum number") => self.full(),
            413 => {
                "the tracker is larger than GitLab, or a proxy before it, takes: have that limit raised, or begin a \
                    new tracker, under another --ref"
                    .to_owned()
            }
            429 | 500.. => "GitLab is overloaded, or out of order: run the job again later".to_owned(),
            300..=399 => "GitLab redirects its API: set CI_API_V4_URL to where it is".to_owned(),
            _ => "this was not expected; is CI_API_V4_URL the API of your GitLab?".to_owned(),
        };
        format!("{advice} [GitLab answered {}: {}]", answer.status, answer.excerpt()).into()
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
        let answer = self.client.fetch(&request, FILE_SIZE_LIMIT as u64)?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            _ => Err(self.refusal("read its Secure Files", &answer)),
        }
    }

    fn upload(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        if content.len() >= FILE_SIZE_LIMIT {
            return Err(format!(
                "it has {} bytes, and GitLab takes less than {FILE_SIZE_LIMIT} (5 MiB) for a file; nothing was changed. \
                 Begin a new tracker: another tracker_ref, with first_run: none",
                content.len()
            )
            .into());
        }
        let mut request = self.request(Method::Post, "")?;
        request.body = Some(form(name, content));
        let answer = self.client.fetch(&request, MAX_LISTING)?;
        match answer.status {
            201 => Ok(()),
            // Heads are named by their content: it is there already, from this call or another's.
            400 if answer.excerpt().contains("has already been taken") => Ok(()),
            _ => Err(self.refusal("add Secure Files", &answer)),
        }
    }

    fn delete(&self, file: &StoredFile) -> Result<(), StoreError> {
        let request = self.request(Method::Delete, &format!("/{}", file.id))?;
        let answer = self.client.fetch(&request, MAX_LISTING)?;
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
