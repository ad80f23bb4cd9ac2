//! Files of the machine that it runs on, or of the folder that a module is given.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

use ami_scheduler::artifacts::Packages;
use ami_scheduler::report::junit::{self, Case};
use anyhow::Context as _;
use jiff::Timestamp;

pub fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    write_with(path, |file| {
        let mut file = BufWriter::with_capacity(64 << 10, file);
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.flush()
    })
}

pub fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_with(path, |mut file| file.write_all(content))
}

fn write_with(path: &Path, content: impl FnOnce(File) -> io::Result<()>) -> anyhow::Result<()> {
    let written = File::create(path).and_then(content);
    written.with_context(|| format!("cannot write {}{}", path.display(), sandbox_hint(path)))
}

/// Removes what an earlier run left in the place of a result: a run that ends too early is not to hand it on.
///
/// Only files are removed: a terminal stays.
pub fn remove_earlier<'a>(results: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    let mut files = results.into_iter().filter(|path| path.symlink_metadata().is_ok_and(|found| found.is_file()));
    files.try_for_each(|path| {
        let doing = || format!("cannot remove {}, which an earlier run left", path.display());
        fs::remove_file(path).with_context(doing)
    })
}

/// Prints a result, however quiet a run is. Where nobody listens any more, whoever asked has read enough.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.context("cannot write to stdout"),
    }
}

/// A `JUnit` report of builds, where one is asked for.
pub fn write_junit(path: Option<&Path>, reference: &str, now: Timestamp, cases: &[Case]) -> anyhow::Result<()> {
    path.map_or(Ok(()), |path| write(path, &junit::report(reference, now, cases)?))
}

pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}{}", path.display(), sandbox_hint(path)))
}

/// Under wasmtime a file outside of the folders that were given is simply not there.
fn sandbox_hint(path: &Path) -> &'static str {
    let outside = path.is_absolute() || path.starts_with("..");
    if cfg!(target_os = "wasi") && outside {
        " (the module sees only the folders that wasmtime was given with --dir)"
    } else {
        ""
    }
}

/// A file as a person knows it: the wrapper gives the module copies, each in a folder of `/given`.
pub fn shown(file: &Path) -> impl Display {
    let copy = file.strip_prefix("/given").ok().and_then(Path::file_name).map(Path::new);
    copy.unwrap_or(file).display()
}

/// The releases, as `list` wrote them.
pub fn read_packages(path: &Path) -> anyhow::Result<Packages> {
    let json = read(path).context("--packages has to name the file that list wrote")?;
    Packages::from_json(&json).with_context(|| format!("cannot use {}", path.display()))
}

/// What a file holds, or stdin where it is `-`.
pub fn read_file_or_stdin(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return read(file);
    }
    let mut content = Vec::new();
    std::io::stdin().read_to_end(&mut content).context("cannot read stdin")?;
    Ok(content)
}
