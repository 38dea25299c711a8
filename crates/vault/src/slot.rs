//! Key slots. Each opens the vault independently of the others.

use std::{fmt, str::FromStr};

use briefcase_types::{Entropy, SecretString, text};
use serde::{Deserialize, Serialize};

use crate::{
    Credential, KdfCost, KeyStore, UnlockKey, VaultError, VaultId, base32,
    framing::framed,
    key::VaultKey,
    protection::{Protection, Wrapped, put_keyring_half, salt},
};

/// The minimum length of a passphrase that protects the vault alone, in characters.
const PASSPHRASE_CHARACTERS: usize = 8;
/// The minimum length of a PIN that protects the vault together with the OS keyring, in characters.
const PIN_CHARACTERS: usize = 6;
/// The maximum length of a passphrase, PIN or label, in bytes.
const MOST_BYTES: usize = 1024;

/// The id of a slot: ten random characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotId(String);

/// The kind of credential that opens a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotKind {
    /// A passphrase.
    Passphrase,
    /// A generated key.
    UnlockKey,
    /// A PIN together with the OS keyring.
    Keyring,
}

/// The public description of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// The slot's id.
    pub id: SlotId,
    /// The kind of credential.
    pub kind: SlotKind,
    /// The label that a person gave.
    pub label: String,
    /// The keyring item with the other half. Remove the item from the keyring together with the slot.
    pub keyring_item: Option<String>,
}

/// A slot to create.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum NewSlot<'a> {
    /// A passphrase of at least 8 characters.
    Passphrase {
        /// The secret that a person chose.
        passphrase: &'a SecretString,
        /// The cost of one guess.
        cost: KdfCost,
    },
    /// A key from [`UnlockKey::generate`].
    UnlockKey(&'a UnlockKey),
    /// A PIN of at least 6 characters. The other half is generated and put into `store`.
    Keyring {
        /// The secret that a person chose.
        pin: &'a SecretString,
        /// The cost of one guess for an attacker with the keyring's half.
        cost: KdfCost,
        /// The store for the other half.
        store: &'a dyn KeyStore,
    },
}

/// The form of a slot in `vault.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSlot {
    pub(crate) id: SlotId,
    pub(crate) label: String,
    protection: Protection,
    wrapped: Wrapped,
}

impl StoredSlot {
    pub(crate) fn new(
        vault: &VaultId,
        new: NewSlot<'_>,
        label: &str,
        root: &VaultKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, VaultError> {
        new.check()?;
        if label.len() > MOST_BYTES {
            return Err(VaultError::TooLarge(MOST_BYTES));
        }
        let id = SlotId::random(entropy);
        let protection = new.protection(vault, &id, entropy);
        if let (Protection::Keyring { item, .. }, NewSlot::Keyring { store, .. }) = (&protection, new) {
            put_keyring_half(store, item, entropy)?;
        }
        let wrapped = protection.wrap(&scope(vault, &id), new.credential(), root, entropy)?;
        Ok(Self { id, label: text::printable(label), protection, wrapped })
    }

    /// Returns the root key if the credential opens this slot.
    pub(crate) fn open(&self, vault: &VaultId, credential: Credential<'_>) -> Result<VaultKey, VaultError> {
        self.protection.unwrap(&scope(vault, &self.id), credential, &self.wrapped)
    }

    pub(crate) fn info(&self) -> SlotInfo {
        let (kind, keyring_item) = match &self.protection {
            Protection::Passphrase { .. } => (SlotKind::Passphrase, None),
            Protection::UnlockKey { .. } => (SlotKind::UnlockKey, None),
            Protection::Keyring { item, .. } => (SlotKind::Keyring, Some(item.clone())),
        };
        SlotInfo { id: self.id.clone(), kind, label: self.label.clone(), keyring_item }
    }

    /// Returns an unambiguous encoding of the slot, for the authentication of the whole file.
    pub(crate) fn framed(&self) -> Vec<u8> {
        let parts: [&[u8]; 4] =
            [self.id.0.as_bytes(), self.label.as_bytes(), &self.protection.framed(), &self.wrapped.0];
        framed("slot", &parts)
    }
}

fn scope<'a>(vault: &'a VaultId, id: &'a SlotId) -> [&'a [u8]; 3] {
    [b"slot", vault.as_bytes(), id.0.as_bytes()]
}

impl<'a> NewSlot<'a> {
    pub(crate) fn check(self) -> Result<(), VaultError> {
        match self {
            Self::Passphrase { passphrase, .. } => long_enough(passphrase, PASSPHRASE_CHARACTERS),
            Self::Keyring { pin, .. } => long_enough(pin, PIN_CHARACTERS),
            Self::UnlockKey(_) => Ok(()),
        }
    }

    fn credential(self) -> Credential<'a> {
        match self {
            Self::Passphrase { passphrase, .. } => Credential::Passphrase(passphrase),
            Self::UnlockKey(key) => Credential::UnlockKey(key),
            Self::Keyring { pin, store, .. } => Credential::Keyring { pin, store },
        }
    }

    fn protection(self, vault: &VaultId, id: &SlotId, entropy: &dyn Entropy) -> Protection {
        let salt = salt(entropy);
        match self {
            Self::Passphrase { cost, .. } => Protection::Passphrase { cost: cost.stored(), salt },
            Self::UnlockKey(_) => Protection::UnlockKey { salt },
            Self::Keyring { cost, .. } => {
                let item = format!("briefcase:vault:{vault}:{id}");
                Protection::Keyring { cost: cost.stored(), salt, item }
            }
        }
    }
}

/// Checks the length of a passphrase or PIN.
pub(crate) fn long_enough(passphrase: &SecretString, least: usize) -> Result<(), VaultError> {
    passphrase.expose(|text| match text.len() {
        bytes if bytes > MOST_BYTES => Err(VaultError::TooLarge(MOST_BYTES)),
        _ if text.chars().count() < least => Err(VaultError::TooShort(least)),
        _ => Ok(()),
    })
}

impl SlotId {
    fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 6];
        entropy.fill(&mut bytes);
        let mut text = String::new();
        base32::encode(&bytes, &mut text);
        Self(text.to_ascii_lowercase())
    }
}

impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SlotId {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for SlotId {
    type Error = VaultError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if valid { Ok(Self(text)) } else { Err(VaultError::NoSuchSlot) }
    }
}

impl From<SlotId> for String {
    fn from(id: SlotId) -> Self {
        id.0
    }
}
