//! Wraps a key under a credential. Slots and backups share this part.

use briefcase_types::{Entropy, SecretBytes, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    KeyStore, KeyStoreError, UnlockKey, VaultError, aead,
    framing::framed,
    kdf::{self, StoredCost},
    key::{self, VaultKey},
    stored_bytes::StoredBytes,
};

/// A wrapped 256-bit key.
pub(crate) type Wrapped = StoredBytes<{ 32 + aead::OVERHEAD }>;

/// The credential that opens a slot or an archive.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// A passphrase.
    Passphrase(&'a SecretString),
    /// A generated key.
    UnlockKey(&'a UnlockKey),
    /// A PIN together with the half in the OS keyring.
    Keyring {
        /// The PIN.
        pin: &'a SecretString,
        /// The store with the other half.
        store: &'a dyn KeyStore,
    },
}

/// The public part of a protection in its stored form.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Protection {
    Passphrase { cost: StoredCost, salt: StoredBytes<16> },
    UnlockKey { salt: StoredBytes<16> },
    Keyring { cost: StoredCost, salt: StoredBytes<16>, item: String },
}

pub(crate) fn salt(entropy: &dyn Entropy) -> StoredBytes<16> {
    let mut salt = [0; 16];
    entropy.fill(&mut salt);
    StoredBytes(salt)
}

impl Protection {
    /// Wraps `inner`. `scope` names the owner of the key and its place.
    pub(crate) fn wrap(
        &self,
        scope: &[&[u8]],
        credential: Credential<'_>,
        inner: &VaultKey,
        entropy: &dyn Entropy,
    ) -> Result<Wrapped, VaultError> {
        let kek = self.kek(credential)?.ok_or(VaultError::DoesNotOpen)?;
        let sealed = aead::seal(&kek, &self.aad(scope), inner.bytes(), entropy)?;
        sealed.try_into().map(StoredBytes).map_err(|_| VaultError::DoesNotOpen)
    }

    /// Unwraps the output of [`Self::wrap`] in the same scope.
    pub(crate) fn unwrap(
        &self,
        scope: &[&[u8]],
        credential: Credential<'_>,
        wrapped: &Wrapped,
    ) -> Result<VaultKey, VaultError> {
        let kek = self.kek(credential)?.ok_or(VaultError::DoesNotOpen)?;
        VaultKey::from_slice(&aead::open(&kek, &self.aad(scope), &wrapped.0)?)
    }

    /// Returns an unambiguous encoding of the protection's public part.
    pub(crate) fn framed(&self) -> Vec<u8> {
        match self {
            Self::Passphrase { cost, salt } => framed("passphrase", &[&cost.framed(), &salt.0]),
            Self::UnlockKey { salt } => framed("unlock_key", &[&salt.0]),
            Self::Keyring { cost, salt, item } => framed("keyring", &[&cost.framed(), &salt.0, item.as_bytes()]),
        }
    }

    fn aad(&self, scope: &[&[u8]]) -> Vec<u8> {
        let protection = self.framed();
        let parts: Vec<&[u8]> = scope.iter().copied().chain([protection.as_slice()]).collect();
        framed("briefcase/vault/1/wrap", &parts)
    }

    /// Derives the key-encryption key; `None` when the credential has another kind, or the stored costs are out of
    /// range.
    fn kek(&self, credential: Credential<'_>) -> Result<Option<VaultKey>, VaultError> {
        let label = "briefcase/vault/1/kek";
        match (self, credential) {
            (Self::Passphrase { cost, salt }, Credential::Passphrase(passphrase)) => {
                let Some(cost) = cost.checked() else { return Ok(None) };
                let stretched = kdf::stretch(cost, &salt.0, passphrase)?;
                stretched.derive(&salt.0, label, &[b"passphrase"]).map(Some)
            }
            (Self::UnlockKey { salt }, Credential::UnlockKey(unlock)) => {
                unlock.0.derive(&salt.0, label, &[b"unlock_key"]).map(Some)
            }
            (Self::Keyring { cost, salt, item }, Credential::Keyring { pin, store }) => {
                let Some(cost) = cost.checked() else { return Ok(None) };
                let half = keyring_half(store, item)?;
                let stretched = kdf::stretch(cost, &salt.0, pin)?;
                key::derive(&[stretched.bytes(), half.bytes()], &salt.0, label, &[b"keyring"]).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Generates the keyring's half and stores it.
pub(crate) fn put_keyring_half(store: &dyn KeyStore, item: &str, entropy: &dyn Entropy) -> Result<(), VaultError> {
    let half = VaultKey::random(entropy);
    Ok(store.put(item, &SecretBytes::new(half.bytes().to_vec()))?)
}

fn keyring_half(store: &dyn KeyStore, item: &str) -> Result<VaultKey, VaultError> {
    let secret = store.read(item)?;
    secret.expose(VaultKey::from_slice).map_err(|_| KeyStoreError::Absent { store: store.name() }.into())
}
