//! C2SP tlog-cosignature, `cosignature/v1`: somebody else says when they saw a head and that the log only grew until
//! then. It is the only defence against a rollback or a second history by whoever holds the disk and the log's key.

use std::{fmt, str::FromStr};

use signed_note::Signature;

use crate::{
    checkpoint::SignedCheckpoint,
    note::{CheckpointError, NoteVerifier, PublicKey, check, parse_note},
};

/// Type byte of an Ed25519 cosigner's key.
const COSIGNATURE_V1: u8 = 4;

/// Somebody whose cosignature counts. Text form: the verifier key `name+hash+key` with type 0x04.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: PublicKey,
}

impl Witness {
    /// A witness by its name and key.
    ///
    /// # Errors
    /// [`CheckpointError::Key`] when the name is empty or has spaces or `+`.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, CheckpointError> {
        if !signed_note::is_key_name_valid(name) || name.chars().any(char::is_control) {
            return Err(CheckpointError::Key);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks this witness's cosignature on a signed note, of any log. Gives the time it was made, in seconds since
    /// 1970; the caller judges whether that is recent enough.
    ///
    /// # Errors
    /// [`CheckpointError::Unsigned`] without a cosignature by this witness, [`CheckpointError::Signature`] when it does
    /// not hold.
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

    /// Cosigns a head as seen at `time`, in seconds since 1970: gives the signature line, newline included. `sign` gets
    /// the message and returns the 64 bytes of an Ed25519 signature, or `None` when the key is not available.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`] without a signature, [`CheckpointError::Signature`] when it is by another key.
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

/// A `timestamped_signature`: 8 bytes of time, then the signature.
fn split(stamped: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = stamped.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    (time <= u64::MAX >> 1).then_some((time, signature))
}

/// What an Ed25519 cosigner signs.
fn message(time: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time}\n").into_bytes();
    message.extend_from_slice(text);
    message
}
