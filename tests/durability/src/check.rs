//! Checks after a fault: the record opens, contains everything acknowledged, and `fsck` finds nothing.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use briefcase_store::{ExpectedState, FsckOptions, Store, fsck};
use briefcase_types::{Digest, ReceiptIndex};
use tempfile::TempDir;

use crate::{Failure, append, keys};

/// The output of the program under test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// One more than the highest acknowledged index.
    pub acknowledged: u64,
    /// The errors that appends returned.
    pub errors: Vec<String>,
    /// Output that must never appear.
    pub wrong: Option<String>,
    pub closed: bool,
    pub refused: bool,
}

impl Said {
    pub fn read(output: &str) -> Self {
        let (mut said, mut stopped) = (Self::default(), false);
        for line in output.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("ack", _) if stopped => said.wrong = Some(format!("acknowledged after an error: {line}")),
                // A line cut off by a kill is not an acknowledgement: no reader could have used it.
                ("ack", index) => match index.parse::<u64>() {
                    Ok(index) => said.acknowledged = said.acknowledged.max(index + 1),
                    Err(_) => said.wrong = Some(format!("not understood: {line}")),
                },
                ("error", what) => {
                    stopped = true;
                    said.errors.push(what.to_owned());
                }
                ("reopened", _) => stopped = false,
                ("closed", _) => said.closed = true,
                ("refused" | "stuck", _) => said.refused = true,
                _ => said.wrong = Some(format!("not understood: {line}")),
            }
        }
        said
    }
}

/// Opens the record and checks everything acknowledged. Returns the number of receipts, or the fault.
pub fn record(folder: &Path, acknowledged: u64) -> Result<u64, String> {
    let expect = if acknowledged == 0 { ExpectedState::ExistingOrNew } else { ExpectedState::Existing };
    let (store, opened) =
        Store::open(folder, append::options(expect)).map_err(|error| format!("does not open: {error}"))?;
    if opened.size < acknowledged {
        return Err(format!("lost: {acknowledged} were acknowledged, {} are there", opened.size));
    }
    for index in 0..opened.size {
        let found = store.reader().receipt(ReceiptIndex(index)).map_err(|error| format!("receipt {index}: {error}"))?;
        if found.receipt.kind != append::expected(index).kind {
            return Err(format!("receipt {index} is not the one that was appended"));
        }
    }
    let authority = store.reader().authority(Digest::sha256).map_err(|error| error.to_string())?;
    let version = authority.map_or(0, |authority| authority.version);
    if version != opened.size / 10 {
        return Err(format!("authority of version {version} beside {} receipts", opened.size));
    }
    store.close().map_err(|error| format!("does not close: {error}"))?;
    let key = keys::LogKey::new(7).public();
    let options = FsckOptions { seal: Some(Arc::new(keys::TestSeal(1))), ..FsckOptions::new(key) };
    let report = fsck(folder, options).map_err(|error| error.to_string())?;
    match report.findings.first() {
        None => Ok(opened.size),
        Some(finding) => Err(format!("fsck: {finding:?}")),
    }
}

/// A private folder for state; in memory where possible, for speed.
pub fn scratch(in_memory: bool) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("durability").permissions(Permissions::from_mode(0o700));
    let memory = Path::new("/dev/shm");
    Ok(if in_memory && memory.is_dir() { builder.tempdir_in(memory)? } else { builder.tempdir()? })
}

/// A state folder with `count` entries, cleanly closed.
pub fn prepared(place: &Path, count: u64) -> Result<PathBuf, Failure> {
    let folder = place.join("prepared");
    let output = program(&folder, count).output()?;
    let said = Said::read(&String::from_utf8(output.stdout)?);
    if said.acknowledged == count && said.closed { Ok(folder) } else { Err(format!("cannot prepare: {said:?}").into()) }
}

/// Copies a state folder.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    fs::set_permissions(to, Permissions::from_mode(0o700))?;
    for file in from.read_dir()? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

/// The program under test.
pub fn program(folder: &Path, count: u64) -> Command {
    let mut command = Command::new(this_program());
    command.arg("append").arg(folder).arg(count.to_string());
    command
}

pub fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "durability".into())
}

pub fn spawn(mut command: Command) -> Result<Child, Failure> {
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
}
