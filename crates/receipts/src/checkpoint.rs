//! Signed tree heads: C2SP checkpoints as signed notes (Ed25519), and cosignatures of witnesses.
//!
//! Invariant: a [`SignedCheckpoint`] exists only if its signature was checked against the log's key. The private key
//! stays in the vault; signing takes a closure, and what it returns is checked before it is handed out.

mod witness;

use std::{fmt, str::FromStr};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use briefcase_types::{Digest, Incarnation};
use ed25519_dalek::VerifyingKey;
use signed_note::{Note, Signature, Verifier, VerifierList};
pub use witness::Witness;

use crate::log::{from_tlog, to_tlog};

/// Type byte of an Ed25519 key in the names of notes.
const ED25519: u8 = 1;

/// Longest note that is read. A checkpoint with a hundred cosignatures is shorter.
const NOTE_MAX: usize = 64 * 1024;

/// Why a checkpoint, key or cosignature was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note with a checkpoint in it.
    #[error("this is not a signed checkpoint")]
    Malformed,
    /// Not an origin of this product.
    #[error("the checkpoint's origin is not `briefcase/<install>/<incarnation>`")]
    Origin,
    /// No signature by the log's key.
    #[error("the checkpoint is not signed by this key")]
    Unsigned,
    /// A signature that names the key, but does not hold.
    #[error("the checkpoint's signature does not hold")]
    Signature,
    /// Not a public key.
    #[error("a public key is 43 characters of unpadded base64url, or a verifier key `name+hash+key`")]
    Key,
    /// The vault did not sign.
    #[error("the log's key is not available")]
    NotSigned,
}

/// The log's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Takes the 32 bytes of an Ed25519 public key.
    ///
    /// # Errors
    /// [`CheckpointError::Key`] for bytes that are no key, or a key for which anyone can sign.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, CheckpointError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| CheckpointError::Key)?;
        if key.is_weak() { Err(CheckpointError::Key) } else { Ok(Self(key)) }
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The key with its log's origin, as other C2SP tools take it: `origin+hash+key`.
    #[must_use]
    pub fn verifier_key(&self, origin: &Origin) -> String {
        signed_note::new_ed25519_verifier_key(origin.as_str(), &self.0)
    }

    fn id(&self, name: &str, algorithm: u8) -> u32 {
        let mut key = vec![algorithm];
        key.extend_from_slice(self.as_bytes());
        signed_note::key_id(name, &key)
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    /// Takes a verifier key whose type byte is `algorithm`; gives its name too.
    fn from_verifier_key(text: &str, algorithm: u8) -> Result<(&str, Self), CheckpointError> {
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

/// Which log: `briefcase/<install>/<incarnation>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of an installation's log in one incarnation. `install` is 1 to 64 of `A-Z a-z 0-9 _ -`.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] for another install id.
    pub fn new(install: &str, incarnation: &Incarnation) -> Result<Self, CheckpointError> {
        let letters = install.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !letters || !(1..=64).contains(&install.len()) {
            return Err(CheckpointError::Origin);
        }
        Ok(Self(format!("briefcase/{install}/{incarnation}")))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The installation.
    #[must_use]
    pub fn install(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let rest = text.strip_prefix("briefcase/").ok_or(CheckpointError::Origin)?;
        let (install, incarnation) = rest.split_once('/').ok_or(CheckpointError::Origin)?;
        let origin = Self::new(install, &incarnation.parse().map_err(|_| CheckpointError::Origin)?)?;
        if origin.0 == text { Ok(origin) } else { Err(CheckpointError::Origin) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The head of a log: its size and the root over everything in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// How many receipts.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl Checkpoint {
    /// The text that is signed (C2SP tlog-checkpoint).
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, to_tlog(&self.root))
    }

    /// Signs with the key whose public half is given. `sign` gets the text and returns the 64 bytes of an Ed25519
    /// signature, or `None` when the key is not available.
    ///
    /// # Errors
    /// [`CheckpointError::NotSigned`] without a signature, [`CheckpointError::Signature`] when it is by another key.
    pub fn sign(
        self,
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
        // Extension lines, and other spellings of the same head, are none of ours.
        if checkpoint.text().as_bytes() == text { Ok(checkpoint) } else { Err(CheckpointError::Malformed) }
    }
}

/// A head whose signature by the log's key was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: String,
}

impl SignedCheckpoint {
    /// Reads a signed note and checks the log's signature. Other signatures on it are kept and not judged; see
    /// [`Witness::verify`].
    ///
    /// # Errors
    /// [`CheckpointError`] when it is not a checkpoint of this product signed by this key.
    pub fn verify(note: &[u8], key: &PublicKey) -> Result<Self, CheckpointError> {
        let parsed = parse_note(note)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        let name = checkpoint.origin.to_string();
        let id = key.id(&name, ED25519);
        check(&parsed, Key { name, id, holds: holds_ed25519(*key) })?;
        let note = String::from_utf8(parsed.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
        Ok(Self { checkpoint, note })
    }

    /// The head.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed note, as it is stored and exported.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }
}

fn parse_note(note: &[u8]) -> Result<Note, CheckpointError> {
    if note.len() > NOTE_MAX {
        return Err(CheckpointError::Malformed);
    }
    Note::from_bytes(note).map_err(|_| CheckpointError::Malformed)
}

fn holds_ed25519(key: PublicKey) -> impl Fn(&[u8], &[u8]) -> bool {
    move |message, signature| key.holds(message, signature)
}

/// One key for [`Note::verify`].
struct Key<F> {
    name: String,
    id: u32,
    holds: F,
}

impl<F: Fn(&[u8], &[u8]) -> bool> Verifier for Key<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        (self.holds)(message, signature)
    }
}

/// The bytes of the signature line of this key, after they were found to hold.
fn check<F>(note: &Note, key: Key<F>) -> Result<Vec<u8>, CheckpointError>
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
