//! `vault.json` on disk, and the changes that a person may make.

use std::path::{Path, PathBuf};

use briefcase_private_fs::{StagedFile, check_folder_writers, parent_of, read, stage};
use briefcase_types::{Digest, Entropy};

use crate::{
    Credential, NewSlot, SlotFile, SlotId, SlotInfo, SlotKind, Unlocked, VaultError, VaultId,
    key::VaultKey,
    slot::StoredSlot,
    slot_file::{MOST_BYTES, MOST_SLOTS, RecordKeys},
};

/// A vault on disk. Reading its description takes no key; changes take an [`Unlocked`].
pub struct Vault {
    path: PathBuf,
    file: SlotFile,
    seen: Digest,
}

/// A changed vault on disk that is not in force yet. After a crash [`StagedVault::find`] finds it.
pub struct StagedVault {
    staged: StagedFile,
    file: SlotFile,
    digest: Digest,
}

impl StagedVault {
    /// Finds a staged vault that was neither put in force nor discarded. Like [`Vault::load`], this verifies nothing
    /// yet.
    ///
    /// # Errors
    /// As [`Vault::load`].
    pub fn find(path: &Path) -> Result<Option<Self>, VaultError> {
        let Some((staged, bytes)) = StagedFile::find(path, MOST_BYTES)? else { return Ok(None) };
        Ok(Some(Self { staged, file: SlotFile::parse(&bytes)?, digest: Digest::sha256(&bytes) }))
    }

    /// Returns the digest that a receipt names.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Opens the staged vault like [`Vault::unlock`]. Put it in force before using the keys: a staged change may never
    /// have been decided.
    ///
    /// # Errors
    /// As [`Vault::unlock`].
    pub fn unlock(&self, credential: Credential<'_>) -> Result<Unlocked, VaultError> {
        unlock(&self.file, credential)
    }

    /// Replaces the vault's file.
    ///
    /// # Errors
    /// The file cannot be replaced; the change stays staged.
    pub fn put_in_force(self) -> Result<(), VaultError> {
        Ok(self.staged.replace()?)
    }

    /// Removes the staged vault.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), VaultError> {
        Ok(self.staged.discard()?)
    }
}

impl Vault {
    /// Creates a vault with one slot that is not a keyring slot.
    ///
    /// # Errors
    /// A vault exists already, the slot is a keyring slot or too weak, or the file cannot be written.
    pub fn create(
        path: &Path,
        first: NewSlot<'_>,
        label: &str,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Unlocked), VaultError> {
        first.check()?;
        if matches!(first, NewSlot::Keyring { .. }) {
            return Err(VaultError::LastSlot);
        }
        if read_file(path)?.is_some() {
            return Err(VaultError::AlreadyExists);
        }
        let root = VaultKey::random(entropy);
        let mut file = SlotFile::new(entropy);
        file.slots.push(StoredSlot::new(&file.vault, first, label, &root, entropy)?);
        file.sign(&root)?;
        let unlocked = Unlocked::new(root, &file)?;
        let seen = write(path, &file)?;
        Ok((Self { path: path.to_path_buf(), file, seen }, unlocked))
    }

    /// Reads a vault. Only [`unlock`](Self::unlock) verifies that the file is genuine.
    ///
    /// # Errors
    /// The file is missing, not private, malformed, or has an unknown version.
    pub fn load(path: &Path) -> Result<Self, VaultError> {
        let bytes = read_file(path)?.ok_or(VaultError::Missing)?;
        let file = SlotFile::parse(&bytes)?;
        Ok(Self { path: path.to_path_buf(), file, seen: Digest::sha256(&bytes) })
    }

    /// Opens the vault. Blocks for as long as argon2id takes, unless the credential is an unlock key.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] for every cause, or [`VaultError::KeyStore`] if the OS keyring cannot be read.
    pub fn unlock(&self, credential: Credential<'_>) -> Result<Unlocked, VaultError> {
        unlock(&self.file, credential)
    }

