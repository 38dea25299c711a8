//! A proof for one receipt as a text file (C2SP tlog-proof). Anyone with the log's public key can verify that the
//! receipt is in the signed log, without the rest of the log.

use briefcase_tlog::{LogProof, SignedCheckpoint as LogHead};
use briefcase_types::ReceiptIndex;

use crate::{
    checkpoint::{CheckpointError, PublicKey, SignedReceiptCheckpoint},
    form::{FormError, Receipt},
    merkle::{HashReader, InclusionProof, LogError},
};

/// A proof file is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The bytes are not a proof file.
    #[error("this is not a proof file (c2sp.org/tlog-proof@v1)")]
    Malformed,
    /// The proof's checkpoint is invalid.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The receipt is not in the log at the given index.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The proved entry is not a receipt.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// A proof that one receipt is in a signed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The receipt's index.
    pub index: ReceiptIndex,
    proof: LogProof,
}

impl ReceiptProof {
    /// Makes the proof against a signed checkpoint.
    ///
    /// # Errors
    /// [`LogError`] when the receipt is newer than the checkpoint, or a hash cannot be read.
    pub fn prove<R>(index: ReceiptIndex, head: &SignedReceiptCheckpoint, reader: &R) -> Result<Self, LogError>
    where
        R: HashReader + ?Sized,
    {
        let path = InclusionProof::prove(index.0, head.checkpoint().size, reader)?.path;
        Ok(Self { index, proof: LogProof { index: index.0, extra: None, path, note: head.note().to_owned() } })
    }

    /// The proof file's text.
    #[must_use]
    pub fn text(&self) -> String {
        self.proof.text()
    }

    /// Reads a proof file without verifying it; see [`ReceiptProof::verify`].
    ///
    /// # Errors
    /// [`ProofError::Malformed`] when the bytes are not a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        let proof = LogProof::parse(bytes).map_err(|_| ProofError::Malformed)?;
        Ok(Self { index: ReceiptIndex(proof.index), proof })
    }

    /// Verifies the checkpoint's signature, and that exactly these bytes are the receipt at the index. Returns the
    /// receipt and the checkpoint.
    ///
    /// # Errors
    /// [`ProofError`] from the first check that fails.
    pub fn verify(&self, encoded: &[u8], key: &PublicKey) -> Result<(Receipt, SignedReceiptCheckpoint), ProofError> {
        let note = self.proof.note.as_bytes();
        let head = SignedReceiptCheckpoint::verify(note, key)?;
        self.proof.verify(encoded, LogHead::verify(note, key)?.checkpoint())?;
        Ok((Receipt::decode(encoded)?, head))
    }
}
