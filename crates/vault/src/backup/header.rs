//! An archive's header: format, version, and the archive key wrapped for its recipient.

use std::io::{Read, Write};

use briefcase_types::Entropy;
use serde::{Deserialize, Serialize};

use super::{Opener, Recipient};
use crate::{
    Credential, NewSlot, VaultError, VaultId, aead,
    framing::framed,
    key::VaultKey,
    protection::{Protection, Wrapped, salt},
    stored_bytes::StoredBytes,
};

const MAGIC: &[u8; 17] = b"BRIEFCASE-BACKUP\n";
const VERSION: u32 = 1;
const MOST_BYTES: usize = 4096;

/// The header of an archive, not verified yet.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveHeader {
    version: u32,
    backup: StoredBytes<16>,
    sealed_to: SealedTo,
    wrapped: Wrapped,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SealedTo {
    Credential(Protection),
    Vault(VaultId),
}

impl ArchiveHeader {
    /// Reads magic, length and header. Also returns the header's bytes, to which the archive is bound.
    ///
    /// # Errors
    /// The bytes are not an archive, or its version is unknown.
    pub fn read(archive: &mut dyn Read) -> Result<(Self, Vec<u8>), VaultError> {
        let malformed = || VaultError::Malformed("backup archive");
        let mut magic = [0; MAGIC.len()];
        let mut length = [0; 4];
        archive.read_exact(&mut magic).map_err(|_| malformed())?;
        archive.read_exact(&mut length).map_err(|_| malformed())?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if magic != *MAGIC || length > MOST_BYTES {
            return Err(malformed());
        }
        let mut bytes = vec![0; length];
        archive.read_exact(&mut bytes).map_err(|_| malformed())?;
        Ok((Self::parse(&bytes)?, bytes))
    }

    fn parse(bytes: &[u8]) -> Result<Self, VaultError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let malformed = |_| VaultError::Malformed("backup archive");
        let found = serde_json::from_slice::<Versioned>(bytes).map_err(malformed)?.version;
        if found != VERSION {
            return Err(VaultError::UnknownVersion { found });
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }

    pub(super) fn open(&self, opener: Opener<'_>) -> Result<VaultKey, VaultError> {
        match (&self.sealed_to, opener) {
            (SealedTo::Credential(protection), Opener::Passphrase(passphrase)) => {
                protection.unwrap(&self.scope(), Credential::Passphrase(passphrase), &self.wrapped)
            }
            (SealedTo::Credential(protection), Opener::UnlockKey(key)) => {
                protection.unwrap(&self.scope(), Credential::UnlockKey(key), &self.wrapped)
            }
            (SealedTo::Vault(vault), Opener::Vault(unlocked)) if *vault == unlocked.vault() => {
                let opened = aead::open(&unlocked.backup_key()?, &vault_aad(*vault, &self.backup), &self.wrapped.0)?;
                VaultKey::from_slice(&opened)
            }
            _ => Err(VaultError::DoesNotOpen),
        }
    }

    fn scope(&self) -> [&[u8]; 2] {
        [b"backup", &self.backup.0]
    }
}

/// Writes magic, length and header. Returns the header's bytes.
pub(super) fn write(
    out: &mut dyn Write,
    recipient: Recipient<'_>,
    archive: &VaultKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, VaultError> {
    let backup = salt(entropy);
    let scope: [&[u8]; 2] = [b"backup", &backup.0];
    let (sealed_to, wrapped) = match recipient {
        Recipient::Passphrase { passphrase, cost } => {
            NewSlot::Passphrase { passphrase, cost }.check()?;
            let protection = Protection::Passphrase { cost: cost.stored(), salt: salt(entropy) };
            let wrapped = protection.wrap(&scope, Credential::Passphrase(passphrase), archive, entropy)?;
            (SealedTo::Credential(protection), wrapped)
        }
        Recipient::UnlockKey(key) => {
            let protection = Protection::UnlockKey { salt: salt(entropy) };
            let wrapped = protection.wrap(&scope, Credential::UnlockKey(key), archive, entropy)?;
            (SealedTo::Credential(protection), wrapped)
        }
        Recipient::Vault(unlocked) => {
            let aad = vault_aad(unlocked.vault(), &backup);
            let wrapped = aead::seal(&unlocked.backup_key()?, &aad, archive.bytes(), entropy)?;
            let wrapped = wrapped.try_into().map(StoredBytes).map_err(|_| VaultError::DoesNotOpen)?;
            (SealedTo::Vault(unlocked.vault()), wrapped)
        }
    };
    let header = ArchiveHeader { version: VERSION, backup, sealed_to, wrapped };
    let bytes = serde_json::to_vec(&header).map_err(|_| VaultError::Malformed("backup header"))?;
    let length = u32::try_from(bytes.len()).map_err(|_| VaultError::TooLarge(MOST_BYTES))?;
    out.write_all(&[MAGIC.as_slice(), &length.to_be_bytes(), &bytes].concat())
        .map_err(VaultError::io("write the backup"))?;
    Ok(bytes)
}

fn vault_aad(vault: VaultId, backup: &StoredBytes<16>) -> Vec<u8> {
    framed("briefcase/vault/1/backup-key", &[vault.as_bytes(), &backup.0])
}
