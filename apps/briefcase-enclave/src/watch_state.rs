//! The state that `watch` stores between two checks.
//!
//! A process that can write this file can hide a rollback, so the file belongs on another machine than the enclave's.

use std::{
    fs::DirBuilder,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use briefcase::failure::Failure;
use briefcase_release::RollbackState;
use serde::{Deserialize, Serialize};

use crate::report::{AuditReport, ServedFacts};

const FORM: &str = "briefcase/enclave-watch@1";
const STATE_MAX: u64 = 64 * 1024;

/// The state after the last check.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchState {
    form: String,
    enclave: String,
    version: u64,
    floor: u64,
    index: u64,
    /// Facts of the last successful check.
    pub facts: ServedFacts,
    /// Name and code of the present failure.
    pub failure: Option<(String, String)>,
}

impl WatchState {
    /// Reads the state; `None` when no file exists yet. A damaged file, or one of another enclave, is an error.
    pub fn read(path: &Path, enclave: &str) -> Result<Option<Self>, Failure> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(path, &error)),
        };
        let state: Option<Self> = serde_json::from_reader(io::Read::take(file, STATE_MAX)).ok();
        let fits = |state: &Self| state.form == FORM && state.enclave == enclave;
        let next = "Inspect the file before you remove it: without it, older releases would be accepted as new.";
        let text = format!("{} is not the saved state of {enclave}.", path.display());
        state.filter(fits).map(Some).ok_or_else(|| Failure::new("file", text, next))
    }

    pub const fn seen(&self) -> RollbackState {
        RollbackState { version: self.version, floor: self.floor, index: self.index }
    }

    /// The state to store after a check. Its numbers only grow.
    pub fn after(before: Option<&Self>, report: &AuditReport) -> Self {
        let (old, new) = (before.map(Self::seen).unwrap_or_default(), report.seen);
        let good = report.verified();
        let last = before.map(|state| state.facts.clone()).unwrap_or_default();
        let failure = report.failure().map(|check| (check.name.to_owned(), check.code.clone().unwrap_or_default()));
        let kept = if good { new } else { RollbackState::default() };
        Self {
            form: FORM.into(),
            enclave: report.name.clone(),
            version: old.version.max(kept.version),
            floor: old.floor.max(kept.floor),
            index: old.index.max(kept.index),
            facts: if good { report.facts.clone() } else { last },
            failure,
        }
    }

    /// Replaces the file atomically.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let work = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // The state folder is private, also when this program is the first to create it.
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut draft, self)?;
            draft.write_all(b"\n")?;
            draft.as_file().sync_all()?;
            draft.persist(path).map_err(|error| error.error)?;
            std::fs::File::open(folder)?.sync_all()
        };
        work().map_err(|error: io::Error| Failure::file(path, &error))
    }
}
