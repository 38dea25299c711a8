//! The last cosigned checkpoint of each log, and the step to the next one.
//!
//! Invariant: a checkpoint is on disk before its cosignature exists. After a crash in between, the witness knows a
//! checkpoint that it has not cosigned; a repeated request cosigns it.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use briefcase_private_fs::{FileAccess, LockFile, create_folders, write};
use briefcase_tlog::{
    AddCheckpoint, CheckpointError, CosignRefusal, LastCosigned, LogPolicy, LogVerifierKey, Origin, Witness,
};
use briefcase_types::Digest;

use crate::{error::CommandError, key::NoteSigner, lock::lock_folder};

/// A folder with one file per log: the signed note that was cosigned last.
#[derive(Debug)]
pub struct WitnessState {
    folder: PathBuf,
    /// Serializes requests: each compares, writes and signs alone.
    request: Mutex<()>,
    _lock: LockFile,
}

impl WitnessState {
    /// Opens the folder and locks it against other processes.
    pub fn open(folder: &Path) -> Result<Self, CommandError> {
        create_folders(folder, FileAccess::Owner)?;
        let lock = lock_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), request: Mutex::new(()), _lock: lock })
    }

    fn file(&self, origin: &Origin) -> PathBuf {
        let digest = Digest::sha256(origin.as_str().as_bytes());
        let name: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.note"))
    }

    /// Returns the last cosigned checkpoint, signed by any of the log's keys. An unreadable file is an error, not an
    /// unknown log.
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

/// A running witness.
pub struct WitnessService {
    pub state: WitnessState,
    pub key: NoteSigner,
    pub witness: Witness,
    pub logs: LogPolicy,
}

impl WitnessService {
    /// Verifies a request, stores the new checkpoint and cosigns it. Returns the signature line.
    pub fn add_checkpoint(&self, request: &[u8], now: u64) -> Result<String, CommandError> {
        let request = AddCheckpoint::parse(request)?;
        let origin = request.unverified_checkpoint()?.origin;
        let known = self.logs.logs().iter().map(|log| &log.key).filter(|key| key.origin == origin);
        // During a key change a log has two keys. Both share one stored checkpoint.
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
        write(&self.state.file(&log.origin), head.note().as_bytes(), FileAccess::Owner)?;
        Ok(self.witness.cosign(&head, now, |text| self.key.sign(text))?)
    }
}
