//! The vault's file and the record, kept in step when the passphrase changes.
//!
//! Invariant: the file in force is one that the record decided on. The new file is durable beside the old one first, then the
//! change is put on record under the new file's digest, then the new file takes the old one's place. Whatever a crash leaves
//! in between is settled at the next start: named by the newest change, it comes into force; otherwise it never happened.

use std::path::Path;

use briefcase_receipts::Kind;
use briefcase_store::Reader;
use briefcase_types::{Digest, Entropy, SecretString};
use briefcase_vault::{Credential, KdfCost, NewSlot, SlotKind, StagedVault, Unlocked, Vault, VaultError};

use super::document_digest::document_digest;
use crate::open_error::OpenError;

/// The line of the change.
pub const PASSPHRASE_SET: &str = "passphrase_set";

/// The line as it is recorded: it names the file that holds the new passphrase.
pub fn recorded_line(file: Digest) -> String {
    format!("{PASSPHRASE_SET}:{file}")
}

/// Makes a file with a new passphrase, durable and not yet in force. Takes as long as argon2id does.
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

/// A vault that opened, before it is known whether a file left beside it counts.
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
    // Half a file is what a crash leaves before anything was decided.
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
    /// Puts the file beside the vault in force if the record's newest change decided so, and removes it otherwise.
    ///
    /// # Errors
    /// The vault opened with a passphrase that was never decided on, or a file cannot be moved.
    pub fn settle(self, reader: &Reader) -> Result<(), OpenError> {
        let Some(staged) = self.staged else { return Ok(()) };
        if decided(reader, staged.digest())? {
            return Ok(staged.put_in_force()?);
        }
        staged.discard()?;
        if self.only_staged { Err(VaultError::DoesNotOpen.into()) } else { Ok(()) }
    }
}

fn decided(reader: &Reader, file: Digest) -> Result<bool, OpenError> {
    let Some(authority) = reader.authority(document_digest)? else { return Ok(false) };
    let line = recorded_line(file);
    Ok(match reader.receipt(authority.receipt)?.receipt.kind {
        Kind::Change(change) => change.summary.iter().any(|word| word.as_str() == line),
        _ => false,
    })
}
