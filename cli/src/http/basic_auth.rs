//! A user and password as HTTP has them.

use base64::Engine as _;
use url::Url;

/// The user and password in a URL, as the headers `Authorization` and `Proxy-Authorization` have them.
pub fn basic_auth(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str;
    Some(basic(decoded(url.username()), decoded(url.password().unwrap_or_default())))
}

/// RFC 7617.
pub fn basic(user: impl Iterator<Item = u8>, password: impl Iterator<Item = u8>) -> String {
    let pair: Vec<u8> = user.chain([b':']).chain(password).collect();
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_password_become_basic_auth() {
        // The first is the example of RFC 7617.
        for (user_info, header) in [
            ("Aladdin:open%20sesame@", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("reader:s3cret%2F%C2%A7@", Some("Basic cmVhZGVyOnMzY3JldC/Cpw==")),
            ("a%40b:c%3Ad@", Some("Basic YUBiOmM6ZA==")),
            ("token@", Some("Basic dG9rZW46")),
            (":password@", Some("Basic OnBhc3N3b3Jk")),
            ("@", None),
            ("", None),
        ] {
            let url = format!("https://{user_info}yum.example.com/").parse().expect(user_info);
            assert_eq!(basic_auth(&url).as_deref(), header, "{user_info}");
        }
    }
}
