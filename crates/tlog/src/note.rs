//! Signed notes (C2SP signed-note) and the Ed25519 keys that sign them.
//!
//! Invariant: a signature counts only if its line names the key, by name and key id, and the signature is valid for the
//! text.

use std::{fmt, str::FromStr};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::VerifyingKey;
use signed_note::{Note, Verifier, VerifierList};

/// Type byte of an Ed25519 log key in signed notes.
pub(crate) const ED25519: u8 = 1;

/// The longest accepted note. A checkpoint with a hundred cosignatures is shorter.
const NOTE_MAX: usize = 64 * 1024;

/// A checkpoint, key or cosignature was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The bytes are not a signed note with a checkpoint.
    #[error("this is not a signed checkpoint")]
    Malformed,
    /// The checkpoint names another log, or no valid log.
    #[error("the checkpoint belongs to another log")]
    Origin,
    /// The log's key made no signature.
    #[error("the checkpoint is not signed by this key")]
    Unsigned,
    /// A signature names the key but is invalid.
    #[error("the checkpoint's signature is invalid")]
    Signature,
    /// The text or bytes are not a public key.
    #[error("a public key is 43 characters of unpadded base64url, or a verifier key `name+hash+key`")]
    Key,
    /// The signing closure returned no signature.
    #[error("the log's key is not available")]
    NotSigned,
}

/// A public key of a log or a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of an Ed25519 public key.
    ///
    /// # Errors
    /// [`CheckpointError::Key`] for bytes that are not a key, or for a weak key that accepts forged signatures.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, CheckpointError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| CheckpointError::Key)?;
        if key.is_weak() { Err(CheckpointError::Key) } else { Ok(Self(key)) }
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The verifier key of a log with this name and key: `name+hash+key`, as C2SP tools write it.
    #[must_use]
    pub fn verifier_key(&self, name: &str) -> String {
        signed_note::new_ed25519_verifier_key(name, &self.0)
    }

    /// The verifier key for a key of another type.
    pub(crate) fn typed_verifier_key(&self, name: &str, algorithm: u8) -> String {
        let mut key = vec![algorithm];
        key.extend_from_slice(self.as_bytes());
        format!("{name}+{:08x}+{}", self.id(name, algorithm), STANDARD.encode(key))
    }

    pub(crate) fn id(&self, name: &str, algorithm: u8) -> u32 {
        let mut key = vec![algorithm];
        key.extend_from_slice(self.as_bytes());
        signed_note::key_id(name, &key)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    /// Reads a verifier key whose type byte is `algorithm`. Returns its name and key.
    pub(crate) fn from_verifier_key(text: &str, algorithm: u8) -> Result<(&str, Self), CheckpointError> {
        let (name, rest) = text.split_once('+').ok_or(CheckpointError::Key)?;
        let (id, key) = rest.split_once('+').ok_or(CheckpointError::Key)?;
        let bytes = STANDARD.decode(key).map_err(|_| CheckpointError::Key)?;
        let (kind, key) = bytes.split_first().ok_or(CheckpointError::Key)?;
        let key = Self::from_bytes(key.try_into().map_err(|_| CheckpointError::Key)?)?;
        let named = signed_note::is_key_name_valid(name) && id == format!("{:08x}", key.id(name, algorithm));
        if *kind == algorithm && named { Ok((name, key)) } else { Err(CheckpointError::Key) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }
}

impl FromStr for PublicKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        if text.contains('+') {
            return Self::from_verifier_key(text, ED25519).map(|(_, key)| key);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CheckpointError::Key)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| CheckpointError::Key)?)
    }
}

pub(crate) fn parse_note(note: &[u8]) -> Result<Note, CheckpointError> {
    if note.len() > NOTE_MAX {
        return Err(CheckpointError::Malformed);
    }
    Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)
}

/// A verifier of one key for [`Note::verify`].
pub(crate) struct NoteVerifier<F> {
    pub(crate) name: String,
    pub(crate) id: u32,
    pub(crate) verifies: F,
}

impl<F: Fn(&[u8], &[u8]) -> bool> Verifier for NoteVerifier<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        (self.verifies)(message, signature)
    }
}

/// Verifies the signature line of this key. Returns the signature's bytes.
pub(crate) fn check<F>(note: &Note, key: NoteVerifier<F>) -> Result<Vec<u8>, CheckpointError>
where
    F: Fn(&[u8], &[u8]) -> bool + 'static,
{
    let verified = note.verify(&VerifierList::new(vec![Box::new(key)])).map_err(|error| match error {
        signed_note::NoteError::UnverifiedNote => CheckpointError::Unsigned,
        signed_note::NoteError::InvalidSignature { .. } => CheckpointError::Signature,
        _ => CheckpointError::Malformed,
    })?;
    verified.0.first().map(|line| line.signature().to_vec()).ok_or(CheckpointError::Unsigned)
}
