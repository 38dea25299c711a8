//! The form of `vault.json`. Parsing checks the form; only the root key verifies that the file is genuine.

use briefcase_types::Entropy;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    VaultError, framing::framed, key::VaultKey, slot::StoredSlot, stored_bytes::StoredBytes, vault_id::VaultId,
};

/// The maximum size of `vault.json` in bytes.
pub(crate) const MOST_BYTES: usize = 64 * 1024;
/// The maximum number of slots.
pub(crate) const MOST_SLOTS: usize = 8;
const VERSION: u32 = 1;

/// The versions of the record-wrapping keys in use. New records take `current`; records down to `oldest` open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordKeys {
    pub(crate) current: u32,
    pub(crate) oldest: u32,
}

/// A parsed `vault.json` that is not verified yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotFile {
    version: u32,
    pub(crate) vault: VaultId,
    pub(crate) revision: u64,
    pub(crate) record_keys: RecordKeys,
    pub(crate) slots: Vec<StoredSlot>,
    mac: StoredBytes<32>,
}

impl SlotFile {
    /// Parses the bytes of a `vault.json`. The result is well formed, and not verified yet.
    ///
    /// # Errors
    /// The file is too large, malformed, or has an unknown version.
    pub fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        if bytes.len() > MOST_BYTES {
            return Err(VaultError::TooLarge(MOST_BYTES));
        }
        let malformed = |_| VaultError::Malformed("vault.json");
        let found = serde_json::from_slice::<Versioned>(bytes).map_err(malformed)?.version;
        if found != VERSION {
            return Err(VaultError::UnknownVersion { found });
        }
        let file: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        if file.slots.len() > MOST_SLOTS {
            return Err(VaultError::TooManySlots(file.slots.len()));
        }
        Ok(file)
    }

    /// Creates a file without slots, not authenticated yet.
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        Self {
            version: VERSION,
            vault: VaultId(StoredBytes(id)),
            revision: 0,
            record_keys: RecordKeys { current: 1, oldest: 1 },
            slots: Vec::new(),
            mac: StoredBytes([0; 32]),
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, VaultError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|_| VaultError::Malformed("vault.json"))?;
        bytes.push(b'\n');
        if bytes.len() > MOST_BYTES { Err(VaultError::TooLarge(MOST_BYTES)) } else { Ok(bytes) }
    }

    /// Increments the revision and authenticates the whole file.
    pub(crate) fn sign(&mut self, root: &VaultKey) -> Result<(), VaultError> {
        self.revision = self.revision.checked_add(1).ok_or(VaultError::Malformed("vault.json"))?;
        self.mac = StoredBytes(self.mac(root)?.finalize().into_bytes().into());
        Ok(())
    }

    /// Verifies in constant time that a holder of the root key wrote the whole file.
    pub(crate) fn verify(&self, root: &VaultKey) -> Result<(), VaultError> {
        let sane = self.record_keys.oldest >= 1 && self.record_keys.oldest <= self.record_keys.current;
        self.mac(root)?.verify_slice(&self.mac.0).map_err(|_| VaultError::DoesNotOpen)?;
        if sane { Ok(()) } else { Err(VaultError::DoesNotOpen) }
    }

    fn mac(&self, root: &VaultKey) -> Result<Hmac<Sha256>, VaultError> {
        let key = root.derive(self.vault.as_bytes(), "briefcase/vault/1/file", &[])?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).map_err(|_| VaultError::DoesNotOpen)?;
        let header: [&[u8]; 5] = [
            &self.version.to_be_bytes(),
            self.vault.as_bytes(),
            &self.revision.to_be_bytes(),
            &self.record_keys.current.to_be_bytes(),
            &self.record_keys.oldest.to_be_bytes(),
        ];
        let slots: Vec<Vec<u8>> = self.slots.iter().map(StoredSlot::framed).collect();
        let parts: Vec<&[u8]> = header.into_iter().chain(slots.iter().map(Vec::as_slice)).collect();
        mac.update(&framed("briefcase/vault/1/file", &parts));
        Ok(mac)
    }
}
