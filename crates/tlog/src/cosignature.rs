//! C2SP tlog-cosignature, `cosignature/v1`: a witness states when it saw a checkpoint, and that the log only grew until
//! then. Cosignatures are the only defence against a rollback or a second history by an attacker with the disk and the
//! log's key.

use std::{fmt, str::FromStr};

use signed_note::Signature;

use crate::{
    checkpoint::SignedCheckpoint,
    note::{CheckpointError, NoteVerifier, PublicKey, check, parse_note},
};

/// Type byte of an Ed25519 witness key.
const COSIGNATURE_V1: u8 = 4;

/// A witness: its name and public key. Text form: the verifier key `name+hash+key` with type 0x04.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: PublicKey,
}

impl Witness {
    /// Makes a witness from its name and key.
    ///
    /// # Errors
    /// [`CheckpointError::Key`] when the name is empty or contains spaces or `+`.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, CheckpointError> {
        if !signed_note::is_key_name_valid(name) || name.chars().any(char::is_control) {
            return Err(CheckpointError::Key);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The witness's public key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Verifies this witness's cosignature on a signed note of any log. Returns the time of the cosignature, in seconds
    /// since 1970. The caller decides whether that is recent enough.
    ///
    /// # Errors
    /// [`CheckpointError::Unsigned`] without a cosignature by this witness, [`CheckpointError::Signature`] when it is
    /// invalid.
    pub fn verify(&self, note: &[u8]) -> Result<u64, CheckpointError> {
        let note = parse_note(note)?;
        tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::Malformed)?;
        let key = self.key;
        let verifies = move |text: &[u8], stamped: &[u8]| {
            split(stamped).is_some_and(|(time, signature)| key.verifies(&message(time, text), signature))
        };
        let id = key.id(&self.name, COSIGNATURE_V1);
        let stamped = check(&note, NoteVerifier { name: self.name.clone(), id, verifies })?;
        split(&stamped).map(|(time, _)| time).ok_or(CheckpointError::Signature)
    }

    /// Cosigns a checkpoint as seen at `time`, in seconds since 1970. Returns the signature line, newline included.
    /// `sign` gets the message and returns the 64 bytes of an Ed25519 signature, or `None` when the private key is not
    /// available.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`] without a signature, [`CheckpointError::Signature`] when another key made it.
    pub fn cosign(
        &self,
        head: &SignedCheckpoint,
        time: u64,
        sign: impl FnOnce(&[u8]) -> Option<[u8; 64]>,
    ) -> Result<String, CheckpointError> {
        let message = message(time, head.checkpoint().text().as_bytes());
        let mut stamped = time.to_be_bytes().to_vec();
        stamped.extend(sign(&message).ok_or(CheckpointError::NotSigned)?);
        let id = self.key.id(&self.name, COSIGNATURE_V1);
        let line = Signature::new(self.name.clone(), id, stamped).map_err(|_| CheckpointError::Malformed)?;
        let line = String::from_utf8(line.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
        self.verify(head.with_lines(&line)?.note().as_bytes())?;
        Ok(line)
    }
}

impl FromStr for Witness {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let (name, key) = PublicKey::from_verifier_key(text, COSIGNATURE_V1)?;
        Self::new(name, key)
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key.typed_verifier_key(&self.name, COSIGNATURE_V1))
    }
}

/// Splits a `timestamped_signature`: 8 bytes of time, then the signature.
fn split(stamped: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = stamped.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= u64::MAX >> 1).then_some((time, signature))
}

/// The message that an Ed25519 witness signs.
fn message(time: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend_from_slice(text);
    message
}
