//! Locking and unlocking.

use std::sync::Arc;

use briefcase_api::Unlock;
use briefcase_ports::BoxFuture;
use briefcase_types::SecretString;

use crate::Briefcase;

/// Locks and unlocks the briefcase. The daemon implements it.
pub trait LockControl: Send + Sync {
    /// The unlocked briefcase, or `None` while it is locked.
    fn current(&self) -> Option<Arc<Briefcase>>;

    /// Unlocks the briefcase. Does nothing while it is unlocked.
    fn unlock(&self, unlock: Unlock<SecretString>) -> BoxFuture<'_, Result<(), UnlockError>>;

    /// Ends every session, waits for running calls, closes the record and drops the keys.
    fn lock(&self) -> BoxFuture<'_, ()>;
}

/// The briefcase stays locked. The text is the error of the part that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// The text has not the form of an unlock key.
    #[error("{0}")]
    MalformedKey(String),
    /// The state folder was never set up.
    #[error("{0}")]
    NotSetUp(String),
    /// The passphrase or unlock key opens no slot of the vault.
    #[error("{0}")]
    WrongKey(String),
    /// The vault file cannot be used.
    #[error("{0}")]
    Vault(String),
    /// The state was edited or rolled back, belongs to another installation, or cannot be read.
    #[error("{0}")]
    State(String),
}
