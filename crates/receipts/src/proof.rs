//! A proof for one receipt as a text file (C2SP tlog-proof): anyone with the log's public key can check that this
//! receipt is in the signed log, without the rest of the log.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_types::{Digest, ReceiptIndex};

use crate::{
    checkpoint::{CheckpointError, PublicKey, SignedCheckpoint},
    form::{FormError, Receipt},
    log::{HashReader, Inclusion, LogError, leaf_hash},
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Longest proof file that is read.
const TEXT_MAX: usize = 128 * 1024;

/// Why a proof file proves nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Not a proof file.
    #[error("this is not a proof file ({HEADER})")]
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
    path: Vec<Digest>,
    note: String,
}

impl ReceiptProof {
    /// Makes the proof against a signed head.
    ///
    /// # Errors
    /// [`LogError`] when the receipt came after the head, or a hash cannot be read.
    pub fn prove<R>(index: ReceiptIndex, head: &SignedCheckpoint, reader: &R) -> Result<Self, LogError>
    where
        R: HashReader + ?Sized,
    {
        let inclusion = Inclusion::prove(index.0, head.checkpoint().size, reader)?;
        Ok(Self { index, path: inclusion.path, note: head.note().to_owned() })
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let path: String = self.path.iter().map(|hash| STANDARD.encode(hash.as_bytes()) + "\n").collect();
        format!("{HEADER}\nindex {}\n{path}\n{}", self.index.0, self.note)
    }

    /// Reads a proof file. Says nothing about what it proves; see [`ReceiptProof::verify`].
    ///
    /// # Errors
    /// [`ProofError::Malformed`] when the bytes are not a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > TEXT_MAX {
            return Err(ProofError::Malformed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofError::Malformed)?;
        let (head, note) = text.split_once("\n\n").ok_or(ProofError::Malformed)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(ProofError::Malformed);
        }
        let mut line = lines.next().ok_or(ProofError::Malformed)?;
        if let Some(extra) = line.strip_prefix("extra ") {
            // Extra data is not authenticated and means nothing here, but has to be well formed.
            STANDARD.decode(extra).map_err(|_| ProofError::Malformed)?;
            line = lines.next().ok_or(ProofError::Malformed)?;
        }
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(ProofError::Malformed)?;
        let path = lines.map(hash).collect::<Option<Vec<_>>>().ok_or(ProofError::Malformed)?;
        Ok(Self { index: ReceiptIndex(index), path, note: note.to_owned() })
    }

    /// Checks the head's signature, and that exactly these bytes are the receipt at the index. Gives the receipt and the
    /// head.
    ///
    /// # Errors
    /// [`ProofError`] with the first thing that does not hold.
    pub fn verify(&self, encoded: &[u8], key: &PublicKey) -> Result<(Receipt, SignedCheckpoint), ProofError> {
        let head = SignedCheckpoint::verify(self.note.as_bytes(), key)?;
        let inclusion = Inclusion { index: self.index.0, size: head.checkpoint().size, path: self.path.clone() };
        inclusion.verify(&leaf_hash(encoded), &head.checkpoint().root)?;
        Ok((Receipt::decode(encoded)?, head))
    }
}

fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn hash(line: &str) -> Option<Digest> {
    STANDARD.decode(line).ok()?.try_into().ok().map(Digest::from_bytes)
}
