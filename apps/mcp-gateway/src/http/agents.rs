//! The connected agents: one connection to the daemon for each valid token.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::{
    agent_connection::AgentConnection,
    credential::{Fingerprint, RequestCredential},
};
use crate::daemon::{DaemonEndpoint, Unavailable};

/// The maximum number of connected agents.
const AGENTS: usize = 32;
/// The number of refused tokens per window. Above it, new tokens are not sent to the daemon.
const FAILURES: u32 = 30;
const WINDOW: Duration = Duration::from_secs(10);

/// The connected agents.
pub(super) struct Agents {
    daemon: DaemonEndpoint,
    view: Option<String>,
    agents: Mutex<HashMap<[u8; 32], Arc<TokenSlot>>>,
    failures: Mutex<(u32, Instant)>,
}

/// The state of one token. Only one request at a time connects for it.
#[derive(Default)]
struct TokenSlot {
    connecting: tokio::sync::Mutex<()>,
    connected: Mutex<Option<(Arc<AgentConnection>, AbortHandle)>>,
}

/// A request's agent cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AgentError {
    /// The daemon does not know the token, or it is revoked.
    Refused(Unavailable),
    /// The daemon is unavailable.
    Unavailable(Unavailable),
    /// There are too many unknown tokens or too many agents.
    TooMany,
}

impl Agents {
    pub(super) fn new(daemon: DaemonEndpoint, view: Option<String>) -> Self {
        Self { daemon, view, agents: Mutex::default(), failures: Mutex::new((0, Instant::now())) }
    }

    fn agents(&self) -> MutexGuard<'_, HashMap<[u8; 32], Arc<TokenSlot>>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the agent with this token. Without a connection it connects, and the daemon decides.
    pub(super) async fn find(&self, credential: RequestCredential) -> Result<Arc<AgentConnection>, AgentError> {
        let RequestCredential { token, fingerprint } = credential;
        let slot = self.slot(fingerprint)?;
        if let Some(agent) = slot.agent() {
            return Ok(agent);
        }
        let _alone = slot.connecting.lock().await;
        if let Some(agent) = slot.agent() {
            return Ok(agent);
        }
        if self.too_many_failures() {
            self.leave(fingerprint);
            return Err(AgentError::TooMany);
        }
        match self.daemon.connect(token).await {
            Ok(link) => {
                tracing::info!(agent = %link.welcome.agent, daemon = %link.welcome.daemon, "connected");
                let interrupted = slot.connected().as_ref().map(|(old, _)| old.take_interrupted());
                let (agent, receiving) = AgentConnection::new(
                    link.sender,
                    link.receiver,
                    self.view.clone(),
                    interrupted.unwrap_or_default(),
                );
                let task = tokio::spawn(receiving).abort_handle();
                *slot.connected() = Some((Arc::clone(&agent), task));
                Ok(agent)
            }
            Err(why) if why.is_credential() => {
                self.leave(fingerprint);
                self.count_failure();
                Err(AgentError::Refused(why))
            }
            Err(why) => Err(AgentError::Unavailable(why)),
        }
    }

    /// Ends sessions and connections that were unused for long.
    pub(super) fn sweep(&self) {
        self.agents().retain(|_, slot| {
            let agent = slot.connected().as_ref().map(|(agent, _)| Arc::clone(agent));
            agent.is_none_or(|agent| {
                agent.end_expired();
                !agent.is_gone() || agent.has_interrupted()
            })
        });
    }

    fn slot(&self, fingerprint: Fingerprint) -> Result<Arc<TokenSlot>, AgentError> {
        let mut agents = self.agents();
        if let Some(slot) = agents.get(&fingerprint.key()) {
            return Ok(Arc::clone(slot));
        }
        if agents.len() >= AGENTS {
            let idle = agents.iter().find(|(_, slot)| slot.is_idle()).map(|(key, _)| *key);
            agents.remove(&idle.ok_or(AgentError::TooMany)?);
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

impl TokenSlot {
    fn connected(&self) -> MutexGuard<'_, Option<(Arc<AgentConnection>, AbortHandle)>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn agent(&self) -> Option<Arc<AgentConnection>> {
        self.connected().as_ref().filter(|(agent, _)| !agent.is_gone()).map(|(agent, _)| Arc::clone(agent))
    }

    fn is_idle(&self) -> bool {
        match self.connected().as_ref() {
            Some((agent, _)) => agent.is_gone() || agent.is_idle(),
            None => self.connecting.try_lock().is_ok(),
        }
    }
}

/// Dropping a token's state ends its connection.
impl Drop for TokenSlot {
    fn drop(&mut self) {
        if let Some((agent, task)) = self.connected().take() {
            task.abort();
            agent.end();
        }
    }
}
