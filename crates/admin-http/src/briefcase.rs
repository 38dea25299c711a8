//! An unlocked briefcase, and what the daemon does for the admin API with its vault and its connections.

use std::sync::Arc;

use briefcase_engine::Engine;
use briefcase_policy::authority::Server;
use briefcase_ports::{BoxFuture, Upstreams};
use briefcase_presence::FactorVerifier;
use briefcase_receipts::checkpoint::PublicKey;
use briefcase_store::{Reader, Store};
use briefcase_types::{AgentId, Digest, LoopbackOwner, SecretBytes, SecretName, SecretString, ServerId, UnixMillis};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// The line with which a change of the passphrase begins in the record.
pub const PASSPHRASE_SET: &str = "passphrase_set";

/// An unlocked briefcase, as the admin API uses it.
pub struct Briefcase {
    /// Decides and records.
    pub engine: Arc<Engine>,
    /// The record.
    pub store: Arc<Store>,
    /// Verifies evidence of presence, and enrols factors.
    pub factors: Arc<FactorVerifier>,
    /// The public key of the log.
    pub log_key: PublicKey,
    /// The vault.
    pub vault: Arc<dyn VaultAccess>,
    /// The connections to servers and agents.
    pub connections: Arc<dyn ServerConnections>,
    /// Fires when the briefcase is locked.
    pub ended: CancellationToken,
}

impl Briefcase {
    /// Reads the record.
    pub(crate) fn reader(&self) -> &Reader {
        self.store.reader()
    }
}

/// The vault refused or failed; the text says why, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VaultFailure(pub String);

/// A sealed secret for the store.
pub struct SealedSecret {
    /// The sealed record.
    pub record: Bytes,
    /// The digest by which the authority document names the record.
    pub digest: Digest,
}

/// Uses the open vault for the admin API. No method returns a key or a secret.
pub trait VaultAccess: Send + Sync {
    /// Seals a new value of a secret as the given version.
    ///
    /// # Errors
    /// The vault cannot seal.
    fn seal_secret(&self, name: &SecretName, version: u64, value: &SecretBytes) -> Result<SealedSecret, VaultFailure>;

    /// Makes a vault file with a new passphrase, durable and not yet in force. Blocks for as long as argon2id takes.
    ///
    /// # Errors
    /// The passphrase is too short, or the vault cannot be changed now.
    fn stage_passphrase(&self, passphrase: &SecretString) -> Result<Box<dyn StagedPassphrase>, VaultFailure>;

    /// Makes an encrypted archive of the record, the vault file, the log key and the identity. Blocks.
    ///
    /// # Errors
    /// A file cannot be read, or the archive cannot be sealed.
    fn back_up(&self, passphrase: &SecretString, now: UnixMillis) -> Result<Vec<u8>, VaultFailure>;
}

/// A vault file with a new passphrase beside the one in force.
pub trait StagedPassphrase: Send {
    /// The line of the change in the record, which names this file.
    fn recorded_line(&self) -> String;

    /// Puts the file in force. Called once the change is on record.
    ///
    /// # Errors
    /// The file cannot be moved. The next start puts it in force.
    fn put_in_force(self: Box<Self>) -> Result<(), VaultFailure>;
}

/// The daemon's connections to servers and agents.
pub trait ServerConnections: Send + Sync {
    /// The number of open connections to a server.
    fn count(&self, server: &ServerId) -> usize;

    /// Closes the connections to a server. The next call opens new ones.
    fn forget_server(&self, server: &ServerId);

    /// Ends the sessions, connections, task handles and suspended calls of an agent.
    fn disconnect_agent(&self, agent: &AgentId);

    /// Makes separate connections for a probe of a server, which need not be registered.
    ///
    /// # Errors
    /// The server's description is invalid, or the HTTP client cannot be made.
    fn for_probe(&self, server: &Server) -> Result<Box<dyn ProbeConnections>, ProbeError>;

    /// Finds the process that listens now on the port of a server on this machine. Sends it nothing.
    ///
    /// # Errors
    /// The server's description is invalid, or nothing listens.
    fn listener<'a>(&'a self, server: &'a Server) -> BoxFuture<'a, Result<Option<LoopbackOwner>, ProbeError>>;
}

/// Connections to the one server of a probe. Requests of that server are refused.
pub trait ProbeConnections: Send + Sync {
    /// The connections themselves.
    fn upstreams(&self) -> &dyn Upstreams;

    /// Closes them.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// A probe cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The server's description is invalid.
    #[error("{0}")]
    InvalidServer(String),
    /// The daemon cannot make connections.
    #[error("{0}")]
    Unavailable(String),
}
