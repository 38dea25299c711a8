//! What can go wrong with the state on disk, each with the next step for a person.

use std::path::PathBuf;

use briefcase_ports::JournalError;
use briefcase_private_fs::PrivateFsError;
use briefcase_receipts::{FormError, checkpoint::CheckpointError, merkle::LogError};
use briefcase_types::ReceiptIndex;
use rusqlite::ErrorCode;

use crate::SealError;

/// Why the state cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another daemon serves this folder.
    #[error("already_running: briefcased{} serves this state folder; stop it first", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// Its process id, when it wrote one.
        pid: Option<u32>,
    },
    /// The state folder or a file in it is not private.
    #[error(transparent)]
    NotPrivate(PrivateFsError),
    /// The file system reported an error for the state folder or a file in it.
    #[error("{0}; check the disk and the folder's owner, then restart briefcased")]
    File(PrivateFsError),
    /// There is no database where one should be.
    #[error("there is no record in {0}: run `briefcase init`, or restore a backup with `briefcase restore`")]
    Missing(PathBuf),
    /// A newer version wrote the database.
    #[error(
        "a newer Briefcase wrote this database (form {found}, this version reads {known}); install that version again, or restore a backup that this version wrote"
    )]
    Newer {
        /// What the file says.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// Older than its head: an old copy was put back, or its tail was cut.
    #[error(
        "rolled_back: the record has {database} receipts, but {head} were signed; an older copy was put in its place. Put the newer database back, or restore a backup with `briefcase restore`"
    )]
    RolledBack {
        /// Receipts in the signed head.
        head: u64,
        /// Receipts in the database.
        database: u64,
    },
    /// Another history than the one that was signed.
    #[error(
        "forked: the first {size} receipts are not the ones that were signed; the record was rewritten. Run `briefcase fsck`, keep the files, and restore a backup with `briefcase restore`"
    )]
    Forked {
        /// The size at which the two histories differ.
        size: u64,
    },
    /// The file `head` is missing or unreadable beside a database that has receipts.
    #[error(
        "head_missing: the file `head` {found}, so an older database could not be told from this one. Put the file back, or restore with `briefcase restore`, which starts a new incarnation"
    )]
    HeadMissing {
        /// What was found.
        found: &'static str,
    },
    /// The record belongs to another installation, incarnation or key.
    #[error(
        "the record belongs to `{found}`, not to `{expected}`; check the state folder, or restore with `briefcase restore`"
    )]
    OtherLog {
        /// Who it should belong to.
        expected: String,
        /// Who it says it belongs to.
        found: String,
    },
    /// What hangs on the record was edited.
    #[error("state_tampered: {what}; run `briefcase fsck`, then restore a backup with `briefcase restore`")]
    StateTampered {
        /// What does not fit.
        what: &'static str,
    },
    /// A row cannot be what this program wrote.
    #[error("the record is damaged{}: {what}; run `briefcase fsck`, then restore a backup with `briefcase restore`", at.map(|at| format!(" near {at}")).unwrap_or_default())]
    Damaged {
        /// Where.
        at: Option<ReceiptIndex>,
        /// What is wrong.
        what: &'static str,
    },
    /// No such receipt, opening or checkpoint.
    #[error("there is no {0} in the record")]
    Absent(String),
    /// An entry that cannot be recorded; nothing was written.
    #[error("this cannot be recorded: {0}")]
    Refused(&'static str),
    /// SQLite said no.
    #[error("the database refused: {0}; check that the disk is there, writable and not full, then restart briefcased")]
    Sqlite(#[from] rusqlite::Error),
    /// The system said no.
    #[error("cannot {doing}: {source}; check the disk and the folder's owner, then restart briefcased")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A sealed value could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A proof could not be made, or stored hashes do not lead to the root.
    #[error("the record's hashes do not fit: {0}; run `briefcase fsck`")]
    Log(#[from] LogError),
    /// A checkpoint could not be signed or checked.
    #[error("the record's head: {0}; run `briefcase fsck`")]
    Checkpoint(#[from] CheckpointError),
    /// An export could not be written.
    #[error("the export cannot be written: {0}")]
    Export(String),
    /// A receipt could not be encoded or decoded.
    #[error("a receipt: {0}")]
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

    /// What a waiting entry is told.
    pub(crate) fn for_journal(&self) -> JournalError {
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => JournalError::Full,
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => JournalError::Full,
            Self::File(error) if error.io_kind() == Some(std::io::ErrorKind::StorageFull) => JournalError::Full,
            Self::Journal(error) => error.clone(),
            other => JournalError::Failed(other.to_string()),
        }
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
