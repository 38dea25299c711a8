//! Sealed records. Each holds one secret under a data key of its own.
//!
//! Layout (version 1): `"BVR" 0x01 ‖ key version (u32, big-endian) ‖ wrapped data key (104 bytes) ‖ sealed secret`.
//! The data key's associated data name the key version, so rotation replaces the first 112 bytes and nothing else.

use briefcase_types::{Entropy, SecretBytes};

use crate::{VaultError, VaultId, aead, framing::framed, key::VaultKey};

const MAGIC: [u8; 4] = *b"BVR\x01";
const WRAPPED: usize = 32 + aead::OVERHEAD;
/// The largest secret.
const MOST_BYTES: usize = 1024 * 1024;

/// The address of a record. A record opens only under the address it was sealed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordAddress<'a> {
    /// The kind, such as `credential`.
    pub kind: &'a str,
    /// The id within the kind.
    pub id: &'a str,
    /// The only receiver of the secret: host and header, such as `https://api.example:443 header authorization`.
    pub audience: &'a str,
    /// The version. It grows with each new value, so an older value cannot replace a newer one.
    pub version: u64,
}

/// A sealed secret for the caller to store. It is untrusted until opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRecord(Vec<u8>);

impl SealedRecord {
    /// Takes any bytes from storage. [`crate::Unlocked::open`] verifies them.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the stated version of the record-wrapping key.
    #[must_use]
    pub fn key_version(&self) -> Option<u32> {
        self.parts().map(|parts| parts.version)
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let (magic, rest) = self.0.split_first_chunk::<4>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (wrapped, body) = rest.split_first_chunk::<WRAPPED>()?;
        (*magic == MAGIC).then_some(Parts { version: u32::from_be_bytes(*version), wrapped, body })
    }

    fn assemble(version: u32, wrapped: &[u8], body: &[u8]) -> Self {
        Self([MAGIC.as_slice(), &version.to_be_bytes(), wrapped, body].concat())
    }
}

struct Parts<'a> {
    version: u32,
    wrapped: &'a [u8; WRAPPED],
    body: &'a [u8],
}

pub(crate) fn seal(
    wrapping: &VaultKey,
    version: u32,
    vault: VaultId,
    address: RecordAddress<'_>,
    secret: &[u8],
    entropy: &dyn Entropy,
) -> Result<SealedRecord, VaultError> {
    if secret.len() > MOST_BYTES {
        return Err(VaultError::TooLarge(MOST_BYTES));
    }
    let data = VaultKey::random(entropy);
    let wrapped = aead::seal(wrapping, &aad("key", vault, address, version), data.bytes(), entropy)?;
    let body = aead::seal(&data, &aad("secret", vault, address, 0), secret, entropy)?;
    Ok(SealedRecord::assemble(version, &wrapped, &body))
}

pub(crate) fn open(
    wrapping: &VaultKey,
    version: u32,
    vault: VaultId,
    address: RecordAddress<'_>,
    sealed: &SealedRecord,
) -> Result<SecretBytes, VaultError> {
    let parts = sealed.parts().ok_or(VaultError::DoesNotOpen)?;
    let data = unwrap(wrapping, version, vault, address, &parts)?;
    let mut secret = aead::open(&data, &aad("secret", vault, address, 0), parts.body)?;
    Ok(SecretBytes::new(std::mem::take(&mut *secret)))
}

pub(crate) fn rewrap(
    (old, from): (&VaultKey, u32),
    (new, to): (&VaultKey, u32),
    vault: VaultId,
    address: RecordAddress<'_>,
    sealed: &SealedRecord,
    entropy: &dyn Entropy,
) -> Result<SealedRecord, VaultError> {
    let parts = sealed.parts().ok_or(VaultError::DoesNotOpen)?;
    let data = unwrap(old, from, vault, address, &parts)?;
    aead::open(&data, &aad("secret", vault, address, 0), parts.body)?;
    let wrapped = aead::seal(new, &aad("key", vault, address, to), data.bytes(), entropy)?;
    Ok(SealedRecord::assemble(to, &wrapped, parts.body))
}

fn unwrap(
    wrapping: &VaultKey,
    version: u32,
    vault: VaultId,
    address: RecordAddress<'_>,
    parts: &Parts<'_>,
) -> Result<VaultKey, VaultError> {
    VaultKey::from_slice(&aead::open(wrapping, &aad("key", vault, address, version), parts.wrapped)?)
}

/// The associated data: namespace, what is sealed, vault, kind, id, audience, key version, record version.
fn aad(what: &str, vault: VaultId, address: RecordAddress<'_>, key_version: u32) -> Vec<u8> {
    let parts: [&[u8]; 7] = [
        what.as_bytes(),
        vault.as_bytes(),
        address.kind.as_bytes(),
        address.id.as_bytes(),
        address.audience.as_bytes(),
        &key_version.to_be_bytes(),
        &address.version.to_be_bytes(),
    ];
    framed("briefcase/vault/1", &parts)
}
