//! A project of a GitLab instance.

use url::Url;

use super::Token;
use crate::http::{Method, Request};

/// A project of a GitLab instance.
#[derive(Clone)]
pub struct Project {
    /// `CI_API_V4_URL`
    pub api: Url,
    /// `CI_PROJECT_ID`: digits.
    pub id: String,
    pub token: Token,
}

impl Project {
    /// A request about the project; `path` begins after the project's own.
    pub fn request(&self, method: Method, path: &str) -> Result<Request, url::ParseError> {
        let api = self.api.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{api}/projects/{}/{path}", self.id))?;
        Ok(Request { credentials: Some(self.token.header()), ..Request::new(method, url) })
    }
}
