use briefcase_private_fs::PrivateFsError;

use crate::KeyStoreError;

/// What can go wrong with the vault. Text never holds a secret, and never tells *why* something does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Wrong passphrase, key, vault or record; an older version; or changed bytes. On purpose not told apart.
    #[error(
        "this does not open: the passphrase or key is wrong, or the stored bytes were changed; try again, or restore a backup"
    )]
    DoesNotOpen,
    /// There is no vault at this place.
    #[error("there is no vault here; `briefcase init` makes one")]
    Missing,
    /// A vault, or a folder to restore into, would be overwritten.
    #[error("there is something here already, and nothing is overwritten; choose another place")]
    AlreadyExists,
    /// Made by a newer Briefcase.
    #[error(
        "a newer Briefcase wrote this vault (format {found}); install that version again, or restore a backup that this version wrote"
    )]
    UnknownVersion {
        /// The version found.
        found: u32,
    },
    /// Not in the documented form. The text says which part, and repeats nothing from the file.
    #[error("not a readable {0}: it was changed or cut off; restore it from a backup")]
    Malformed(&'static str),
    /// The vault's file or folder is not private, or the file system reported an error.
    #[error(transparent)]
    File(PrivateFsError),
    /// Somebody else wrote `vault.json` since it was read.
    #[error("the vault file was changed by somebody else since it was read; load it again")]
    ChangedOnDisk,
    /// The change would leave no slot that lasts.
    #[error("the vault must keep one passphrase or unlock key: a keyring alone can be lost")]
    LastSlot,
    /// No slot with this id.
    #[error("no such slot")]
    NoSuchSlot,
    /// The file holds as many slots as it may.
    #[error("the vault has {0} slots already, as many as it may")]
    TooManySlots(usize),
    /// Shorter than the slot's kind allows.
    #[error("too short: at least {0} characters")]
    TooShort(usize),
    /// Longer than this vault seals or stores in one piece.
    #[error("too large: at most {0} bytes")]
    TooLarge(usize),
    /// Costs for argon2id outside the accepted range.
    #[error("argon2id costs are outside the accepted range (19 MiB to 1 GiB, 2 to 10 passes, 1 to 16 lanes)")]
    KdfCost,
    /// Keys of one vault were used with another.
    #[error("these keys belong to another vault")]
    OtherVault,
    /// A rotation cannot be started or ended in this state.
    #[error("{0}")]
    Rotation(&'static str),
    /// The OS keyring refused.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The file system refused.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl VaultError {
    /// Wraps the system's answer together with what was being done.
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