    /// Returns the vault's id.
    #[must_use]
    pub const fn id(&self) -> VaultId {
        self.file.vault
    }

    /// Returns the number of changes of the file. A caller that stores it safely can detect an older file.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.file.revision
    }

    /// Returns the public descriptions of the slots.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotInfo> {
        self.file.slots.iter().map(StoredSlot::info).collect()
    }

    /// Returns whether the file differs from the one that was read or written.
    ///
    /// # Errors
    /// The file cannot be read any more, or is not private.
    pub fn changed_on_disk(&self) -> Result<bool, VaultError> {
        let bytes = read_file(&self.path)?;
        Ok(bytes.is_none_or(|bytes| Digest::sha256(&bytes) != self.seen))
    }

    /// Adds a key slot.
    ///
    /// # Errors
    /// The slot is too weak, the vault has too many slots, or the file was changed meanwhile.
    pub fn add_slot(
        &mut self,
        unlocked: &Unlocked,
        new: NewSlot<'_>,
        label: &str,
        entropy: &dyn Entropy,
    ) -> Result<SlotId, VaultError> {
        self.edit(unlocked, |file| put_slot(file, unlocked, None, new, label, entropy))
    }

    /// Removes a key slot. The caller removes the slot's keyring item.
    ///
    /// # Errors
    /// The slot is missing, or no passphrase or unlock key would remain.
    pub fn remove_slot(&mut self, unlocked: &Unlocked, id: &SlotId) -> Result<SlotInfo, VaultError> {
        self.edit(unlocked, |file| take(file, id))
    }

    /// Replaces a key slot in one step, such as for a changed passphrase.
    ///
    /// # Errors
    /// As [`add_slot`](Self::add_slot) and [`remove_slot`](Self::remove_slot).
    pub fn replace_slot(
        &mut self,
        unlocked: &Unlocked,
        old: &SlotId,
        new: NewSlot<'_>,
        entropy: &dyn Entropy,
    ) -> Result<SlotId, VaultError> {
        self.edit(unlocked, |file| put_slot(file, unlocked, Some(old), new, "", entropy))
    }

    /// Stages the change of [`replace_slot`](Self::replace_slot), or without `old` of [`add_slot`](Self::add_slot). The
    /// new file is on disk and not in force yet, so the caller can record the change in between.
    ///
    /// # Errors
    /// As [`replace_slot`](Self::replace_slot).
    pub fn stage_slot(
        &self,
        unlocked: &Unlocked,
        old: Option<&SlotId>,
        new: NewSlot<'_>,
        label: &str,
        entropy: &dyn Entropy,
    ) -> Result<StagedVault, VaultError> {
        self.editable(unlocked)?;
        let mut next = self.file.clone();
        put_slot(&mut next, unlocked, old, new, label, entropy)?;
        next.sign(unlocked.root())?;
        let bytes = next.to_bytes()?;
        let staged = stage(&self.path, &bytes)?;
        Ok(StagedVault { staged, file: next, digest: Digest::sha256(&bytes) })
    }

    /// Starts a rotation: new records take a new record-wrapping key, and old records still open.
    ///
    /// The caller then passes every record to [`Unlocked::rewrap`], in batches and across restarts, and calls
    /// [`finish_rotation`](Self::finish_rotation).
    ///
    /// # Errors
    /// A rotation is under way already.
    pub fn begin_rotation(&mut self, unlocked: &mut Unlocked) -> Result<(), VaultError> {
        let RecordKeys { current, oldest } = self.file.record_keys;
        if current != oldest {
            return Err(VaultError::Rotation("a rotation is under way: rewrap the remaining records and finish it"));
        }
        let next = current.checked_add(1).ok_or(VaultError::Rotation("no record-wrapping keys are left"))?;
        self.set_record_keys(unlocked, RecordKeys { current: next, oldest })
    }

    /// Ends a rotation. Records that were not rewrapped do not open any more.
    ///
    /// # Errors
    /// No rotation is under way.
    pub fn finish_rotation(&mut self, unlocked: &mut Unlocked) -> Result<(), VaultError> {
        let RecordKeys { current, oldest } = self.file.record_keys;
        if current == oldest {
            return Err(VaultError::Rotation("no rotation is under way"));
        }
        self.set_record_keys(unlocked, RecordKeys { current, oldest: current })
    }

    /// Returns whether a rotation was started and not finished.
    #[must_use]
    pub const fn rotating(&self) -> bool {
        self.file.record_keys.current != self.file.record_keys.oldest
    }

    fn set_record_keys(&mut self, unlocked: &mut Unlocked, keys: RecordKeys) -> Result<(), VaultError> {
        self.edit(unlocked, |file| {
            file.record_keys = keys;
            Ok(())
        })?;
        unlocked.adopt(keys);
        Ok(())
    }

    fn editable(&self, unlocked: &Unlocked) -> Result<(), VaultError> {
        if unlocked.vault() != self.file.vault {
            return Err(VaultError::OtherVault);
        }
        self.file.verify(unlocked.root())?;
        if self.changed_on_disk()? { Err(VaultError::ChangedOnDisk) } else { Ok(()) }
    }

    /// Changes a copy of the file, authenticates it, writes it, and then replaces the value in memory.
    fn edit<T>(
        &mut self,
        unlocked: &Unlocked,
        change: impl FnOnce(&mut SlotFile) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        self.editable(unlocked)?;
        let mut next = self.file.clone();
        let result = change(&mut next)?;
        next.sign(unlocked.root())?;
        self.seen = write(&self.path, &next)?;
        self.file = next;
        Ok(result)
    }
}

