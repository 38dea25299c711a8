//! Errors of the state on disk, each with the next step for a person.

use std::path::PathBuf;

use briefcase_ports::JournalError;
use briefcase_private_fs::PrivateFsError;
use briefcase_receipts::{FormError, checkpoint::CheckpointError, merkle::LogError};
use briefcase_types::ReceiptIndex;
use rusqlite::ErrorCode;

use crate::SealError;

/// The state cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process serves this folder.
    #[error("already_running: briefcased{} serves this state folder; stop it first", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// The process id, if the process wrote one.
        pid: Option<u32>,
    },
    /// The state folder or a file in it is not private.
    #[error(transparent)]
    NotPrivate(PrivateFsError),
    /// The file system reported an error for the state folder or a file in it.
    #[error("{0}; check the disk and the folder's owner, then restart briefcased")]
    File(PrivateFsError),
    /// The database is missing.
    #[error("no record exists in {0}: run `briefcase setup`, or restore a backup with `briefcase restore`")]
    Missing(PathBuf),
    /// A newer version wrote the database.
    #[error(
        "a newer Briefcase wrote this database (form {found}, this version reads {known}); install that version again, or restore a backup that this version wrote"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database is older than its head: an old copy replaced it, or its end was removed.
    #[error(
        "rolled_back: the record has {database} receipts, but {head} were signed; an older copy replaced it. Put the newer database back, or restore a backup with `briefcase restore`"
    )]
    RolledBack {
        /// The number of receipts in the signed head.
        head: u64,
        /// The number of receipts in the database.
        database: u64,
    },
    /// The history differs from the signed one.
    #[error(
        "forked: the first {size} receipts are not the ones that were signed; the record was rewritten. Run `briefcase fsck`, keep the files, and restore a backup with `briefcase restore`"
    )]
    Forked {
        /// The size at which the two histories differ.
        size: u64,
    },
    /// The file `head` is missing or unreadable beside a database that has receipts.
    #[error(
        "head_missing: the file `head` {found}, so an older database cannot be detected. Put the file back, or restore with `briefcase restore`, which starts a new incarnation"
    )]
    HeadMissing {
        /// The state of the file.
        found: &'static str,
    },
    /// The record belongs to another installation, incarnation or key.
    #[error(
        "the record belongs to `{found}`, not to `{expected}`; check the state folder, or restore with `briefcase restore`"
    )]
    OtherLog {
        /// The expected origin.
        expected: String,
        /// The origin in the record.
        found: String,
    },
    /// State that the record covers was edited.
    #[error("state_tampered: {what}; run `briefcase fsck`, then restore a backup with `briefcase restore`")]
    StateTampered {
        /// The part that contradicts the record.
        what: &'static str,
    },
    /// A row is not valid output of this program.
    #[error("the record is damaged{}: {what}; run `briefcase fsck`, then restore a backup with `briefcase restore`", at.map(|at| format!(" near {at}")).unwrap_or_default())]
    Damaged {
        /// The receipt at or after the damage.
        at: Option<ReceiptIndex>,
        /// The damage.
        what: &'static str,
    },
    /// The receipt, opening or checkpoint does not exist.
    #[error("the record has no {0}")]
    Absent(String),
    /// The entry cannot be recorded. Nothing was written.
    #[error("the entry cannot be recorded: {0}")]
    Refused(&'static str),
    /// SQLite reported an error.
    #[error(
        "the database reported an error: {0}; check that the disk is present, writable and not full, then restart briefcased"
    )]
    Sqlite(#[from] rusqlite::Error),
    /// The system reported an error.
    #[error("cannot {doing}: {source}; check the disk and the folder's owner, then restart briefcased")]
    Io {
        /// The operation that failed, as a verb phrase.
        doing: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A sealed value could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A proof could not be made, or the stored hashes contradict the root.
    #[error("the record's hashes are inconsistent: {0}; run `briefcase fsck`")]
    Log(#[from] LogError),
    /// A checkpoint could not be signed or verified.
    #[error("the record's head is unusable: {0}; run `briefcase fsck`")]
    Checkpoint(#[from] CheckpointError),
    /// An export could not be written.
    #[error("the export cannot be written: {0}")]
    Export(String),
    /// A receipt could not be encoded or decoded.
    #[error("a receipt is unreadable or cannot be encoded: {0}")]
    Form(#[from] FormError),
    /// The store is closed, or stopped after a failed write.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl StoreError {
    pub(crate) const fn damaged(what: &'static str) -> Self {
        Self::Damaged { at: None, what }
    }

    pub(crate) const fn damaged_at(at: u64, what: &'static str) -> Self {
        Self::Damaged { at: Some(ReceiptIndex(at)), what }
    }

    pub(crate) fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// Returns the error for a waiting entry.
    pub(crate) fn for_journal(&self) -> JournalError {
        match self {
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => JournalError::Full,
                Some(ErrorCode::ReadOnly) => JournalError::ReadOnly,
                Some(ErrorCode::SystemIoFailure) => JournalError::Io(error.to_string()),
                _ => JournalError::Failed(self.to_string()),
            },
            Self::Io { source, .. } => io_failure(source.kind(), self),
            Self::File(error) => {
                error.io_kind().map_or_else(|| JournalError::Failed(self.to_string()), |kind| io_failure(kind, self))
            }
            Self::Journal(error) => error.clone(),
            other => JournalError::Failed(other.to_string()),
        }
    }
}

fn io_failure(kind: std::io::ErrorKind, error: &StoreError) -> JournalError {
    match kind {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => JournalError::Full,
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => JournalError::ReadOnly,
        std::io::ErrorKind::FileTooLarge => JournalError::TooLarge,
        _ => JournalError::Io(error.to_string()),
    }
}

impl From<PrivateFsError> for StoreError {
    fn from(error: PrivateFsError) -> Self {
        match error {
            PrivateFsError::Locked { holder, .. } => Self::AlreadyRunning { pid: holder },
            fault @ PrivateFsError::NotPrivate { .. } => Self::NotPrivate(fault),
            other => Self::File(other),
        }
    }
}
