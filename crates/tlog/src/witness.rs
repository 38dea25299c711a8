//! How a witness is asked for a cosignature (C2SP tlog-witness, `add-checkpoint`), and the rule by which it answers.
//!
//! Invariant: [`AddCheckpoint::judge`] says yes only if the new head continues the one that was cosigned last. Whoever
//! keeps that head stores the new one, in one step with comparing the old, before signing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_types::Digest;

use crate::{
    checkpoint::{Checkpoint, LogVerifierKey, SignedCheckpoint},
    note::CheckpointError,
    proof::{decimal, hash},
    tree::{Consistency, Frontier},
};

/// Most lines of a consistency proof.
const LINES_MAX: usize = 63;

/// Longest request that is read.
pub const REQUEST_MAX: usize = 128 * 1024;

/// The content type of a body that says which size is known.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A request to cosign a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness is believed to have cosigned last.
    pub old: u64,
    /// Why the new head continues it.
    pub proof: Vec<Digest>,
    /// The new head's signed note.
    pub note: String,
}

/// What a witness cosigned last of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCosigned {
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// Why a witness does not cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignRefusal {
    /// The request is not one.
    #[error("this is not an add-checkpoint request")]
    Malformed,
    /// The log is none of the witness's.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// The log did not sign.
    #[error("the head is not signed by the log's key")]
    Unsigned,
    /// The witness has cosigned another size, or another root of the same size.
    #[error("the head last cosigned has {size} entries")]
    Conflict {
        /// The size that it has cosigned.
        size: u64,
    },
    /// The new head does not continue the old one.
    #[error("the new head does not continue the one last cosigned")]
    Inconsistent,
}

impl CosignRefusal {
    /// The HTTP status that says so.
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
    /// [`CosignRefusal::Malformed`] when it is none.
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

    /// Which log it is about, as it says itself.
    ///
    /// # Errors
    /// [`CosignRefusal::Malformed`] without a checkpoint.
    pub fn unverified_checkpoint(&self) -> Result<Checkpoint, CosignRefusal> {
        Checkpoint::parse_unverified(self.note.as_bytes()).map_err(|_| CosignRefusal::Malformed)
    }

    /// Judges the request for a log whose last cosigned head is `seen`.
    ///
    /// # Errors
    /// [`CosignRefusal`] with the first reason not to cosign.
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
            let proof = Consistency { old: self.old, new: new.size, path: self.proof.clone() };
            proof.verify(&before, &new.root).map_err(|_| CosignRefusal::Inconsistent)?;
        }
        Ok(head)
    }
}
