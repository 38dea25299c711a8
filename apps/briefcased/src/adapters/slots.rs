//! Changes of the passphrase, which the vault's file and the record must agree on.
//!
//! Invariant: the record names the file in force. The new file becomes durable beside the old one, then the change goes on
//! record with the new file's digest, then the new file replaces the old one. After a crash in between, the next start puts the
//! new file in force if the newest change names it, and removes it otherwise.

use std::path::Path;

use briefcase_admin_http::PASSPHRASE_SET;
use briefcase_receipts::Kind;
use briefcase_store::Reader;
use briefcase_types::{Digest, Entropy, SecretString};
use briefcase_vault::{Credential, KdfCost, NewSlot, SlotKind, StagedVault, Unlocked, Vault, VaultError};

use super::document_digest::document_digest;
use crate::open_error::OpenError;

/// The line of the change in the record. It names the file with the new passphrase.
pub fn recorded_line(file: Digest) -> String {
    format!("{PASSPHRASE_SET}:{file}")
}

/// Makes a file with a new passphrase, durable and not yet in force. Blocks for as long as argon2id takes.
///
/// # Errors
/// The passphrase is too short, or the vault cannot be changed now.
pub fn stage(
    path: &Path,
    unlocked: &Unlocked,
    passphrase: &SecretString,
    entropy: &dyn Entropy,
) -> Result<StagedVault, VaultError> {
    let vault = Vault::load(path)?;
    let new = NewSlot::Passphrase { passphrase, cost: KdfCost::DEFAULT };
    let old = vault.slots().into_iter().find(|slot| slot.kind == SlotKind::Passphrase);
    vault.stage_slot(unlocked, old.as_ref().map(|slot| &slot.id), new, "passphrase", entropy)
}

/// An interrupted change of the passphrase, before the record has settled whether it counts.
pub struct Unsettled {
    staged: Option<StagedVault>,
    only_staged: bool,
}

/// Opens the vault, or the file that an interrupted change left beside it.
///
/// # Errors
/// As [`Vault::unlock`].
pub fn unlock(path: &Path, credential: Credential<'_>) -> Result<(Unlocked, Unsettled), VaultError> {
    let vault = Vault::load(path)?;
    // A crash before the change was on record may leave an incomplete file, which does not count.
    let staged = StagedVault::find(path).ok().flatten();
    let opened = vault.unlock(credential);
    match (opened, &staged) {
        (Ok(unlocked), _) => Ok((unlocked, Unsettled { staged, only_staged: false })),
        (Err(VaultError::DoesNotOpen), Some(beside)) => {
            let unlocked = beside.unlock(credential)?;
            Ok((unlocked, Unsettled { staged, only_staged: true }))
        }
        (Err(error), _) => Err(error),
    }
}

impl Unsettled {
    /// Puts the staged file in force if the record's newest change names it, and removes it otherwise.
    ///
    /// # Errors
    /// The vault opened with a passphrase that no recorded change set, or a file cannot be moved.
    pub fn settle(self, reader: &Reader) -> Result<(), OpenError> {
        let Some(staged) = self.staged else { return Ok(()) };
        if is_recorded(reader, staged.digest())? {
            return Ok(staged.put_in_force()?);
        }
        staged.discard()?;
        if self.only_staged { Err(VaultError::DoesNotOpen.into()) } else { Ok(()) }
    }
}

fn is_recorded(reader: &Reader, file: Digest) -> Result<bool, OpenError> {
    let Some(authority) = reader.authority(document_digest)? else { return Ok(false) };
    let line = recorded_line(file);
    Ok(match reader.receipt(authority.receipt)?.receipt.kind {
        Kind::Change(change) => change.summary.iter().any(|word| word.as_str() == line),
        _ => false,
    })
}
