//! What a witness has cosigned of each log, and the one step that goes on from there.
//!
//! Invariant: the head is on disk before its cosignature exists. A crash in between makes the witness know a head that it
//! has not cosigned, which is asked for again; never the other way round.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use briefcase_tlog::{
    AddCheckpoint, CheckpointError, CosignRefusal, LastCosigned, LogPolicy, LogVerifierKey, Origin, Witness,
};
use briefcase_types::Digest;

use crate::{
    durable_file::{self, FileMode, FolderLock},
    error::CommandError,
    key::NoteSigner,
};

/// The folder with one file for each log: the signed note that was cosigned last.
#[derive(Debug)]
pub struct WitnessState {
    folder: PathBuf,
    /// One request at a time compares, writes and signs.
    request: Mutex<()>,
    _lock: FolderLock,
}

impl WitnessState {
    /// Opens the folder; nobody else may have it open.
    pub fn open(folder: &Path) -> Result<Self, CommandError> {
        durable_file::create_dir(folder, FileMode::Private)?;
        let held = FolderLock::acquire(folder)?;
        Ok(Self { folder: folder.to_owned(), request: Mutex::new(()), _lock: held })
    }

    fn file(&self, origin: &Origin) -> PathBuf {
        let digest = Digest::sha256(origin.as_str().as_bytes());
        let name: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.note"))
    }

    /// What was cosigned last, signed by any of the log's keys. A file that cannot be read is an error, not a log that
    /// was never seen.
    fn last_cosigned(&self, origin: &Origin, keys: &[&LogVerifierKey]) -> Result<Option<LastCosigned>, CommandError> {
        let file = self.file(origin);
        let note = match std::fs::read(&file) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CommandError::file(&file)(error)),
        };
        let mut head = Err(CheckpointError::Unsigned);
        for key in keys {
            head = head.or_else(|_| key.verify(&note));
        }
        let head = head?;
        Ok(Some(LastCosigned { size: head.checkpoint().size, root: head.checkpoint().root }))
    }
}

/// A witness at work.
pub struct WitnessService {
    pub state: WitnessState,
    pub key: NoteSigner,
    pub witness: Witness,
    pub logs: LogPolicy,
}

impl WitnessService {
    /// Judges a request, writes down the new head, and cosigns it: gives the signature line.
    pub fn add_checkpoint(&self, request: &[u8], now: u64) -> Result<String, CommandError> {
        let request = AddCheckpoint::parse(request)?;
        let origin = request.unverified_checkpoint()?.origin;
        let known = self.logs.logs().iter().map(|log| &log.key).filter(|key| key.origin == origin);
        // A log may have two keys while it changes from one to the other; what was cosigned of it is one memory.
        let keys: Vec<&LogVerifierKey> = known.collect();
        let _one_at_a_time = self.state.request.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.state.last_cosigned(&origin, &keys)?;
        let mut outcome = Err(CosignRefusal::UnknownLog.into());
        for log in keys {
            outcome = self.write_and_cosign(&request, log, seen.as_ref(), now);
            if !matches!(outcome, Err(CommandError::Refused(CosignRefusal::Unsigned))) {
                break;
            }
        }
        outcome
    }

    fn write_and_cosign(
        &self,
        request: &AddCheckpoint,
        log: &LogVerifierKey,
        seen: Option<&LastCosigned>,
        now: u64,
    ) -> Result<String, CommandError> {
        let head = request.accept(log, seen)?;
        durable_file::write(&self.state.file(&log.origin), head.note().as_bytes(), FileMode::Private)?;
        Ok(self.witness.cosign(&head, now, |text| self.key.sign(text))?)
    }
}
