//! Requests to a witness for a cosignature (C2SP tlog-witness, `add-checkpoint`), and the rule for answering them.
//!
//! Invariant: [`AddCheckpoint::accept`] succeeds only if the new checkpoint extends the last cosigned one. The witness
//! compares with the stored checkpoint and stores the new one in one step, before it signs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_types::Digest;

use crate::{
    checkpoint::{Checkpoint, LogVerifierKey, SignedCheckpoint},
    merkle::{ConsistencyProof, Frontier},
    note::CheckpointError,
    proof_file::{decimal, hash},
};

/// The maximum number of hashes in a consistency proof.
const LINES_MAX: usize = 63;

/// The longest accepted request.
pub const REQUEST_MAX: usize = 128 * 1024;

/// The content type of a response body that states the last cosigned size.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A request to cosign a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness last cosigned, as far as the sender knows.
    pub old: u64,
    /// The consistency proof from the old size to the new checkpoint.
    pub proof: Vec<Digest>,
    /// The new checkpoint's signed note.
    pub note: String,
}

/// The last checkpoint of a log that a witness cosigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCosigned {
    /// The number of entries.
    pub size: u64,
    /// The root over all entries.
    pub root: Digest,
}

/// A witness refuses to cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignRefusal {
    /// The bytes are not a request.
    #[error("this is not an add-checkpoint request")]
    Malformed,
    /// This witness does not follow that log.
    #[error("this witness does not follow this log")]
    UnknownLog,
    /// The log did not sign the checkpoint.
    #[error("the checkpoint is not signed by the log's key")]
    Unsigned,
    /// The witness last cosigned another size, or another root of the same size.
    #[error("the last cosigned checkpoint has {size} entries")]
    Conflict {
        /// The size last cosigned.
        size: u64,
    },
    /// The new checkpoint does not extend the old one.
    #[error("the new checkpoint does not extend the last cosigned one")]
    Inconsistent,
}

impl CosignRefusal {
    /// The HTTP status for this refusal.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Conflict { .. } => 409,
            Self::Inconsistent => 422,
        }
    }
}

impl AddCheckpoint {
    /// The request's body.
    #[must_use]
    pub fn text(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
        format!("old {}\n{proof}\n{}", self.old, self.note)
    }

    /// Reads a request's body.
    ///
    /// # Errors
    /// [`CosignRefusal::Malformed`] when the bytes are not a request.
    pub fn parse(bytes: &[u8]) -> Result<Self, CosignRefusal> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= REQUEST_MAX);
        text.and_then(Self::read).ok_or(CosignRefusal::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = lines.next()?.strip_prefix("old ").and_then(decimal)?;
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        let sound = proof.len() <= LINES_MAX && (old > 0 || proof.is_empty());
        sound.then(|| Self { old, proof, note: note.to_owned() })
    }

    /// The request's checkpoint, without verifying its signature.
    ///
    /// # Errors
    /// [`CosignRefusal::Malformed`] without a checkpoint.
    pub fn unverified_checkpoint(&self) -> Result<Checkpoint, CosignRefusal> {
        Checkpoint::parse_unverified(self.note.as_bytes()).map_err(|_| CosignRefusal::Malformed)
    }

    /// Verifies the request for a log whose last cosigned checkpoint is `seen`.
    ///
    /// # Errors
    /// [`CosignRefusal`] with the first reason to refuse.
    pub fn accept(&self, log: &LogVerifierKey, seen: Option<&LastCosigned>) -> Result<SignedCheckpoint, CosignRefusal> {
        let head = log.verify(self.note.as_bytes()).map_err(|error| match error {
            CheckpointError::Malformed => CosignRefusal::Malformed,
            CheckpointError::Origin => CosignRefusal::UnknownLog,
            _ => CosignRefusal::Unsigned,
        })?;
        let new = head.checkpoint();
        if self.old > new.size {
            return Err(CosignRefusal::Malformed);
        }
        let known = seen.map_or(0, |seen| seen.size);
        if self.old != known {
            return Err(CosignRefusal::Conflict { size: known });
        }
        let before = seen.map_or_else(|| Frontier::new().root(), |seen| seen.root);
        if self.old == new.size && before != new.root {
            return Err(CosignRefusal::Conflict { size: known });
        }
        if self.old > 0 {
            let proof = ConsistencyProof { old: self.old, new: new.size, path: self.proof.clone() };
            proof.verify(&before, &new.root).map_err(|_| CosignRefusal::Inconsistent)?;
        }
        Ok(head)
    }
}
