//! The keys of an open vault.

use briefcase_types::{Entropy, SecretBytes};

use crate::{
    CommitmentMac, Purpose, RecordAddress, SealedRecord, Sealer, VaultError, VaultId,
    key::VaultKey,
    record,
    slot_file::{RecordKeys, SlotFile},
};

/// An open vault: proof that a slot was opened, and the only access to the vault's keys.
///
/// Dropping the value, or [`lock`](Self::lock), wipes its keys. A [`Sealer`] or [`CommitmentMac`] made from it holds a
/// key of its own, which the caller drops too.
pub struct Unlocked {
    root: VaultKey,
    vault: VaultId,
    record_keys: RecordKeys,
}

impl Unlocked {
    pub(crate) fn new(root: VaultKey, file: &SlotFile) -> Result<Self, VaultError> {
        file.verify(&root)?;
        Ok(Self { root, vault: file.vault, record_keys: file.record_keys })
    }

    /// Wipes the keys.
    pub fn lock(self) {}

    /// Returns the vault's id.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Seals a secret for one address.
    ///
    /// # Errors
    /// The secret is larger than 1 MiB.
    pub fn seal(
        &self,
        address: RecordAddress<'_>,
        secret: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Result<SealedRecord, VaultError> {
        let version = self.record_keys.current;
        secret.expose(|bytes| record::seal(&self.record_key(version)?, version, self.vault, address, bytes, entropy))
    }

    /// Opens a secret under the address and version it was sealed for.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] in every case.
    pub fn open(&self, address: RecordAddress<'_>, sealed: &SealedRecord) -> Result<SecretBytes, VaultError> {
        let version = self.accepted(sealed)?;
        record::open(&self.record_key(version)?, version, self.vault, address, sealed)
    }

    /// Wraps a record's data key under the current record-wrapping key; `None` if it is already.
    ///
    /// This is one step of a rotation. Run it over all records, in batches of any size, as often as needed.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] as in [`open`](Self::open).
    pub fn rewrap(
        &self,
        address: RecordAddress<'_>,
        sealed: &SealedRecord,
        entropy: &dyn Entropy,
    ) -> Result<Option<SealedRecord>, VaultError> {
        let (from, to) = (self.accepted(sealed)?, self.record_keys.current);
        if from == to {
            return Ok(None);
        }
        let (old, new) = (self.record_key(from)?, self.record_key(to)?);
        record::rewrap((&old, from), (&new, to), self.vault, address, sealed, entropy).map(Some)
    }

    /// Returns the sealer for documents of one purpose.
    ///
    /// # Errors
    /// Never in practice; the result keeps a failed key derivation visible.
    pub fn sealer(&self, purpose: Purpose) -> Result<Sealer, VaultError> {
        Ok(Sealer::new(self.derived(purpose.label())?, self.vault, purpose))
    }

    /// Returns the MAC for salted commitments to argument values.
    ///
    /// # Errors
    /// As [`sealer`](Self::sealer).
    pub fn commitment_mac(&self) -> Result<CommitmentMac, VaultError> {
        self.derived("argument-commit").map(CommitmentMac::new)
    }

    pub(crate) fn backup_key(&self) -> Result<VaultKey, VaultError> {
        self.derived("backup")
    }

    pub(crate) const fn root(&self) -> &VaultKey {
        &self.root
    }

    pub(crate) const fn adopt(&mut self, record_keys: RecordKeys) {
        self.record_keys = record_keys;
    }

    fn accepted(&self, sealed: &SealedRecord) -> Result<u32, VaultError> {
        let version = sealed.key_version().ok_or(VaultError::DoesNotOpen)?;
        let range = self.record_keys.oldest..=self.record_keys.current;
        if range.contains(&version) { Ok(version) } else { Err(VaultError::DoesNotOpen) }
    }

    fn record_key(&self, version: u32) -> Result<VaultKey, VaultError> {
        self.root.derive(self.vault.as_bytes(), "briefcase/vault/1/record-key", &[&version.to_be_bytes()])
    }

    fn derived(&self, purpose: &str) -> Result<VaultKey, VaultError> {
        self.root.derive(self.vault.as_bytes(), "briefcase/vault/1/key", &[purpose.as_bytes()])
    }
}
