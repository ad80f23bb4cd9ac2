//! Signatures as gpg judges them: the real gpg says of some hundred keys and signatures whether it believes them,
//! and the core says the same, with exceptions that are listed here.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::disallowed_methods)] // it starts gpg, which the core would not

mod bounds;
mod by_gpg;
mod by_hand;
mod gpg;
mod messages;
mod packets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_scheduler::repository::signature::TrustedKeys;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const SIGNED: &[u8] = b"<repomd>\n  <revision>1</revision>\n</repomd>\n";

/// Keys, a signature, what it is to be of, and the second in which it is judged.
#[derive(Clone, Serialize, Deserialize)]
struct Case {
    name: String,
    keys: Vec<u8>,
    signature: Vec<u8>,
    signed: Vec<u8>,
    now: u32,
}

/// What gpg believes and the core does not, with the reason.
const STRICTER: &[(&str, &[&str])] = &[
    (
        "SHA-1, RIPEMD-160 and SHA-224 are too weak for what a stranger can choose, a file",
        &[
            "gpg's: SHA-1",
            "gpg's: RIPEMD-160",
            "gpg's: SHA-224",
            "gpg's: DSA of 1024 bits",
            "a signature by RSA with hash 2",
            "a signature by RSA with hash 3",
            "a signature by RSA with hash 11",
        ],
    ),
    (
        "a signature from the future is that of a wrong clock, or one that was made in advance",
        &["a signature from next year", "a signature at the end of time", "a signature with two times, the first late"],
    ),
    (
        "gpg believes a key whose names have all been revoked or have ended in whatever its algorithm can, for ever; here the last word counts",
        &[
            "a self-signature of type 0x30",
            "self-signatures: the newer one expired, signing taken away",
            "user ids: the only one revoked, a certifying key",
            "user ids: the only one revoked, an expired key",
            "user ids: both revoked, certifying",
            "user ids: the only one whose certification expired, a certifying key",
            "user ids: the only one whose certification expired, an expired key",
        ],
    ),
    ("curves that RFC 9580 lacks, or the library", &["gpg's: Brainpool's P-256", "gpg's: secp256k1"]),
    ("a part with a key in it is none that the library knows", &["critical part 38 (27) of a document"]),
    ("nobody may see a private key", &["gpg's: a secret key given for the public one"]),
    ("gpg sorts signatures that are in a wrong place", &["a binding behind another subkey"]),
    (
        "keys are a person's own file: what can't be read of it is told, not passed over",
        &["a key with an expiry of three bytes", "a file of keys with a self-signature that is garbage"],
    ),
];

/// What the core believes and gpg does not, with the reason.
const LAXER: &[(&str, &[&str])] = &[(
    "RFC 9580 forbids to refuse armour for its sum (6.1); a signature that fits vouches for itself",
    &["a file with armour with a wrong sum"],
)];

fn judged(case: &Case) -> Result<(), String> {
    let keys = TrustedKeys::read(&case.keys).map_err(|error| error.to_string())?;
    let now = Timestamp::from_second(case.now.into()).expect("a time");
    keys.verify(&case.signed, &case.signature, now).map_err(|error| error.to_string())
}

/// Field tests, security 3.
#[test]
fn a_signature_is_believed_if_and_only_if_gpg_believes_it() {
    let cases = judged_by_gpg();
    assert!(cases.len() >= 150);
    let names: BTreeSet<&str> = cases.iter().map(|(case, ..)| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let exceptions = |listed: &'static [(&str, &[&str])]| -> BTreeMap<&str, &str> {
        listed.iter().flat_map(|(reason, names)| names.iter().map(move |name| (*name, *reason))).collect()
    };
    let (mut stricter, mut laxer) = (exceptions(STRICTER), exceptions(LAXER));

    let (mut different, mut believed, mut excepted) = (String::new(), 0, BTreeSet::new());
    for (case, gpg, said) in &cases {
        let core = judged(case);
        believed += u32::from(*gpg);
        let story = case.name.split(", on day ").next().unwrap_or_default();
        let exceptions = if *gpg { &stricter } else { &laxer };
        if *gpg == core.is_ok() {
            continue;
        }
        if exceptions.contains_key(story) {
            excepted.insert(story);
        } else {
            let core = core.err().unwrap_or_else(|| "believed".to_owned());
            writeln!(different, "{}: gpg {gpg}, the core: {core}\n{said}", case.name).expect("text");
        }
    }
    stricter.append(&mut laxer);
    stricter.retain(|name, _| !excepted.contains(name));
    assert!(different.is_empty(), "{different}");
    assert!(stricter.is_empty(), "these are no exceptions any more: {stricter:?}");
    assert!(believed > 100, "gpg believed {believed} of {}", cases.len());
}

/// All cases, whether gpg believes each, and what it says. gpg takes half a minute: where `GPG_SAID` names a file, what
/// it said once is kept there, for the thousand runs of those who change the core alone.
fn judged_by_gpg() -> Vec<(Case, bool, String)> {
    let kept = std::env::var_os("GPG_SAID");
    if let Some(said) = kept.as_ref().and_then(|file| std::fs::read(file).ok()) {
        return serde_json::from_slice(&said).expect("what gpg said");
    }
    let cases = [by_gpg::cases(), by_hand::cases()].concat();
    let judged = in_parallel(&cases, |case| {
        let (believed, said) = gpg::believes(&case.keys, &case.signature, &case.signed, case.now);
        (case.clone(), believed, said)
    });
    if let Some(file) = kept {
        std::fs::write(file, serde_json::to_vec(&judged).expect("JSON")).expect("a file");
    }
    judged
}

/// What becomes of each, by as many threads as there are processors.
fn in_parallel<T: Sync, R: Send>(of: &[T], made: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).max(4);
    let size = of.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            of.chunks(size).map(|part| scope.spawn(|| part.iter().map(&made).collect::<Vec<R>>())).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a thread that ends")).collect()
    })
}
