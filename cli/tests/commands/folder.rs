//! The folder that a test works in, and the command that is run there.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// The nights of a test.
pub const NIGHT: &str = "2026-11-24T02:00:00Z";
pub const NEXT_NIGHT: &str = "2026-11-25T02:00:00Z";

/// The arguments by which most tests decide.
pub const DIFF: [&str; 9] =
    ["diff", "--targets", "al2023,rhel9", "--tracker", "tracker", "--ref", "main", "--build-file", "ci/build-ami.yml"];
/// The tracker of most tests.
pub const TRACKER: [&str; 4] = ["--tracker", "tracker", "--ref", "main"];

/// A folder of its own, with an empty tracker in it.
pub struct Folder {
    folder: TempDir,
}

/// How a run has ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        let folder = Self { folder: tempfile::tempdir().expect("a folder") };
        fs::create_dir(folder.path("tracker")).expect("a tracker");
        folder
    }

    /// A folder in which `list` has read these releases of gitlab-runner.
    pub fn listed(releases: &[&str]) -> Self {
        let folder = Self::new();
        folder.list(releases);
        folder
    }

    /// A repository of these releases of gitlab-runner, which `list` reads.
    pub fn list(&self, releases: &[&str]) {
        self.repository("repo", "gitlab-runner", releases);
        self.run(&["list", "--repo-url", "file:repo", "--product", "gitlab-runner"]).succeeds();
    }

    /// A repository of releases: `[EPOCH:]VERSION-RELEASE.ARCH`.
    pub fn repository(&self, name: &str, product: &str, releases: &[&str]) {
        let mut packages = String::new();
        for text in releases {
            let (rest, arch) = text.rsplit_once('.').expect("an architecture");
            let (version, release) = rest.rsplit_once('-').expect("a release");
            let (epoch, version) = version.split_once(':').unwrap_or(("0", version));
            let checksum = hex(format!("{product}-{text}").as_bytes());
            let _ = write!(
                packages,
                r#"<package type="rpm"><name>{product}</name><arch>{arch}</arch>
<version epoch="{epoch}" ver="{version}" rel="{release}"/><checksum type="sha256" pkgid="YES">{checksum}</checksum>
<time file="1700000000" build="1700000000"/><location href="{product}-{version}-{release}.{arch}.rpm"/></package>"#
            );
        }
        let primary = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" packages="{}">{packages}</metadata>"#,
            releases.len()
        );
        let repomd = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary"><checksum type="sha256">{}</checksum>
<location href="repodata/primary.xml"/></data></repomd>"#,
            hex(primary.as_bytes())
        );
        self.write(&format!("{name}/repodata/primary.xml"), &primary);
        self.write(&format!("{name}/repodata/repomd.xml"), &repomd);
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[], NIGHT, arguments)
    }

    pub fn run_next_night(&self, arguments: &[&str]) -> Ended {
        self.run_with(&[], NEXT_NIGHT, arguments)
    }

    pub fn run_at(&self, now: &str, arguments: &[&str]) -> Ended {
        self.run_with(&[], now, arguments)
    }

    /// Runs the command with these variables and no others of its own.
    pub fn run_in(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        self.run_with(variables, NIGHT, arguments)
    }

    fn run_with(&self, variables: &[(&str, &str)], now: &str, arguments: &[&str]) -> Ended {
        let program = std::env::var("AMI_SCHEDULER_TEST_COMMAND");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_ami-scheduler").to_owned());
        let mut words = program.split(' ').map(str::to_owned);
        let mut command = Command::new(words.next().expect("a command"));
        // wasmtime hands on those variables alone that it is told of.
        if program.starts_with("wasmtime ") || program.contains("/wasmtime ") {
            command.args(words.next());
            command.args(variables.iter().flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]));
        }
        let kept = ["PATH", "HOME"].map(|name| (name, std::env::var(name).unwrap_or_default()));
        command.args(words).args(["--now", now]).args(arguments).current_dir(&self.folder);
        let output = command.env_clear().envs(kept).envs(variables.iter().copied()).output().expect("a run");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect(name)
    }

    /// The releases of a packages.json, oldest first.
    pub fn packages(&self, name: &str) -> Vec<String> {
        texts(&self.json(name)["packages"], |package| package["package"].as_str().unwrap_or_default().to_owned())
    }

    /// What builds.json says is to be built: `RELEASE TARGET`.
    pub fn builds(&self) -> Vec<String> {
        texts(&self.json("builds.json")["builds"], |build| {
            let word = |key: &str| build[key].as_str().unwrap_or_default().to_owned();
            format!("{}-{} {}", word("version"), word("release"), word("target"))
        })
    }

    /// The tracker's entry of a release of gitlab-runner.
    pub fn entry(&self, release: &str, target: &str) -> Value {
        let status = self.run(&["status", "--tracker", "tracker", "--ref", "main", "--format", "json"]).succeeds();
        let documents: Value = serde_json::from_str(&status).expect("JSON");
        documents[0]["entries"][format!("gitlab-runner-{release}.x86_64")][target].clone()
    }

    /// The notes of the image of a release of gitlab-runner that counts, as `status` tells it.
    pub fn notes(&self, release: &str, target: &str) -> Value {
        let status = self.run(&["status", "--tracker", "tracker", "--ref", "main", "--format", "json"]).succeeds();
        let documents: Value = serde_json::from_str(&status).expect("JSON");
        let images = &documents[0]["images"][format!("gitlab-runner-{release}.x86_64")][target];
        images.as_object().and_then(|images| images.values().next_back()).expect("an image")["notes"].clone()
    }

    /// What the last `diff` has decided to build: release and target.
    pub fn to_build(&self) -> Vec<String> {
        let builds: Value = serde_json::from_str(&self.read("builds.json")).expect("JSON");
        let builds = builds["builds"].as_array().expect("builds");
        let text = |build: &Value, field: &str| build[field].as_str().expect(field).to_owned();
        let row = |build| format!("{}-{} {}", text(build, "version"), text(build, "release"), text(build, "target"));
        builds.iter().map(row).collect()
    }

    /// The state of a release of gitlab-runner, and nothing where there is no entry of it.
    pub fn state(&self, release: &str, target: &str) -> String {
        self.entry(release, target)["state"].as_str().unwrap_or_default().to_owned()
    }
}

impl Ended {
    /// What it printed; it has to have succeeded.
    pub fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Its last line, which is the error; it has to have ended with this code.
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let last = self.stderr.lines().last().unwrap_or_default();
        last.strip_prefix("Error: ").expect("the last line is the error").to_owned()
    }
}

fn texts(array: &Value, text: impl Fn(&Value) -> String) -> Vec<String> {
    array.as_array().expect("an array").iter().map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    ami_scheduler::text::hex(&Sha256::digest(bytes))
}
