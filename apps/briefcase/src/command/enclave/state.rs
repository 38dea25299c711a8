//! What `watch` keeps of an enclave between two looks. Whoever can write this file can make it forget, so it belongs on
//! another machine than the enclave's.

use std::{
    fs::DirBuilder,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

use briefcase_release::RollbackState;
use serde::{Deserialize, Serialize};

use super::report::{Facts, Report};
use crate::failure::Failure;

const FORM: &str = "briefcase/enclave-watch@1";
const MOST: u64 = 64 * 1024;

/// What was there the last time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    form: String,
    enclave: String,
    version: u64,
    floor: u64,
    index: u64,
    /// Of the last run that was good.
    pub facts: Facts,
    /// Check and code of the failure that lasts, if one does.
    pub failure: Option<(String, String)>,
}

impl State {
    /// Reads it; `None` when there is none yet. One that is damaged or of another enclave is an error, not a first look.
    pub fn read(path: &Path, enclave: &str) -> Result<Option<Self>, Failure> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(path, &error)),
        };
        let state: Option<Self> = serde_json::from_reader(io::Read::take(file, MOST)).ok();
        let fits = |state: &Self| state.form == FORM && state.enclave == enclave;
        let next = "Inspect the file before you remove it: without it, older releases would be accepted as new.";
        let text = format!("{} is not the saved state of {enclave}.", path.display());
        state.filter(fits).map(Some).ok_or_else(|| Failure::new("file", text, next))
    }

    pub const fn seen(&self) -> RollbackState {
        RollbackState { version: self.version, floor: self.floor, index: self.index }
    }

    /// What is to be kept after a run; numbers only grow.
    pub fn after(before: Option<&Self>, report: &Report) -> Self {
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

    /// Puts it in place, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let work = || {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            // The state folder is nobody else's, also when this is the first to need it.
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
