use briefcase_private_fs::PrivateFsError;

use crate::KeyStoreError;

/// An operation of the vault failed. The text contains no secret, and never says *why* something does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The passphrase, key, vault or record is wrong, a version is older, or bytes were changed. One error covers all
    /// of them, so that an attacker learns nothing from it.
    #[error(
        "the vault, record or backup does not open: the passphrase or key is wrong, or the stored bytes were changed; try again, or restore a backup"
    )]
    DoesNotOpen,
    /// The vault's file is missing.
    #[error("the vault file is missing; create a vault with `briefcase setup`")]
    Missing,
    /// A vault, or a folder to restore into, exists already.
    #[error("the vault or folder exists already and is not overwritten; choose another path")]
    AlreadyExists,
    /// A newer Briefcase wrote the vault or archive.
    #[error(
        "a newer Briefcase wrote this vault (format {found}); install that version again, or restore a backup that this version wrote"
    )]
    UnknownVersion {
        /// The version in the file.
        found: u32,
    },
    /// A part is not in the documented form. The text names the part and repeats nothing from the file.
    #[error("not a readable {0}: it was changed or cut off; restore it from a backup")]
    Malformed(&'static str),
    /// The vault's file or folder is not private, or the file system reported an error.
    #[error(transparent)]
    File(PrivateFsError),
    /// Another process wrote `vault.json` since it was read.
    #[error("another process changed the vault file since it was read; load it again")]
    ChangedOnDisk,
    /// The change would leave only keyring slots.
    #[error("the vault must keep one passphrase or unlock key: a keyring alone can be lost")]
    LastSlot,
    /// The vault has no slot with this id.
    #[error("the vault has no slot with this id")]
    NoSuchSlot,
    /// The vault has the largest allowed number of slots.
    #[error("the vault has {0} slots already, the largest allowed number")]
    TooManySlots(usize),
    /// The passphrase or PIN is shorter than its slot allows.
    #[error("the passphrase or PIN is too short: at least {0} characters")]
    TooShort(usize),
    /// The data is larger than the vault seals or stores in one piece.
    #[error("the data is too large: at most {0} bytes")]
    TooLarge(usize),
    /// The costs for argon2id are outside the accepted range.
    #[error("argon2id costs are outside the accepted range (19 MiB to 1 GiB, 2 to 10 passes, 1 to 16 lanes)")]
    KdfCost,
    /// The keys belong to another vault.
    #[error("these keys belong to another vault")]
    OtherVault,
    /// A rotation cannot start or end in this state.
    #[error("{0}")]
    Rotation(&'static str),
    /// The OS keyring reported an error.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The file system reported an error.
    #[error("cannot {action}: {source}")]
    Io {
        /// The operation that failed, as a verb phrase.
        action: &'static str,
        /// The cause.
        source: std::io::Error,
    },
}

impl VaultError {
    /// Adds the failed operation to the system's error.
    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

impl From<PrivateFsError> for VaultError {
    fn from(error: PrivateFsError) -> Self {
        match error {
            PrivateFsError::TooLarge { limit, .. } => Self::TooLarge(limit),
            other => Self::File(other),
        }
    }
}
