//! The open vault, as the admin API uses it.

use std::{path::PathBuf, sync::Arc};

use briefcase_admin_http::{SealedSecret, StagedPassphrase, VaultAccess, VaultFailure};
use briefcase_store::Reader;
use briefcase_types::{Entropy, Incarnation, SecretBytes, SecretName, SecretString, UnixMillis};
use briefcase_vault::{KdfCost, StagedVault, Unlocked, backup};

use super::{
    identity,
    secrets::{Secrets, record_digest},
    slots,
};
use crate::state_files::{LOG_KEY_FILE, VAULT_FILE};

/// The open vault and the state folder around it.
pub struct OpenVault {
    /// The keys.
    pub unlocked: Arc<Unlocked>,
    /// The secrets.
    pub secrets: Arc<Secrets>,
    /// The record.
    pub reader: Reader,
    /// The incarnation of the state.
    pub incarnation: Incarnation,
    /// The state folder.
    pub state: PathBuf,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

fn failure(error: impl std::fmt::Display) -> VaultFailure {
    VaultFailure(error.to_string())
}

impl VaultAccess for OpenVault {
    fn seal_secret(&self, name: &SecretName, version: u64, value: &SecretBytes) -> Result<SealedSecret, VaultFailure> {
        let record = self.secrets.seal(name, version, value, self.entropy.as_ref()).map_err(failure)?;
        Ok(SealedSecret { digest: record_digest(&record), record })
    }

    fn stage_passphrase(&self, passphrase: &SecretString) -> Result<Box<dyn StagedPassphrase>, VaultFailure> {
        let path = self.state.join(VAULT_FILE);
        let staged = slots::stage(&path, &self.unlocked, passphrase, self.entropy.as_ref()).map_err(failure)?;
        Ok(Box::new(Staged(staged)))
    }

    fn back_up(&self, passphrase: &SecretString, now: UnixMillis) -> Result<Vec<u8>, VaultFailure> {
        let head = self.reader.head().map_err(failure)?;
        let mut database = Vec::new();
        self.reader.backup(&mut database).map_err(failure)?;
        let mut files: Vec<(String, Vec<u8>)> = vec![("briefcase.db".to_owned(), database)];
        for name in [VAULT_FILE, LOG_KEY_FILE, identity::FILE] {
            files.push((name.to_owned(), std::fs::read(self.state.join(name)).map_err(failure)?));
        }
        let moment = backup::Moment { created: now, incarnation: self.incarnation, head: head.note().to_owned() };
        let mut contents: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let mut sources: Vec<backup::BackupSource<'_>> = contents
            .iter_mut()
            .map(|(name, bytes)| {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                backup::BackupSource {
                    entry: backup::FileEntry { name: (*name).to_owned(), bytes: length },
                    content: bytes,
                }
            })
            .collect();
        let mut archive = Vec::new();
        let recipient = backup::Recipient::Passphrase { passphrase, cost: KdfCost::DEFAULT };
        backup::seal(&mut archive, recipient, moment, &mut sources, self.entropy.as_ref()).map_err(failure)?;
        Ok(archive)
    }
}

struct Staged(StagedVault);

impl StagedPassphrase for Staged {
    fn recorded_line(&self) -> String {
        slots::recorded_line(self.0.digest())
    }

    fn put_in_force(self: Box<Self>) -> Result<(), VaultFailure> {
        self.0.put_in_force().map_err(failure)
    }
}
