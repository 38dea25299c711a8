//! What a witness has cosigned of each log, and the one step that goes on from there.
//!
//! Invariant: the head is on disk before its cosignature exists. A crash in between makes the witness know a head that it
//! has not cosigned, which is asked for again; never the other way round.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use briefcase_tlog::{AddCheckpoint, CheckpointError, LogKey, Origin, Policy, Refusal, Seen, Witness};
use briefcase_types::Digest;

use crate::{
    disk::{self, Held, Readers},
    failure::Failure,
    key::Key,
};

/// The folder with one file for each log: the signed note that was cosigned last.
#[derive(Debug)]
pub struct Memory {
    folder: PathBuf,
    /// One request at a time compares, writes and signs.
    turn: Mutex<()>,
    _held: Held,
}

impl Memory {
    /// Opens the folder; nobody else may have it open.
    pub fn open(folder: &Path) -> Result<Self, Failure> {
        disk::folder(folder, Readers::Owner)?;
        let held = Held::take(folder)?;
        Ok(Self { folder: folder.to_owned(), turn: Mutex::new(()), _held: held })
    }

    fn file(&self, origin: &Origin) -> PathBuf {
        let digest = Digest::sha256(origin.as_str().as_bytes());
        let name: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.note"))
    }

    /// What was cosigned last, signed by any of the log's keys. A file that cannot be read is an error, not a log that
    /// was never seen.
    fn seen(&self, origin: &Origin, keys: &[&LogKey]) -> Result<Option<Seen>, Failure> {
        let file = self.file(origin);
        let note = match std::fs::read(&file) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&file)(error)),
        };
        let mut head = Err(CheckpointError::Unsigned);
        for key in keys {
            head = head.or_else(|_| key.verify(&note));
        }
        let head = head?;
        Ok(Some(Seen { size: head.checkpoint().size, root: head.checkpoint().root }))
    }
}

/// A witness at work.
pub struct Witnessing {
    pub memory: Memory,
    pub key: Key,
    pub witness: Witness,
    pub logs: Policy,
}

impl Witnessing {
    /// Judges a request, writes down the new head, and cosigns it: gives the signature line.
    pub fn add(&self, request: &[u8], now: u64) -> Result<String, Failure> {
        let request = AddCheckpoint::parse(request)?;
        let origin = request.claimed()?.origin;
        let known = self.logs.logs().iter().map(|log| &log.key).filter(|key| key.origin == origin);
        // A log may have two keys while it changes from one to the other; what was cosigned of it is one memory.
        let known: Vec<&LogKey> = known.collect();
        let _turn = self.memory.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = self.memory.seen(&origin, &known)?;
        let mut outcome = Err(Refusal::UnknownLog.into());
        for log in known {
            outcome = self.judged(&request, log, seen.as_ref(), now);
            if !matches!(outcome, Err(Failure::Refused(Refusal::Unsigned))) {
                break;
            }
        }
        outcome
    }

    fn judged(&self, request: &AddCheckpoint, log: &LogKey, seen: Option<&Seen>, now: u64) -> Result<String, Failure> {
        let head = request.judge(log, seen)?;
        disk::put(&self.memory.file(&log.origin), head.note().as_bytes(), Readers::Owner)?;
        Ok(self.witness.cosign(&head, now, |text| self.key.sign(text))?)
    }
}
