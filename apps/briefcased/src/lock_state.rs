//! The lock state of the daemon: locked or unlocked.

use std::{
    sync::{Arc, PoisonError, RwLock, Weak},
    time::Duration,
};

use briefcase_admin_http::{Briefcase, LockControl, UnlockError};
use briefcase_api::Unlock;
use briefcase_ports::BoxFuture;
use briefcase_types::SecretString;
use briefcase_vault::{Credential, UnlockKey, UnlockKeyError, VaultError};
use tokio::{sync::Mutex, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    environment::Environment,
    open_error::OpenError,
    process::clock::SystemClock,
    startup::{self, UnlockedState},
};

/// The interval between snapshots, which keep the replay at the next start short.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(60);

/// The interval between comparisons of the record's time with the computer's clock.
const CLOCK_INTERVAL: Duration = Duration::from_secs(1);

/// The state of the daemon, which is locked or unlocked.
pub struct DaemonState {
    environment: Arc<Environment>,
    unlocked: RwLock<Option<Arc<UnlockedState>>>,
    /// The daemon is locked or unlocked by one task at a time.
    switching: Mutex<()>,
}

/// The passphrase or key with which a person unlocks the vault.
pub enum OwnedCredential {
    /// A passphrase.
    Passphrase(SecretString),
    /// The generated key.
    UnlockKey(UnlockKey),
}

impl OwnedCredential {
    /// Parses a credential.
    ///
    /// # Errors
    /// The text has not the form of an unlock key.
    pub fn parse(unlock: Unlock<SecretString>) -> Result<Self, UnlockKeyError> {
        Ok(match unlock {
            Unlock::Passphrase(text) => Self::Passphrase(text),
            Unlock::UnlockKey(text) => Self::UnlockKey(UnlockKey::parse(&text)?),
        })
    }
}

impl DaemonState {
    /// Makes the state of a locked daemon.
    pub fn new(environment: Arc<Environment>) -> Self {
        Self { environment, unlocked: RwLock::new(None), switching: Mutex::default() }
    }

    /// The unlocked briefcase, or `None` while it is locked.
    pub fn unlocked(&self) -> Option<Arc<UnlockedState>> {
        self.unlocked.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the vault and the state behind it. Does nothing while they are open.
    ///
    /// # Errors
    /// See [`OpenError`]. The daemon stays locked then.
    pub async fn unlock_with(&self, credential: OwnedCredential) -> Result<(), OpenError> {
        let one_at_a_time = self.switching.lock().await;
        if self.unlocked().is_some() {
            return Ok(());
        }
        let environment = Arc::clone(&self.environment);
        let opened = tokio::task::spawn_blocking(move || match &credential {
            OwnedCredential::Passphrase(text) => startup::open(&environment, Credential::Passphrase(text)),
            OwnedCredential::UnlockKey(key) => startup::open(&environment, Credential::UnlockKey(key)),
        });
        let opened = Arc::new(opened.await.map_err(|error| OpenError::File(std::io::Error::other(error)))??);
        *self.unlocked.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&opened));
        tokio::spawn(store_snapshots(Arc::downgrade(&opened), opened.ended.clone()));
        tokio::spawn(watch_clock(Arc::downgrade(&opened), Arc::clone(&self.environment.clock), opened.ended.clone()));
        drop(one_at_a_time);
        Ok(())
    }
}

impl LockControl for DaemonState {
    fn current(&self) -> Option<Arc<Briefcase>> {
        self.unlocked().map(|unlocked| Arc::clone(&unlocked.briefcase))
    }

    fn unlock(&self, unlock: Unlock<SecretString>) -> BoxFuture<'_, Result<(), UnlockError>> {
        Box::pin(async move {
            let credential =
                OwnedCredential::parse(unlock).map_err(|error| UnlockError::MalformedKey(error.to_string()))?;
            self.unlock_with(credential).await.map_err(|error| unlock_error(&error))
        })
    }

    fn lock(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let one_at_a_time = self.switching.lock().await;
            let unlocked = self.unlocked.write().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(unlocked) = unlocked {
                unlocked.ended.cancel();
                for session in unlocked.engine.sessions() {
                    session.close();
                }
                unlocked.pool.shutdown().await;
                unlocked.mcp_server.drain().await;
                unlocked.server_messages.detach();
                unlocked.factors.snapshot().await;
                let store = Arc::clone(&unlocked.store);
                let closed = tokio::task::spawn_blocking(move || store.close()).await;
                if let Ok(Err(error)) = closed {
                    tracing::error!(%error, "the record could not be closed cleanly");
                }
            }
            drop(one_at_a_time);
        })
    }
}

fn unlock_error(error: &OpenError) -> UnlockError {
    let text = error.to_string();
    match error {
        OpenError::NotSetUp => UnlockError::NotSetUp(text),
        OpenError::Vault(VaultError::DoesNotOpen) => UnlockError::WrongKey(text),
        OpenError::Vault(_) => UnlockError::Vault(text),
        _ => UnlockError::State(text),
    }
}

/// Stores a snapshot of ledger and counters now and then.
async fn store_snapshots(unlocked: Weak<UnlockedState>, ended: CancellationToken) {
    let mut every = tokio::time::interval(SNAPSHOT_INTERVAL);
    every.tick().await;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = ended.cancelled() => return,
        }
        match unlocked.upgrade() {
            Some(unlocked) => unlocked.factors.snapshot().await,
            None => return,
        }
    }
}

/// Records when the computer's clock goes ahead by days or falls behind, and lets budgets and lock-outs follow.
async fn watch_clock(unlocked: Weak<UnlockedState>, clock: Arc<SystemClock>, ended: CancellationToken) {
    let mut every = tokio::time::interval(CLOCK_INTERVAL);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = ended.cancelled() => return,
        }
        let Some(unlocked) = unlocked.upgrade() else { return };
        if let Some((notice, at)) = clock.check() {
            // Not waited for: nothing is released before this receipt is durable, because later receipts come after it.
            drop(unlocked.engine.follow_clock(notice, at));
            unlocked.factors.follow_clock(notice, at).await;
            clock.follow();
        }
    }
}
