//! A proof for one entry as a text file (C2SP tlog-proof). Anyone with the log's public key can verify that the entry
//! is in the signed log, without the rest of the log.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_types::Digest;

use crate::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    merkle::{HashReader, InclusionProof, LogError, leaf_hash},
    note::CheckpointError,
    policy::{LogPolicy, LogPolicyError, WitnessedCheckpoint},
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest accepted proof file.
const TEXT_MAX: usize = 128 * 1024;

/// A proof file is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogProofError {
    /// The bytes are not a proof file.
    #[error("this is not a proof file ({HEADER})")]
    Malformed,
    /// The proof's checkpoint is invalid.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the log at the given index.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The policy rejects the log or its witnesses.
    #[error(transparent)]
    Policy(#[from] LogPolicyError),
}

/// A proof that one entry is in a signed log. Its parts are unverified until a `verify` function succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// The entry's index.
    pub index: u64,
    /// Data that the application added to the proof. It is not authenticated.
    pub extra: Option<Vec<u8>>,
    /// Hashes from the entry's sibling up.
    pub path: Vec<Digest>,
    /// The signed note of the checkpoint.
    pub note: String,
}

impl LogProof {
    /// Makes the proof against a signed checkpoint.
    ///
    /// # Errors
    /// [`LogError`] when the entry is newer than the checkpoint, or a hash cannot be read.
    pub fn prove<R>(index: u64, head: &SignedCheckpoint, reader: &R) -> Result<Self, LogError>
    where
        R: HashReader + ?Sized,
    {
        let inclusion = InclusionProof::prove(index, head.checkpoint().size, reader)?;
        Ok(Self { index, extra: None, path: inclusion.path, note: head.note().to_owned() })
    }

    /// The proof file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let extra = self.extra.as_ref().map(|extra| format!("extra {}\n", STANDARD.encode(extra))).unwrap_or_default();
        let path: String = self.path.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
        format!("{HEADER}\n{extra}index {}\n{path}\n{}", self.index, self.note)
    }

    /// Reads a proof file without verifying it.
    ///
    /// # Errors
    /// [`LogProofError::Malformed`] when the bytes are not a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > TEXT_MAX {
            return Err(LogProofError::Malformed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| LogProofError::Malformed)?;
        Self::read(text).ok_or(LogProofError::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return None;
        }
        let mut line = lines.next()?;
        let extra = match line.strip_prefix("extra ") {
            Some(extra) => {
                line = lines.next()?;
                Some(STANDARD.decode(extra).ok()?)
            }
            None => None,
        };
        let index = line.strip_prefix("index ").and_then(decimal)?;
        let path = lines.map(hash).collect::<Option<Vec<_>>>()?;
        Some(Self { index, extra, path, note: note.to_owned() })
    }

    /// Verifies that these exact bytes are the entry at the index, in the log with this checkpoint.
    ///
    /// # Errors
    /// [`LogError`] when they are not.
    pub fn verify(&self, entry: &[u8], head: &Checkpoint) -> Result<(), LogError> {
        let inclusion = InclusionProof { index: self.index, size: head.size, path: self.path.clone() };
        inclusion.verify(&leaf_hash(entry), &head.root)
    }

    /// Verifies the checkpoint against a policy, and that these exact bytes are the entry at the index. Cosignatures
    /// after `latest`, in seconds since 1970, do not count.
    ///
    /// # Errors
    /// [`LogProofError::Policy`] when the policy rejects the checkpoint, [`LogProofError::Log`] when the entry is not
    /// in the log.
    pub fn verify_by(
        &self,
        entry: &[u8],
        policy: &LogPolicy,
        latest: u64,
    ) -> Result<WitnessedCheckpoint, LogProofError> {
        let witnessed = policy.check(self.note.as_bytes(), latest)?;
        self.verify(entry, witnessed.head().checkpoint())?;
        Ok(witnessed)
    }
}

/// Reads a number in its canonical decimal form.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// Reads a hash from a line.
pub(crate) fn hash(line: &str) -> Option<Digest> {
    STANDARD.decode(line).ok()?.try_into().ok().map(Digest::from_bytes)
}
