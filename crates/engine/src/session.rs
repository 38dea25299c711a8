//! Sessions: who is connected, what they have seen, and what a person allowed them until they leave.
//!
//! Labels belong to the *agent* and fade only with time: an agent that reconnects, or speaks the stateless era, has still
//! seen what it has seen.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use briefcase_policy::label::{Label, Labels};
use briefcase_types::{AgentId, Digest, ServerId, SessionId, UnixMillis};

/// How long a label stays after the last time it was earned.
const FADES_AFTER: Duration = Duration::from_secs(3600);

/// One connection of an agent.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub agent: AgentId,
    grants: Mutex<Vec<SessionGrant>>,
    closed: AtomicBool,
}

/// A permission until the session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionGrant {
    /// Where.
    pub server: ServerId,
    /// The operation and name.
    pub subject: Digest,
    /// For this definition only: a changed tool voids it.
    pub pin: Digest,
    /// With exactly these arguments, or with any.
    pub arguments: Option<Digest>,
}

impl Session {
    /// A new session without grants.
    #[must_use]
    pub fn new(id: SessionId, agent: AgentId) -> Self {
        Self { id, agent, grants: Mutex::default(), closed: AtomicBool::new(false) }
    }

    /// Whether the session was ended (disconnected, or the agent was removed).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Ends it: its grants are void from here on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().clear();
    }

    pub(crate) fn grant(&self, grant: SessionGrant) {
        if !self.is_closed() {
            self.lock().push(grant);
        }
    }

    /// Whether a grant covers a call; where `only_exact`, one that was made for exactly these arguments.
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SessionGrant>> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When an agent last earned each label.
type Seen = BTreeMap<Label, UnixMillis>;

/// What all agents have seen lately.
#[derive(Default)]
pub struct LabelBook(Mutex<HashMap<AgentId, Seen>>);

impl LabelBook {
    /// The agent's labels now.
    pub fn labels(&self, agent: &AgentId, now: UnixMillis) -> Labels {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &UnixMillis| now.since(*at) < FADES_AFTER;
        let seen = book.get(agent).into_iter().flatten();
        seen.filter(|(_, at)| fresh(at)).map(|(label, _)| *label).collect()
    }

    /// The agent is about to see something with these labels.
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
    fn labels_survive_a_reconnect_and_fade_with_time_only() {
        let (book, agent) = (LabelBook::default(), "a".parse().unwrap());
        let seen = Labels::NONE.with(Label::UntrustedContent);
        book.add(&agent, seen.with(Label::External), UnixMillis(1_000));
        assert_eq!(book.labels(&agent, UnixMillis(2_000)), seen);
        assert_eq!(book.labels(&agent, UnixMillis(1_000).plus(FADES_AFTER)), Labels::NONE);
        assert_eq!(book.labels(&"b".parse().unwrap(), UnixMillis(2_000)), Labels::NONE);
    }
}
