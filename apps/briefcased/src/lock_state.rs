//! Locked or open: the one switch of the daemon.

use std::sync::{Arc, PoisonError, RwLock};

use briefcase_types::UnixMillis;
use briefcase_vault::Credential;
use tokio::sync::Mutex;

use crate::{
    environment::Environment,
    open_error::OpenError,
    startup::{self, UnlockedState},
};

/// The daemon's state.
pub struct DaemonState {
    /// What it runs in.
    pub environment: Arc<Environment>,
    /// Since when.
    pub started: UnixMillis,
    open: RwLock<Option<Arc<UnlockedState>>>,
    /// Opening and locking, one at a time.
    switching: Mutex<()>,
}

/// What a person shows to open the vault.
pub enum OwnedCredential {
    /// A passphrase.
    Passphrase(briefcase_types::SecretString),
    /// The generated key.
    UnlockKey(briefcase_vault::UnlockKey),
}

impl DaemonState {
    /// A locked daemon.
    pub fn new(environment: Arc<Environment>, started: UnixMillis) -> Self {
        Self { environment, started, open: RwLock::new(None), switching: Mutex::default() }
    }

    /// The open briefcase; `None` while locked.
    pub fn open(&self) -> Option<Arc<UnlockedState>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the vault and everything behind it.
    ///
    /// # Errors
    /// See [`OpenError`]. The daemon stays locked then.
    pub async fn unlock(&self, key: OwnedCredential) -> Result<Arc<UnlockedState>, OpenError> {
        let one_at_a_time = self.switching.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let environment = Arc::clone(&self.environment);
        let opened = tokio::task::spawn_blocking(move || match &key {
            OwnedCredential::Passphrase(text) => startup::open(&environment, Credential::Passphrase(text)),
            OwnedCredential::UnlockKey(key) => startup::open(&environment, Credential::UnlockKey(key)),
        });
        let opened = Arc::new(opened.await.map_err(|error| OpenError::File(std::io::Error::other(error)))??);
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&opened));
        tokio::spawn(keep_ledger(Arc::downgrade(&opened), opened.ended.clone()));
        drop(one_at_a_time);
        Ok(opened)
    }

    /// Ends every session, waits for running calls, closes the record and forgets the keys.
    pub async fn lock(&self) {
        let one_at_a_time = self.switching.lock().await;
        let open = self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(open) = open {
            open.ended.cancel();
            for session in open.engine.sessions() {
                session.close();
            }
            open.pool.shutdown().await;
            open.mcp_server.drain().await;
            open.server_messages.detach();
            open.factors.snapshot().await;
            let store = Arc::clone(&open.store);
            let closed = tokio::task::spawn_blocking(move || store.close()).await;
            if let Ok(Err(error)) = closed {
                tracing::error!(%error, "the record could not be closed cleanly");
            }
        }
        drop(one_at_a_time);
    }
}

/// Keeps the replay at the next start short.
async fn keep_ledger(open: std::sync::Weak<UnlockedState>, ended: tokio_util::sync::CancellationToken) {
    let mut every = tokio::time::interval(std::time::Duration::from_secs(60));
    every.tick().await;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = ended.cancelled() => return,
        }
        match open.upgrade() {
            Some(open) => open.factors.snapshot().await,
            None => return,
        }
    }
}
