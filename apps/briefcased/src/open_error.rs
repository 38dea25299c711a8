//! Errors of opening the state folder.

use briefcase_egress::EgressError;
use briefcase_engine::active_authority::ActiveAuthorityError;
use briefcase_policy::authority::AuthorityError;
use briefcase_presence::PasskeyError;
use briefcase_receipts::checkpoint::CheckpointError;
use briefcase_store::StoreError;
use briefcase_vault::VaultError;

/// The state folder cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder was never set up.
    #[error("there is no briefcase here yet; make one with `briefcase setup`")]
    NotSetUp,
    /// The vault does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The record does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The authority document is invalid.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The authority cannot be put in force.
    #[error(transparent)]
    ActiveAuthority(#[from] ActiveAuthorityError),
    /// The passkeys' relying party cannot be made.
    #[error(transparent)]
    Passkeys(#[from] PasskeyError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The identity or the key of the log is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of the state folder cannot be read.
    #[error("a file of the state folder cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// A part of the state differs from what was accepted.
    #[error("the state was edited from outside ({0}); restore it from a backup with `briefcased restore`")]
    Tampered(&'static str),
}
