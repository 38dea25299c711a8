//! How a key is kept from whoever does not know what opens it: the part slots and backups share.

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

/// What a person or machine shows to open something.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Credential<'a> {
    /// A passphrase alone.
    Passphrase(&'a SecretString),
    /// A generated key.
    UnlockKey(&'a UnlockKey),
    /// A PIN, together with what the OS keyring holds.
    Keyring {
        /// What the person types.
        pin: &'a SecretString,
        /// Where the other half is.
        store: &'a dyn KeyStore,
    },
}

/// The public part of a protection, as it is stored.
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
    /// Wraps `inner`. `scope` says what it belongs to and where it stands.
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

    /// Unwraps what [`Self::wrap`] made in the same scope.
    pub(crate) fn unwrap(
        &self,
        scope: &[&[u8]],
        credential: Credential<'_>,
        wrapped: &Wrapped,
    ) -> Result<VaultKey, VaultError> {
        let kek = self.kek(credential)?.ok_or(VaultError::DoesNotOpen)?;
        VaultKey::from_slice(&aead::open(&kek, &self.aad(scope), &wrapped.0)?)
    }

    /// Everything public about the protection, in one way only.
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

    /// The key-encryption key. `None` when the credential is of another kind, or the stored costs are out of range.
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

/// Draws the keyring's half and stores it.
pub(crate) fn put_keyring_half(store: &dyn KeyStore, item: &str, entropy: &dyn Entropy) -> Result<(), VaultError> {
    let half = VaultKey::random(entropy);
    Ok(store.put(item, &SecretBytes::new(half.bytes().to_vec()))?)
}

fn keyring_half(store: &dyn KeyStore, item: &str) -> Result<VaultKey, VaultError> {
    let secret = store.read(item)?;
    secret.expose(VaultKey::from_slice).map_err(|_| KeyStoreError::Absent { store: store.name() }.into())
}
