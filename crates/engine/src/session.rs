//! Sessions of agents, their grants, and the labels of agents.
//!
//! Invariant: labels belong to the *agent* and expire only with time. A reconnect or the stateless era does not remove them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_policy::label::{Label, Labels};
use briefcase_types::{AgentId, Digest, ServerId, SessionId, UnixMillis};

/// The subscriptions of one session that are remembered.
const SUBSCRIPTIONS_MAX: usize = 4096;

/// How long a label stays after the agent last received labelled data.
const LABEL_LIFETIME: Duration = Duration::from_secs(3600);

/// One connection of an agent.
#[derive(Debug)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The agent.
    pub agent: AgentId,
    grants: Mutex<Vec<SessionGrant>>,
    subscribed: Mutex<BTreeSet<(ServerId, String)>>,
    closed: AtomicBool,
}

/// A grant that ends with the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionGrant {
    /// The server.
    pub server: ServerId,
    /// The digest of server, operation and name.
    pub subject: Digest,
    /// The tool's definition. A changed definition voids the grant.
    pub pin: Digest,
    /// The digest of the exact arguments and the members beside them; `None` for any arguments.
    pub arguments: Option<Digest>,
}

impl Session {
    /// Makes a session without grants.
    #[must_use]
    pub fn new(id: SessionId, agent: AgentId) -> Self {
        Self { id, agent, grants: Mutex::default(), subscribed: Mutex::default(), closed: AtomicBool::new(false) }
    }

    /// Whether the session has ended: it disconnected, or the agent was removed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends the session and voids its grants.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().clear();
    }

    pub(crate) fn grant(&self, grant: SessionGrant) {
        if !self.is_closed() {
            self.lock().push(grant);
        }
    }

    /// Whether a grant covers a call. With `only_exact`, the grant must name exactly these arguments.
    pub(crate) fn covers(
        &self,
        server: &ServerId,
        subject: Digest,
        pin: Digest,
        arguments: Digest,
        only_exact: bool,
    ) -> bool {
        self.lock().iter().any(|grant| {
            grant.server == *server
                && grant.subject == subject
                && grant.pin == pin
                && grant.arguments.map_or(!only_exact, |exact| exact == arguments)
        })
    }

    /// Notes a subscription that was allowed: the server knows its URI.
    pub(crate) fn note_subscription(&self, server: &ServerId, uri: &str) {
        let mut subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        if subscribed.len() < SUBSCRIPTIONS_MAX {
            subscribed.insert((server.clone(), uri.to_owned()));
        }
    }

    /// Whether the session was allowed to subscribe to the resource.
    pub(crate) fn is_subscribed(&self, server: &ServerId, uri: &str) -> bool {
        let subscribed = self.subscribed.lock().unwrap_or_else(PoisonError::into_inner);
        subscribed.contains(&(server.clone(), uri.to_owned()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SessionGrant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time at which an agent last received data with each label.
type LabelTimes = BTreeMap<Label, UnixMillis>;

/// The labels of all agents.
#[derive(Default)]
pub struct AgentLabels(Mutex<HashMap<AgentId, LabelTimes>>);

impl AgentLabels {
    /// The current labels of an agent.
    pub fn labels(&self, agent: &AgentId, now: UnixMillis) -> Labels {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &UnixMillis| now.since(*at) < LABEL_LIFETIME;
        let seen = book.get(agent).into_iter().flatten();
        seen.filter(|(_, at)| fresh(at)).map(|(label, _)| *label).collect()
    }

    /// Adds labels to an agent that is about to receive labelled data.
    pub fn add(&self, agent: &AgentId, labels: Labels, now: UnixMillis) {
        let labels = labels.seen();
        if labels.is_empty() {
            return;
        }
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = book.entry(agent.clone()).or_default();
        for label in labels.iter() {
            let at = seen.entry(label).or_insert(now);
            *at = now.max(*at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_survive_a_reconnect_and_expire_only_with_time() {
        let (book, agent) = (AgentLabels::default(), "a".parse().unwrap());
        let seen = Labels::NONE.with(Label::UntrustedContent);
        book.add(&agent, seen.with(Label::External), UnixMillis(1_000));
        assert_eq!(book.labels(&agent, UnixMillis(2_000)), seen);
        assert_eq!(book.labels(&agent, UnixMillis(1_000).plus(LABEL_LIFETIME)), Labels::NONE);
        assert_eq!(book.labels(&"b".parse().unwrap(), UnixMillis(2_000)), Labels::NONE);
    }
}
