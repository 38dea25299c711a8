//! Slots: the ways into the vault, each independent of the others.

use std::{fmt, str::FromStr};

use briefcase_types::{Entropy, SecretString, text};
use serde::{Deserialize, Serialize};

use crate::{
    Credential, KdfCost, KeyStore, UnlockKey, VaultError, VaultId, base32,
    framing::framed,
    key::VaultKey,
    protection::{Protection, Wrapped, put_keyring_half, salt},
};

/// The least characters of a passphrase that protects the vault by itself.
const PASSPHRASE_CHARACTERS: usize = 8;
/// The least characters of a PIN that protects it together with the OS keyring.
const PIN_CHARACTERS: usize = 6;
/// The most bytes of a passphrase, PIN or label.
const MOST_BYTES: usize = 1024;

/// A slot's name in the file: ten characters, drawn at random.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotId(String);

/// What opens a slot.
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

/// What may be shown about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its name.
    pub id: SlotId,
    /// What opens it.
    pub kind: SlotKind,
    /// What the person called it.
    pub label: String,
    /// The keyring item that holds the other half: remove it from the keyring when the slot is removed.
    pub keyring_item: Option<String>,
}

/// A slot to be made.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum NewSlot<'a> {
    /// At least 8 characters.
    Passphrase {
        /// What the person chose.
        passphrase: &'a SecretString,
        /// What a guess costs.
        cost: KdfCost,
    },
    /// A key from [`UnlockKey::generate`].
    UnlockKey(&'a UnlockKey),
    /// At least 6 characters; the other half is drawn and put into `store`.
    Keyring {
        /// What the person chose.
        pin: &'a SecretString,
        /// What a guess costs somebody who has the keyring.
        cost: KdfCost,
        /// Where the other half goes.
        store: &'a dyn KeyStore,
    },
}

/// A slot as it stands in `vault.json`.
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

    /// The root key, if the credential opens this slot.
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

    /// Everything in the slot, for the authentication of the whole file.
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

/// Whether a passphrase has as many characters as its slot needs.
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
