//! Signed tree heads: C2SP checkpoints as signed notes (Ed25519).
//!
//! Invariant: a [`SignedCheckpoint`] exists only if its signature was checked against the log's key. The owner of the
//! private key signs through a closure, and the returned signature is checked before use.

use std::{fmt, str::FromStr};

use briefcase_types::Digest;
use signed_note::{Note, Signature};

use crate::{
    merkle::{from_tlog, to_tlog},
    note::{CheckpointError, ED25519, NoteVerifier, PublicKey, check, parse_note},
};

/// The name of a log: the first line of its checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    /// Reads a key name of signed notes, of at most 255 bytes.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let sound = signed_note::is_key_name_valid(text) && text.len() <= 255 && !text.chars().any(char::is_control);
        if sound { Ok(Self(text.to_owned())) } else { Err(CheckpointError::Origin) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A log's name and public key. Text form: the verifier key `origin+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogVerifierKey {
    /// The log's name.
    pub origin: Origin,
    /// The key that signs the log's checkpoints.
    pub key: PublicKey,
}

impl LogVerifierKey {
    /// Reads a signed note and checks that this log signed it.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] for another log, else as [`SignedCheckpoint::verify`].
    pub fn verify(&self, note: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
        if Checkpoint::parse_unverified(note)?.origin != self.origin {
            return Err(CheckpointError::Origin);
        }
        SignedCheckpoint::verify(note, &self.key)
    }
}

impl FromStr for LogVerifierKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (name, key) = PublicKey::from_verifier_key(text, ED25519)?;
        Ok(Self { origin: name.parse()?, key })
    }
}

impl fmt::Display for LogVerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key.verifier_key(self.origin.as_str()))
    }
}

/// The text of a checkpoint, which is signed (C2SP tlog-checkpoint).
#[must_use]
pub fn text(origin: &str, size: u64, root: &Digest) -> String {
    format!("{origin}\n{size}\n{}\n", to_tlog(root))
}

/// A checkpoint: the size of a log and the root over all its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// The number of entries.
    pub size: u64,
    /// The root over all entries.
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed (C2SP tlog-checkpoint).
    #[must_use]
    pub fn text(&self) -> String {
        text(self.origin.as_str(), self.size, &self.root)
    }

    /// Reads the checkpoint of a signed note **without** verifying its signatures.
    ///
    /// # Errors
    /// [`CheckpointError`] when the bytes are not a note with a checkpoint.
    pub fn parse_unverified(note: &[u8]) -> Result<Self, CheckpointError> {
        Self::parse(parse_note(note)?.text())
    }

    /// Signs the checkpoint for the given public key. `sign` gets the text and returns the 64 bytes of an Ed25519
    /// signature, or `None` when the private key is not available.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`] without a signature, [`CheckpointError::Signature`] when another key made it.
    pub fn sign(
        &self,
        key: &PublicKey,
        sign: impl FnOnce(&[u8]) -> Option<[u8; 64]>,
    ) -> Result<SignedCheckpoint, CheckpointError> {
        let (name, text) = (self.origin.to_string(), self.text());
        let signature = sign(text.as_bytes()).ok_or(CheckpointError::NotSigned)?;
        let id = key.id(&name, ED25519);
        let line = Signature::new(name, id, signature.to_vec()).map_err(|_| CheckpointError::Malformed)?;
        let note = Note::new(text.as_bytes(), &[line]).map_err(|_| CheckpointError::Malformed)?;
        SignedCheckpoint::verify(&note.to_bytes(), key)
    }

    fn parse(text: &[u8]) -> Result<Self, CheckpointError> {
        let parsed = tlog_tiles::Checkpoint::from_bytes(text).map_err(|_| CheckpointError::Malformed)?;
        let checkpoint =
            Self { origin: parsed.origin().parse()?, size: parsed.size(), root: from_tlog(*parsed.hash()) };
        // Reject extension lines and non-canonical encodings.
        if checkpoint.text().as_bytes() == text { Ok(checkpoint) } else { Err(CheckpointError::Malformed) }
    }
}

/// A checkpoint whose signature by the log's key was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Reads a signed note and verifies the signature of the log that it names. Other signatures are kept unverified;
    /// see [`Witness::verify`](crate::Witness::verify).
    ///
    /// # Errors
    /// [`CheckpointError`] when the note is not a checkpoint that this key signed.
    pub fn verify(note: &[u8], key: &PublicKey) -> Result<Self, CheckpointError> {
        let parsed = parse_note(note)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        let name = checkpoint.origin.to_string();
        let (id, key) = (key.id(&name, ED25519), *key);
        check(
            &parsed,
            NoteVerifier { name, id, verifies: move |text: &[u8], signature: &[u8]| key.verifies(text, signature) },
        )?;
        let note = String::from_utf8(parsed.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
        Ok(Self { checkpoint, note })
    }

    /// The checkpoint.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note, in the form that is stored and exported.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Returns the same checkpoint with more signature lines. Each line ends with a newline.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] when `lines` has anything but signature lines.
    pub fn with_lines(&self, lines: &str) -> Result<Self, CheckpointError> {
        let parsed = parse_note(format!("{}{lines}", self.note).as_bytes())?;
        let note = String::from_utf8(parsed.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
        if parsed.text() == self.checkpoint.text().as_bytes() && note.starts_with(&self.note) {
            Ok(Self { checkpoint: self.checkpoint.clone(), note })
        } else {
            Err(CheckpointError::Malformed)
        }
    }
}
