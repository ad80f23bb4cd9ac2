//! Files among the generic packages of a project: each has a URL that serves the newest of its name.
//!
//! <https://docs.gitlab.com/user/packages/generic_packages/>

use ami_scheduler::redacted::RedactedUrl;
use anyhow::anyhow;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Project;
use crate::http::{Answer, Client, Method, Request};

/// The most bytes of a file that is there already: a longer one is not this one.
const MAX_FILE: u64 = 32 << 20;
/// What is no character of a name as it stands in a path.
const NOT_PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The name of a file among the generic packages.
pub struct PackageFile<'a> {
    /// Letters, digits and `._+-`, as GitLab wants it.
    pub package: &'a str,
    /// Letters, digits and `._+-` without two dots together.
    pub version: &'a str,
    pub file: &'a str,
}

/// What became of a file that was to be published.
#[derive(Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there, under this URL.
    Anew(RedactedUrl),
    /// It was there before, with this very content.
    AsBefore(RedactedUrl),
}

impl Project {
    /// Publishes a file, unless the newest of its name has this content: of each that is published GitLab keeps a copy.
    pub fn publish(&self, client: &Client, name: &PackageFile<'_>, content: Vec<u8>) -> anyhow::Result<Published> {
        let PackageFile { package, version, file } = name;
        let [package, version, file] = [package, version, file].map(|part| utf8_percent_encode(part, NOT_PLAIN));
        let path = format!("packages/generic/{package}/{version}/{file}");
        // What cannot be read is replaced: nothing rests on it.
        let request = Request { attempts: 2, ..self.request(Method::Get, &path)? };
        let url = RedactedUrl::from(&request.url);
        if client.fetch(&request, MAX_FILE).is_ok_and(|answer| answer.status == 200 && answer.body == content) {
            return Ok(Published::AsBefore(url));
        }
        let request = self.request(Method::Put, &path)?;
        let answer = client
            .fetch(&Request { body: Some(("application/octet-stream".to_owned(), content)), ..request }, MAX_FILE)?;
        match answer.status {
            200..=299 => Ok(Published::Anew(url)),
            _ => Err(self.refused(&answer)),
        }
    }

    fn refused(&self, answer: &Answer) -> anyhow::Error {
        let (token, whose) = self.token.in_words();
        let excerpt = answer.excerpt();
        let unless = "Where nobody reads images.json, set the input publish_images to false";
        let own = match answer.status {
            404 if self.api.path().contains("/api/v4") => Some(format!(
                "there is no package registry of project {}, or no such project, for {token}. {unless}",
                self.id
            )),
            403 if excerpt.contains("_packages") => Some(format!(
                "{token} lacks a permission: in Settings > CI/CD > Job token permissions, give READ_PACKAGES and ADMIN_PACKAGES to this project's entry. {unless}"
            )),
            _ => None,
        };
        let advice = own.or_else(|| self.advice("publish packages", "api", answer)).unwrap_or_else(|| match answer.status {
            403 => format!(
                "{token} may not publish packages: {whose} has to be a member of the project with the role Developer at \
                 least, and the package registry has to be on, in Settings > General > Visibility, project features, \
                 permissions. {unless}"
            ),
            400 if excerpt.contains("Duplicate package") => format!(
                "the group allows no duplicates of generic packages, and a URL that stays needs them: allow them in the \
                 group's Settings > Packages and registries. {unless}"
            ),
            _ => self.unexpected(),
        });
        anyhow!("{advice} [GitLab answered {}: {excerpt}]", answer.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitlab::Token;
    use crate::http::scripted::{Script, answers};

    const FILE: PackageFile<'_> =
        PackageFile { package: "ami-scheduler.libstdc++", version: "main", file: "images.json" };

    fn publish(script: &Script) -> anyhow::Result<Published> {
        let api = "https://gitlab.example.com/api/v4".parse()?;
        let project = Project { api, id: "42".to_owned(), token: Token::Job("s3cret".to_owned()) };
        project.publish(&script.client(), &FILE, b"{}".to_vec())
    }

    #[test]
    fn a_file_is_published_unless_it_is_there_with_this_content() {
        let url = "https://gitlab.example.com/api/v4/projects/42/packages/generic/ami-scheduler.libstdc%2B%2B/main/images.json";
        let shown = RedactedUrl::from(&url.parse().expect("a URL"));
        for (there, sent, expected) in [
            (answers(404), 2, Published::Anew(shown.clone())),
            (answers(200).body("{\"old\": 1}"), 2, Published::Anew(shown.clone())),
            (answers(403), 2, Published::Anew(shown.clone())),
            (answers(200).body("{}"), 1, Published::AsBefore(shown.clone())),
        ] {
            let script = Script::new([there, answers(201)]);
            assert_eq!(publish(&script).expect("published"), expected);
            assert_eq!(script.urls(), vec![url; sent]);
            let requests = script.requests();
            let put = requests.get(1).map(|request| (request.method, request.body.clone().expect("a body").1));
            assert_eq!(put, (sent == 2).then(|| (Method::Put, b"{}".to_vec())));
        }
    }

    #[test]
    fn a_refusal_says_what_is_the_matter_and_not_the_secret() {
        for (script, told) in [
            ([answers(403), answers(403).body("required: admin_packages.")], "give READ_PACKAGES and ADMIN_PACKAGES"),
            ([answers(404), answers(403).body("403 Forbidden")], "with the role Developer at least"),
            (
                [answers(404), answers(400).body(r#"{"message":"Duplicate package is not allowed"}"#)],
                "allows no duplicates",
            ),
            ([answers(404), answers(401)], "is not valid"),
            ([answers(404), answers(404)], "there is no package registry of project 42"),
        ] {
            let error = publish(&Script::new(script)).expect_err(told).to_string();
            assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
        }
    }
}
