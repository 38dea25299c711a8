//! The state behind the queue's lock. Each method is one step of a transition and runs under the lock.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use briefcase_types::{AgentId, ApprovalId, ApprovalRequest, Digest, UnixMillis};
use tokio::sync::Notify;

use super::{CallKey, OpenRequestError, OpenedRequest, WaitResult};

/// An ended request is removed this long after its expiry, whether or not a call asked for its result.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// The state of one request. See the diagram of the queue.
#[derive(Debug)]
pub(super) enum RequestState {
    /// The request is not visible yet: its receipt is on the way to the disk.
    Recording,
    Pending,
    Deciding,
    Allowed {
        until: UnixMillis,
    },
    Denied,
    Expired,
}

/// A request and its state.
pub(super) struct Tracked {
    pub(super) request: Arc<ApprovalRequest>,
    /// The key of the call that the request was opened for.
    pub(super) key: CallKey,
    /// The digest that prompt budgets and cool-downs count by.
    pub(super) subject: Digest,
    pub(super) state: RequestState,
    pub(super) waiters: usize,
    pub(super) wake: Arc<Notify>,
}

/// A request, as a waiting call sees it.
pub(super) enum Outlook {
    /// The wait is over.
    Settled(WaitResult),
    /// The request is open; it expires at this time unless a decision is being recorded.
    Open { expires: Option<UnixMillis> },
}

/// All requests and cool-downs.
#[derive(Default)]
pub(super) struct QueueState {
    pub(super) requests: BTreeMap<ApprovalId, Tracked>,
    by_key: HashMap<CallKey, ApprovalId>,
    cooldown: HashMap<(AgentId, Digest), UnixMillis>,
}

impl Tracked {
    pub(super) const fn is_open(&self) -> bool {
        matches!(
            self.state,
            RequestState::Recording | RequestState::Pending | RequestState::Deciding | RequestState::Allowed { .. }
        )
    }
}

impl QueueState {
    /// The open request of the same call, or the error that ends it.
    pub(super) fn open_for(&mut self, key: CallKey) -> Option<Result<OpenedRequest, OpenRequestError>> {
        let id = *self.by_key.get(&key)?;
        let tracked = self.requests.get(&id)?;
        let ended = match tracked.state {
            RequestState::Recording | RequestState::Pending | RequestState::Deciding | RequestState::Allowed { .. }
                if tracked.waiters > 0 =>
            {
                return Some(Err(OpenRequestError::PromptBudget));
            }
            RequestState::Recording | RequestState::Pending | RequestState::Deciding | RequestState::Allowed { .. } => {
                return Some(Ok(OpenedRequest { id, is_new: false }));
            }
            RequestState::Denied => OpenRequestError::Denied,
            RequestState::Expired => OpenRequestError::Expired,
        };
        self.remove(id);
        Some(Err(ended))
    }

    /// Whether a person denied this subject to the agent moments ago.
    pub(super) fn is_cooling_down(&self, agent: &AgentId, subject: Digest, now: UnixMillis) -> bool {
        self.cooldown.get(&(agent.clone(), subject)).is_some_and(|until| now < *until)
    }

    /// Adds a request whose receipt is about to be written.
    pub(super) fn insert(&mut self, request: ApprovalRequest, key: CallKey, subject: Digest) {
        let id = request.id;
        self.by_key.insert(key, id);
        let (request, state) = (Arc::new(request), RequestState::Recording);
        self.requests.insert(id, Tracked { request, key, subject, state, waiters: 0, wake: Arc::default() });
    }

    /// Denies a request and starts the cool-down of its agent and tool.
    pub(super) fn deny(&mut self, id: ApprovalId, until: UnixMillis) {
        if let Some(tracked) = self.requests.get_mut(&id) {
            tracked.state = RequestState::Denied;
            self.cooldown.insert((tracked.request.agent.clone(), tracked.subject), until);
        }
    }

    /// What a waiting call sees. A result that ends the request removes it.
    pub(super) fn outlook(&mut self, id: ApprovalId) -> Outlook {
        let result = match self.requests.get(&id).map(|tracked| (&tracked.state, tracked.request.expires)) {
            Some((RequestState::Deciding, _)) => return Outlook::Open { expires: None },
            Some((RequestState::Recording | RequestState::Pending, expires)) => {
                return Outlook::Open { expires: Some(expires) };
            }
            Some((RequestState::Allowed { .. }, _)) => return Outlook::Settled(WaitResult::Allowed),
            Some((RequestState::Denied, _)) => WaitResult::Denied,
            Some((RequestState::Expired, _)) | None => WaitResult::Expired,
        };
        self.remove(id);
        Outlook::Settled(result)
    }

    /// Expires overdue requests, ends cool-downs, and forgets requests that ended long ago.
    pub(super) fn sweep(&mut self, now: UnixMillis) {
        let mut woken = Vec::new();
        for (id, tracked) in &mut self.requests {
            let expired = match tracked.state {
                // A call that was dropped while its request was being recorded leaves it in this state.
                RequestState::Recording | RequestState::Pending => now >= tracked.request.expires,
                RequestState::Allowed { until } => now >= until,
                _ => false,
            };
            if expired {
                tracked.state = RequestState::Expired;
                woken.push(*id);
            }
        }
        woken.into_iter().for_each(|id| self.wake(id));
        self.cooldown.retain(|_, until| now < *until);
        let forget = |tracked: &Tracked| now >= tracked.request.expires.plus(FORGET_AFTER) && !tracked.is_open();
        let gone: Vec<_> = self.requests.iter().filter(|(_, tracked)| forget(tracked)).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| drop(self.remove(id)));
    }

    /// Expires requests that would be open for longer than `lifetime` from `now`, and ends cool-downs at `cooldown` at the latest.
    pub(super) fn clock_accepted(&mut self, now: UnixMillis, lifetime: Duration, cooldown: UnixMillis) {
        let mut woken = Vec::new();
        for (id, tracked) in &mut self.requests {
            let too_late = tracked.request.expires > now.plus(lifetime);
            let waits =
                matches!(tracked.state, RequestState::Recording | RequestState::Pending | RequestState::Allowed { .. });
            if too_late && waits {
                tracked.state = RequestState::Expired;
                woken.push(*id);
            }
        }
        woken.into_iter().for_each(|id| self.wake(id));
        self.cooldown.values_mut().for_each(|until| *until = cooldown.min(*until));
    }

    /// Moves a request to another state and wakes its waiters.
    pub(super) fn move_to(&mut self, id: ApprovalId, state: RequestState) {
        if let Some(tracked) = self.requests.get_mut(&id) {
            tracked.state = state;
        }
        self.wake(id);
    }

    pub(super) fn wake(&self, id: ApprovalId) {
        if let Some(tracked) = self.requests.get(&id) {
            tracked.wake.notify_waiters();
        }
    }

    pub(super) fn remove(&mut self, id: ApprovalId) -> Option<Arc<ApprovalRequest>> {
        let tracked = self.requests.remove(&id)?;
        if self.by_key.get(&tracked.key) == Some(&id) {
            self.by_key.remove(&tracked.key);
        }
        tracked.wake.notify_waiters();
        Some(tracked.request)
    }
}
