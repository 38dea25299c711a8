//! Which agents are connected: one connection to the daemon for each token that it knows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::{
    credential::{Credential, Fingerprint},
    principal::Principal,
};
use crate::daemon::{Daemon, Unavailable};

/// Agents at once.
const AGENTS: usize = 32;
/// Refused tokens in one window, after which unknown tokens are not asked about any more.
const FAILURES: u32 = 30;
const WINDOW: Duration = Duration::from_secs(10);

/// The agents that are connected.
pub(super) struct Directory {
    daemon: Daemon,
    view: Option<String>,
    agents: Mutex<HashMap<[u8; 32], Arc<Seat>>>,
    failures: Mutex<(u32, Instant)>,
}

/// One token's place. Only one request at a time connects for it.
#[derive(Default)]
struct Seat {
    connecting: tokio::sync::Mutex<()>,
    connected: Mutex<Option<(Arc<Principal>, AbortHandle)>>,
}

/// Why a request has no agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAgent {
    /// The daemon does not know the token, or knows that it must not be used.
    Refused(Unavailable),
    /// The daemon cannot be asked.
    Unavailable(Unavailable),
    /// Too many unknown tokens, or too many agents.
    TooMany,
}

impl Directory {
    pub(super) fn new(daemon: Daemon, view: Option<String>) -> Self {
        Self { daemon, view, agents: Mutex::default(), failures: Mutex::new((0, Instant::now())) }
    }

    fn agents(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<Seat>>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent with this token. Connects to the daemon, which decides, when it is not connected.
    pub(super) async fn find(&self, credential: Credential) -> Result<Arc<Principal>, NoAgent> {
        let Credential { token, fingerprint } = credential;
        let seat = self.seat(fingerprint)?;
        if let Some(principal) = seat.principal() {
            return Ok(principal);
        }
        let _alone = seat.connecting.lock().await;
        if let Some(principal) = seat.principal() {
            return Ok(principal);
        }
        if self.too_many_failures() {
            self.leave(fingerprint);
            return Err(NoAgent::TooMany);
        }
        match self.daemon.connect(token).await {
            Ok(link) => {
                tracing::info!(agent = %link.welcome.agent, daemon = %link.welcome.daemon, "connected");
                let (principal, receiving) = Principal::new(link.sender, link.receiver, self.view.clone());
                let task = tokio::spawn(receiving).abort_handle();
                *seat.connected() = Some((Arc::clone(&principal), task));
                Ok(principal)
            }
            Err(why) if why.is_credential() => {
                self.leave(fingerprint);
                self.count_failure();
                Err(NoAgent::Refused(why))
            }
            Err(why) => Err(NoAgent::Unavailable(why)),
        }
    }

    /// Ends what was not used for long.
    pub(super) fn sweep(&self) {
        self.agents().retain(|_, seat| {
            let principal = seat.connected().as_ref().map(|(principal, _)| Arc::clone(principal));
            principal.is_none_or(|principal| {
                principal.end_expired();
                !principal.is_gone()
            })
        });
    }

    fn seat(&self, fingerprint: Fingerprint) -> Result<Arc<Seat>, NoAgent> {
        let mut agents = self.agents();
        if let Some(seat) = agents.get(&fingerprint.key()) {
            return Ok(Arc::clone(seat));
        }
        if agents.len() >= AGENTS {
            let idle = agents.iter().find(|(_, seat)| seat.is_idle()).map(|(key, _)| *key);
            agents.remove(&idle.ok_or(NoAgent::TooMany)?);
        }
        Ok(Arc::clone(agents.entry(fingerprint.key()).or_default()))
    }

    fn leave(&self, fingerprint: Fingerprint) {
        self.agents().remove(&fingerprint.key());
    }

    fn too_many_failures(&self) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.0 >= FAILURES && failures.1.elapsed() < WINDOW
    }

    fn count_failure(&self) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.1.elapsed() >= WINDOW {
            *failures = (0, Instant::now());
        }
        failures.0 = failures.0.saturating_add(1);
    }
}

impl Seat {
    fn connected(&self) -> MutexGuard<'_, Option<(Arc<Principal>, AbortHandle)>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn principal(&self) -> Option<Arc<Principal>> {
        self.connected()
            .as_ref()
            .filter(|(principal, _)| !principal.is_gone())
            .map(|(principal, _)| Arc::clone(principal))
    }

    fn is_idle(&self) -> bool {
        match self.connected().as_ref() {
            Some((principal, _)) => principal.is_gone() || principal.is_idle(),
            None => self.connecting.try_lock().is_ok(),
        }
    }
}

/// Whoever leaves the directory loses the connection.
impl Drop for Seat {
    fn drop(&mut self) {
        if let Some((principal, task)) = self.connected().take() {
            task.abort();
            principal.end();
        }
    }
}
