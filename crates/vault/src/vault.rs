//! `vault.json` on disk, and the changes a person may make to it.

use std::path::{Path, PathBuf};

use briefcase_private_fs::{StagedFile, check_folder_writers, parent_of, read, stage};
use briefcase_types::{Digest, Entropy};

use crate::{
    Credential, NewSlot, SlotFile, SlotId, SlotInfo, SlotKind, Unlocked, VaultError, VaultId,
    key::VaultKey,
    slot::StoredSlot,
    slot_file::{MOST_BYTES, MOST_SLOTS, RecordKeys},
};

/// A vault on disk: what can be known, and done, without a key.
pub struct Vault {
    path: PathBuf,
    file: SlotFile,
    seen: Digest,
}

/// A changed vault that is durable and not yet in force. A crash leaves it where [`StagedVault::find`] finds it.
pub struct StagedVault {
    staged: StagedFile,
    file: SlotFile,
    digest: Digest,
}

impl StagedVault {
    /// What was staged for the vault at `path` and neither put in force nor discarded. As with [`Vault::load`], nothing is
    /// known yet about whether it is genuine.
    ///
    /// # Errors
    /// As [`Vault::load`].
    pub fn find(path: &Path) -> Result<Option<Self>, VaultError> {
        let Some((staged, bytes)) = StagedFile::find(path, MOST_BYTES)? else { return Ok(None) };
        Ok(Some(Self { staged, file: SlotFile::parse(&bytes)?, digest: Digest::sha256(&bytes) }))
    }

    /// Names it on the record.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// As [`Vault::unlock`]. Put it in force before the keys are used: what is staged may never have been decided.
    ///
    /// # Errors
    /// As [`Vault::unlock`].
    pub fn unlock(&self, credential: Credential<'_>) -> Result<Unlocked, VaultError> {
        unlock(&self.file, credential)
    }

    /// Puts it in the vault's place.
    ///
    /// # Errors
    /// The file cannot be replaced; it stays staged.
    pub fn put_in_force(self) -> Result<(), VaultError> {
        Ok(self.staged.replace()?)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn discard(self) -> Result<(), VaultError> {
        Ok(self.staged.discard()?)
    }
}

impl Vault {
    /// Makes a vault with one slot that lasts.
    ///
    /// # Errors
    /// There is a vault already, the slot is a keyring slot or too weak, or the file cannot be written.
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

    /// Reads a vault. Says nothing yet about whether it is genuine: that takes [`unlock`](Self::unlock).
    ///
    /// # Errors
    /// [`VaultError::Missing`], a file others can reach, another form, or an unknown version.
    pub fn load(path: &Path) -> Result<Self, VaultError> {
        let bytes = read_file(path)?.ok_or(VaultError::Missing)?;
        let file = SlotFile::parse(&bytes)?;
        Ok(Self { path: path.to_path_buf(), file, seen: Digest::sha256(&bytes) })
    }

    /// Opens the vault. Blocks for as long as argon2id takes, unless the credential is an unlock key.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] whatever was wrong, or [`VaultError::KeyStore`] if the OS keyring cannot be read.
    pub fn unlock(&self, credential: Credential<'_>) -> Result<Unlocked, VaultError> {
        unlock(&self.file, credential)
    }

    /// Which vault this is.
    #[must_use]
    pub const fn id(&self) -> VaultId {
        self.file.vault
    }

    /// Counts every change of the file. Kept by the caller where it cannot be set back, it shows an older file.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.file.revision
    }

    /// The slots, as far as they may be shown.
    #[must_use]
    pub fn slots(&self) -> Vec<SlotInfo> {
        self.file.slots.iter().map(StoredSlot::info).collect()
    }

    /// Whether the file is no longer the one that was read or written.
    ///
    /// # Errors
    /// The file cannot be read any more, or others can reach it.
    pub fn changed_on_disk(&self) -> Result<bool, VaultError> {
        let bytes = read_file(&self.path)?;
        Ok(bytes.is_none_or(|bytes| Digest::sha256(&bytes) != self.seen))
    }

    /// Adds a way in.
    ///
    /// # Errors
    /// Too weak, too many, or the file was changed meanwhile.
    pub fn add_slot(
        &mut self,
        unlocked: &Unlocked,
        new: NewSlot<'_>,
        label: &str,
        entropy: &dyn Entropy,
    ) -> Result<SlotId, VaultError> {
        self.edit(unlocked, |file| put_slot(file, unlocked, None, new, label, entropy))
    }

    /// Takes a way in away. The caller removes its keyring item, if it has one.
    ///
    /// # Errors
    /// No such slot, or no passphrase or unlock key would remain.
    pub fn remove_slot(&mut self, unlocked: &Unlocked, id: &SlotId) -> Result<SlotInfo, VaultError> {
        self.edit(unlocked, |file| take(file, id))
    }

    /// Puts one way in in the place of another, in one step: a changed passphrase.
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

    /// The same as [`replace_slot`](Self::replace_slot) (or, without `old`, [`add_slot`](Self::add_slot)), durable beside the
    /// file and not yet in its place: so that the change can be put on record in between.
    ///
    /// # Errors
    /// As for these two.
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

    /// Starts a rotation: new records take a new record-wrapping key, old ones still open.
    ///
    /// Then [`Unlocked::rewrap`] every record, in batches, over restarts if need be, and
    /// [`finish_rotation`](Self::finish_rotation).
    ///
    /// # Errors
    /// One is under way already.
    pub fn begin_rotation(&mut self, unlocked: &mut Unlocked) -> Result<(), VaultError> {
        let RecordKeys { current, oldest } = self.file.record_keys;
        if current != oldest {
            return Err(VaultError::Rotation("a rotation is under way: rewrap the remaining records and finish it"));
        }
        let next = current.checked_add(1).ok_or(VaultError::Rotation("no record-wrapping keys are left"))?;
        self.set_record_keys(unlocked, RecordKeys { current: next, oldest })
    }

    /// Ends a rotation: records that were not rewrapped do not open any more.
    ///
    /// # Errors
    /// None is under way.
    pub fn finish_rotation(&mut self, unlocked: &mut Unlocked) -> Result<(), VaultError> {
        let RecordKeys { current, oldest } = self.file.record_keys;
        if current == oldest {
            return Err(VaultError::Rotation("no rotation is under way"));
        }
        self.set_record_keys(unlocked, RecordKeys { current, oldest: current })
    }

    /// Whether a rotation was started and not finished.
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

    /// Changes a copy, authenticates it, writes it, and only then believes it.
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

/// Adds a slot, or puts it in the place of `old` under its label.
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