fn unlock(file: &SlotFile, credential: Credential<'_>) -> Result<Unlocked, VaultError> {
    let mut failure = VaultError::DoesNotOpen;
    for slot in &file.slots {
        match slot.open(&file.vault, credential) {
            Ok(root) => return Unlocked::new(root, file),
            Err(error @ VaultError::KeyStore(_)) => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// Reads the file of a vault. Other users may neither open it nor write in its folder.
fn read_file(path: &Path) -> Result<Option<Vec<u8>>, VaultError> {
    let Some(bytes) = read(path, MOST_BYTES)? else { return Ok(None) };
    check_folder_writers(&parent_of(path))?;
    Ok(Some(bytes))
}

fn write(path: &Path, file: &SlotFile) -> Result<Digest, VaultError> {
    let bytes = file.to_bytes()?;
    stage(path, &bytes)?.replace()?;
    Ok(Digest::sha256(&bytes))
}

/// Adds a slot, or replaces `old` and takes over its label.
fn put_slot(
    file: &mut SlotFile,
    unlocked: &Unlocked,
    old: Option<&SlotId>,
    new: NewSlot<'_>,
    label: &str,
    entropy: &dyn Entropy,
) -> Result<SlotId, VaultError> {
    let found =
        old.map(|old| file.slots.iter().find(|slot| slot.id == *old).ok_or(VaultError::NoSuchSlot)).transpose()?;
    let label = found.map_or(label, |slot| slot.label.as_str()).to_owned();
    if old.is_none() && file.slots.len() >= MOST_SLOTS {
        return Err(VaultError::TooManySlots(MOST_SLOTS));
    }
    let slot = StoredSlot::new(&file.vault, new, &label, unlocked.root(), entropy)?;
    let id = slot.id.clone();
    file.slots.push(slot);
    old.map(|old| take(file, old)).transpose()?;
    Ok(id)
}

fn take(file: &mut SlotFile, id: &SlotId) -> Result<SlotInfo, VaultError> {
    let at = file.slots.iter().position(|slot| slot.id == *id).ok_or(VaultError::NoSuchSlot)?;
    let taken = file.slots.remove(at).info();
    let lasting = file.slots.iter().any(|slot| slot.info().kind != SlotKind::Keyring);
    if lasting { Ok(taken) } else { Err(VaultError::LastSlot) }
}
