//! The real gpg: it makes keys and signatures, each in a home and at a time of its own, and it judges.

use std::cell::Cell;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A home of gpg with keys.
pub struct Gpg {
    home: tempfile::TempDir,
    /// What gpg takes for the present, in seconds. It goes on by a minute with each run: a key takes no two
    /// changes in one second.
    clock: Cell<u32>,
}

impl Gpg {
    pub fn at(clock: u32) -> Self {
        Self { home: tempfile::tempdir().expect("a folder"), clock: Cell::new(clock) }
    }

    /// The same home, later.
    pub fn on(&self, clock: u32) -> &Self {
        self.clock.set(clock);
        self
    }

    /// A home with a key, which certifies and signs by itself.
    pub fn with_key(clock: u32, algorithm: &str, expires: &str) -> Self {
        let gpg = Self::at(clock);
        gpg.run(&["--quick-generate-key", "Some Repository <repo@example.com>", algorithm, "sign", expires]);
        gpg
    }

    /// A home with a key that signs by a subkey, and certifies alone by itself.
    pub fn with_subkey(clock: u32) -> Self {
        let gpg = Self::at(clock);
        gpg.run(&["--quick-generate-key", "Some Repository <repo@example.com>", "ed25519", "cert", "never"]);
        gpg.run(&["--quick-add-key", &gpg.fingerprint(), "ed25519", "sign", "never"]);
        gpg
    }

    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        self.answered(arguments, "")
    }

    fn answered(&self, arguments: &[&str], answers: &str) -> Vec<u8> {
        let arguments =
            [&["--yes", "--pinentry-mode", "loopback", "--passphrase", "", "--allow-weak-digest-algos"], arguments]
                .concat();
        let clock = self.clock.replace(self.clock.get() + 60);
        let done = gpg(self.home.path(), &clock.to_string(), &arguments, answers);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Changes the key: what `--edit-key` is told, word by word.
    pub fn edit(&self, answers: &[&str]) {
        let answers = [answers, &["save\n"]].concat().join("\n");
        self.answered(
            &["--no-batch", "--no-tty", "--expert", "--command-fd", "0", "--edit-key", &self.fingerprint()],
            &answers,
        );
    }

    pub fn fingerprint(&self) -> String {
        let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys"])).expect("text");
        let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::")).expect("a fingerprint");
        fingerprint.trim_end_matches(':').to_owned()
    }

    /// The public keys, armoured.
    pub fn keys(&self) -> Vec<u8> {
        self.run(&["--armor", "--export"])
    }

    pub fn sign(&self, options: &[&str], signed: &[u8]) -> Vec<u8> {
        let file = self.write("repomd.xml", signed);
        self.run(&[options, &["--detach-sign", "--output", "-", &file]].concat())
    }

    /// Signs in a message that holds what it signs.
    pub fn inline(&self, how: &str, signed: &[u8]) -> Vec<u8> {
        let file = self.write("repomd.xml", signed);
        self.run(&[how, "--output", "-", &file])
    }

    /// Revokes the key by the certificate that gpg made with it.
    pub fn revoke(&self) {
        let revocations = self.home.path().join("openpgp-revocs.d");
        let file = std::fs::read_dir(revocations).expect("a folder").next().expect("a file").expect("a file").path();
        let revocation = std::fs::read_to_string(&file).expect("text").replace(":-----BEGIN", "-----BEGIN");
        let file = self.write("revocation", revocation.as_bytes());
        self.run(&["--import", &file]);
    }

    fn write(&self, name: &str, content: &[u8]) -> String {
        let file = self.home.path().join(name);
        std::fs::write(&file, content).expect("a file");
        file.to_str().expect("a path").to_owned()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.home.path();
        let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "gpg-agent"]).status();
    }
}

/// Whether gpg believes a signature in a file: GOODSIG and VALIDSIG of the same signature. And what it says.
pub fn believes(keys: &[u8], signature: &[u8], signed: &[u8], now: u32) -> (bool, String) {
    let home = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| {
        let file = home.path().join(name);
        std::fs::write(&file, content).expect("a file");
        file.to_str().expect("a path").to_owned()
    };
    let (keys, signature, signed) = (write("keys", keys), write("signature", signature), write("signed", signed));
    let clock = &format!("{now}!"); // it stands still
    gpg(home.path(), clock, &["--no-autostart", "--trust-model", "always", "--import", &keys], "");
    // With --batch it would say nothing of what follows a bad signature.
    let options = [
        "--no-batch",
        "--no-tty",
        "--no-autostart",
        "--trust-model",
        "always",
        "--status-fd",
        "1",
        "--verify",
        &signature,
        &signed,
    ];
    let told = gpg(home.path(), clock, &options, "");
    let (status, log) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    let good = status.split("[GNUPG:] NEWSIG").any(|one| {
        let says =
            |word: &str| one.lines().any(|line| line.strip_prefix("[GNUPG:] ").is_some_and(|l| l.starts_with(word)));
        says("GOODSIG ") && says("VALIDSIG ")
    });
    (good, format!("{status}{log}"))
}

fn gpg(home: &Path, clock: &str, arguments: &[&str], answers: &str) -> Output {
    let mut gpg = Command::new("gpg")
        .env("LC_ALL", "C")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--no-permission-warning", "--faked-system-time", clock])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("gpg is needed for this test: {error}"));
    let _ = gpg.stdin.take().expect("stdin").write_all(answers.as_bytes());
    gpg.wait_with_output().expect("an end")
}
