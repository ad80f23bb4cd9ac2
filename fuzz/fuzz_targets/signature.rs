//! `repomd.xml.asc`, and files of keys: what is believed of one file is not believed of another.
#![no_main]

use std::sync::LazyLock;

use ami_scheduler::repository::signature::TrustedKeys;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const SIGNED: &[u8] = include_bytes!("../signed/repomd.xml");
static KEYS: LazyLock<TrustedKeys> =
    LazyLock::new(|| TrustedKeys::read(include_bytes!("../signed/key.asc")).expect("a key"));

fuzz_target!(|file: &[u8]| {
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("a time");
    let believed = KEYS.verify(SIGNED, file, now);
    if let Err(error) = &believed {
        let error = error.to_string();
        assert!(!error.is_empty() && error.len() < 10_000, "{error}");
    }
    if believed.is_ok() {
        assert!(KEYS.verify(b"<repomd/>", file, now).is_err());
        assert!(KEYS.verify(SIGNED, file, Timestamp::UNIX_EPOCH).is_err(), "before it was made");
    }
    if let Ok(keys) = TrustedKeys::read(file) {
        let _ = keys.verify(SIGNED, include_bytes!("../signed/repomd.xml.asc"), now);
    }
});
