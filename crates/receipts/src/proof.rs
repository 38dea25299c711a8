//! A proof for one receipt as a text file (C2SP tlog-proof): anyone with the log's public key can check that this
//! receipt is in the signed log, without the rest of the log.

use briefcase_tlog::{LogProof, SignedCheckpoint as LogHead};
use briefcase_types::ReceiptIndex;

use crate::{
    checkpoint::{CheckpointError, PublicKey, SignedReceiptCheckpoint},
    form::{FormError, Receipt},
    merkle::{HashReader, InclusionProof, LogError},
};

/// Why a proof file proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Not a proof file.
    #[error("this is not a proof file (c2sp.org/tlog-proof@v1)")]
    Malformed,
    /// The checkpoint in it does not hold.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The receipt is not where the proof says.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was proved to be in the log is not a receipt.
    #[error(transparent)]
    Form(#[from] FormError),
}

/// A proof that one receipt is in a signed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The receipt's place.
    pub index: ReceiptIndex,
    proof: LogProof,
}

impl ReceiptProof {
    /// Makes the proof against a signed head.
    ///
    /// # Errors
    /// [`LogError`] when the receipt came after the head, or a hash cannot be read.
    pub fn prove<R>(index: ReceiptIndex, head: &SignedReceiptCheckpoint, reader: &R) -> Result<Self, LogError>
    where
        R: HashReader + ?Sized,
    {
        let path = InclusionProof::prove(index.0, head.checkpoint().size, reader)?.path;
        Ok(Self { index, proof: LogProof { index: index.0, extra: None, path, note: head.note().to_owned() } })
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        self.proof.text()
    }

    /// Reads a proof file. Says nothing about what it proves; see [`ReceiptProof::verify`].
    ///
    /// # Errors
    /// [`ProofError::Malformed`] when the bytes are not a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        let proof = LogProof::parse(bytes).map_err(|_| ProofError::Malformed)?;
        Ok(Self { index: ReceiptIndex(proof.index), proof })
    }

    /// Checks the head's signature, and that exactly these bytes are the receipt at the index. Gives the receipt and the
    /// head.
    ///
    /// # Errors
    /// [`ProofError`] with the first thing that does not hold.
    pub fn verify(&self, encoded: &[u8], key: &PublicKey) -> Result<(Receipt, SignedReceiptCheckpoint), ProofError> {
        let note = self.proof.note.as_bytes();
        let head = SignedReceiptCheckpoint::verify(note, key)?;
        self.proof.verify(encoded, LogHead::verify(note, key)?.checkpoint())?;
        Ok((Receipt::decode(encoded)?, head))
    }
}
