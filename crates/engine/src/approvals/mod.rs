//! The approval queue: requests to a person, and the decisions on them.
//!
//! Invariant: everything here lives in memory and ends with the process, so no file can forge a decision. One lock guards one
//! state machine, and each transition happens under it:
//!
//! ```text
//! Recording ──receipt durable──▶ Pending ──decide──▶ Deciding ──receipt durable──▶ Allowed ──spend──▶ (removed)
//!   │                              │                    │                            └──time──▶ Expired
//!   ├──receipt failed──▶ (removed) │                    ├──receipt durable──▶ Denied
//!   └──time──▶ Expired             └──time──▶ Expired   └──receipt failed───▶ Pending
//! ```
//!
//! Invariant: exactly one call spends an `Allowed` request, and only the call with the key it was opened for.

mod request;
mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use briefcase_ports::MonotonicClock;
use briefcase_types::{ApprovalId, ApprovalRequest, ApprovalScope, Clock, Decision, Digest, UnixMillis};
pub use request::{CallKey, decision_digest, exact, sealed, subject};
use state::{Outlook, QueueState, RequestState, Tracked};
use tokio::sync::{Notify, broadcast};

/// Lifetimes and counts of approval requests.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalLimits {
    /// An undecided request expires after this long.
    pub request: Duration,
    /// A decision that no call picks up expires after this long.
    pub decision: Duration,
    /// After a denial, the same agent cannot request the same tool again for this long.
    pub cooldown: Duration,
    /// Open requests of one agent.
    pub per_agent: usize,
}

impl Default for ApprovalLimits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(600),
            decision: Duration::from_secs(300),
            cooldown: Duration::from_secs(30),
            per_agent: 8,
        }
    }
}

/// How long a decision that made a grant is kept for the call that waits for it.
const HANDOVER: Duration = Duration::from_secs(5);

/// The request of a call is open: this call opened it, or an earlier one did.
#[derive(Clone, Debug)]
pub struct OpenedRequest {
    /// The request's id.
    pub id: ApprovalId,
    /// Whether this call opened it. Its receipt must then be written before the request is shown.
    pub is_new: bool,
}

/// The request was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenRequestError {
    /// The agent has an open request for this tool, or too many in all.
    #[error("an approval request for this tool is already open")]
    PromptBudget,
    /// A person denied this tool moments ago.
    #[error("a person denied this tool moments ago")]
    Cooldown,
    /// The request of this very call expired. Returned once; after that the call may open a new request.
    #[error("the approval request expired")]
    Expired,
    /// A person denied this very call. Returned once.
    #[error("a person denied the call")]
    Denied,
}

/// How a wait for a decision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitResult {
    /// A person allowed the call: spend the decision.
    Allowed,
    /// A person denied the call.
    Denied,
    /// The request expired.
    Expired,
    /// The request is still open. The same call may be made again to pick the decision up.
    TimedOut,
}

/// The decision was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// The request is unknown, expired or already decided. All three return the same error.
    #[error("no pending approval request has this id; list them with `briefcase approvals`")]
    NotFound,
    /// The digest shown to the person is not the request's digest.
    #[error("the approval request is not the one that was shown; review it again")]
    DigestMismatch,
    /// The decision's scope is broader than the request allows.
    #[error("this approval request can be approved for this one call only")]
    ScopeNotOffered,
}

/// Proof that one call spent a person's decision. It cannot be made or copied elsewhere.
#[derive(Debug)]
pub struct ApprovalConsumed {
    id: ApprovalId,
}

impl ApprovalConsumed {
    /// The id of the spent approval.
    #[must_use]
    pub const fn id(&self) -> ApprovalId {
        self.id
    }
}

/// The list of pending requests changed.
#[derive(Clone, Copy, Debug)]
pub struct QueueChanged;

/// A call that waits for a decision. It counts as waiting until it is dropped, however the wait ends.
struct Waiter<'q> {
    queue: &'q ApprovalQueue,
    id: ApprovalId,
    wake: Arc<Notify>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(tracked) = self.queue.lock().requests.get_mut(&self.id) {
            tracked.waiters = tracked.waiters.saturating_sub(1);
        }
    }
}

/// The approval queue.
pub struct ApprovalQueue {
    state: Mutex<QueueState>,
    limits: ApprovalLimits,
    changed: broadcast::Sender<QueueChanged>,
}

impl ApprovalQueue {
    /// Makes an empty queue.
    #[must_use]
    pub fn new(limits: ApprovalLimits) -> Self {
        Self { state: Mutex::default(), limits, changed: broadcast::channel(16).0 }
    }

    /// Subscribes to changes of the queue.
    pub fn subscribe(&self) -> broadcast::Receiver<QueueChanged> {
        self.changed.subscribe()
    }

    /// The expiry of a request that is opened now.
    #[must_use]
    pub fn expiry(&self, now: UnixMillis) -> UnixMillis {
        now.plus(self.limits.request)
    }

    /// Finds the open request of the call with this key, or opens `request`.
    pub fn open(
        &self,
        request: ApprovalRequest,
        key: CallKey,
        now: UnixMillis,
    ) -> Result<OpenedRequest, OpenRequestError> {
        let mut state = self.lock();
        state.sweep(now);
        if let Some(found) = state.open_for(key) {
            return found;
        }
        let subject = subject(&request.server, &request.operation, &request.name);
        if state.is_cooling_down(&request.agent, subject, now) {
            return Err(OpenRequestError::Cooldown);
        }
        let open = |tracked: &&Tracked| tracked.is_open() && tracked.request.agent == request.agent;
        let same_tool = state.requests.values().filter(open).any(|tracked| tracked.subject == subject);
        if same_tool || state.requests.values().filter(open).count() >= self.limits.per_agent {
            return Err(OpenRequestError::PromptBudget);
        }
        let id = request.id;
        state.insert(request, key, subject);
        Ok(OpenedRequest { id, is_new: true })
    }

    /// Shows the request once its receipt is durable. With `durable` false the receipt failed, and the request is removed.
    pub(crate) fn recorded(&self, id: ApprovalId, durable: bool) {
        let mut state = self.lock();
        if durable {
            state.move_to(id, RequestState::Pending);
        } else {
            state.remove(id);
        }
        self.notify(state);
    }

    /// Waits for a decision, at most for `patience`.
    ///
    /// The wait sleeps until the decision, the request's expiry or the end of `patience`. Expiry is wall-clock time, and the
    /// sleep is monotonic time: a wall clock that is moved meanwhile is noticed at the next transition of the queue.
    pub async fn wait(
        &self,
        id: ApprovalId,
        patience: Duration,
        wall: &dyn Clock,
        timer: &dyn MonotonicClock,
    ) -> WaitResult {
        let Some(waiter) = self.arrive(id) else { return WaitResult::Expired };
        let give_up = timer.now().plus(patience);
        loop {
            let notified = waiter.wake.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let now = wall.now();
            let expires = match self.look(id, now) {
                Outlook::Settled(result) => return result,
                Outlook::Open { expires } => expires,
            };
            let expires = expires.map(|expires| timer.now().plus(expires.since(now)));
            let wake_up = expires.map_or(give_up, |expires| expires.min(give_up));
            if timer.now() >= give_up {
                return WaitResult::TimedOut;
            }
            tokio::select! {
                biased;
                () = notified => {}
                () = timer.sleep_until(wake_up) => {}
            }
        }
    }

    /// The request as the person was shown it, if it is still there.
    pub(crate) fn shown(&self, id: ApprovalId) -> Option<Arc<ApprovalRequest>> {
        self.lock().requests.get(&id).map(|tracked| Arc::clone(&tracked.request))
    }

    /// Spends an allowed request: at most one call does, and only the call it was opened for. `version` is the authority's
    /// version in the request that was shown: a call under a later version is decided again first.
    #[must_use]
    pub(crate) fn spend(
        &self,
        id: ApprovalId,
        key: CallKey,
        version: u64,
        now: UnixMillis,
    ) -> Option<ApprovalConsumed> {
        let mut state = self.lock();
        state.sweep(now);
        let tracked = state.requests.get(&id)?;
        let fits = tracked.key == key && tracked.request.authority_version == version;
        if !matches!(tracked.state, RequestState::Allowed { .. }) || !fits {
            return None;
        }
        state.remove(id);
        self.notify(state);
        Some(ApprovalConsumed { id })
    }

    /// Removes a request whose call was cancelled, or whose decision no longer fits.
    pub(crate) fn withdraw(&self, id: ApprovalId) -> Option<Arc<ApprovalRequest>> {
        let mut state = self.lock();
        let request = state.remove(id);
        self.notify(state);
        request
    }

    /// Reserves the request for one decider, whose factor was verified, while the decision's receipt is written.
    pub(crate) fn begin_decision(
        &self,
        id: ApprovalId,
        shown: Digest,
        scope: Option<&ApprovalScope>,
        now: UnixMillis,
    ) -> Result<Arc<ApprovalRequest>, DecisionError> {
        let mut state = self.lock();
        state.sweep(now);
        let tracked = state.requests.get_mut(&id).ok_or(DecisionError::NotFound)?;
        if !matches!(tracked.state, RequestState::Pending) {
            return Err(DecisionError::NotFound);
        }
        if tracked.request.digest != shown {
            return Err(DecisionError::DigestMismatch);
        }
        if tracked.request.once_only && scope.is_some_and(|scope| !matches!(scope, ApprovalScope::Once)) {
            return Err(DecisionError::ScopeNotOffered);
        }
        // A grant of any arguments would not say what may be sent beside them.
        if tracked.request.beside.is_some() && matches!(scope, Some(ApprovalScope::SessionTool)) {
            return Err(DecisionError::ScopeNotOffered);
        }
        tracked.state = RequestState::Deciding;
        Ok(Arc::clone(&tracked.request))
    }

    /// Ends [`Self::begin_decision`]: the decision is durable, or (`None`) its receipt failed and the request is pending again.
    ///
    /// A decision beyond "once" has made a grant, which covers later calls. The decision itself then serves only the call
    /// that waits for it now, and does not outlive the grant.
    pub(crate) fn finish_decision(&self, id: ApprovalId, decision: Option<&Decision>, now: UnixMillis) {
        let mut state = self.lock();
        let Some(tracked) = state.requests.get_mut(&id) else { return };
        match decision {
            None => tracked.state = RequestState::Pending,
            Some(Decision::Allow(scope)) if *scope != ApprovalScope::Once && tracked.waiters == 0 => {
                state.remove(id);
            }
            Some(Decision::Allow(scope)) => {
                let lifetime = if *scope == ApprovalScope::Once { self.limits.decision } else { HANDOVER };
                tracked.state = RequestState::Allowed { until: now.plus(lifetime) };
            }
            Some(Decision::Deny) => state.deny(id, now.plus(self.limits.cooldown)),
        }
        state.wake(id);
        self.notify(state);
    }

    /// The pending requests, oldest first.
    pub fn pending(&self, now: UnixMillis) -> Vec<Arc<ApprovalRequest>> {
        let mut state = self.lock();
        state.sweep(now);
        let shown = |tracked: &&Tracked| matches!(tracked.state, RequestState::Pending | RequestState::Deciding);
        let mut pending: Vec<_> =
            state.requests.values().filter(shown).map(|tracked| Arc::clone(&tracked.request)).collect();
        pending.sort_by_key(|request| (request.asked, request.id));
        pending
    }

    /// The pending request with this id.
    pub fn find(&self, id: ApprovalId, now: UnixMillis) -> Option<Arc<ApprovalRequest>> {
        self.pending(now).into_iter().find(|request| request.id == id)
    }

    fn look(&self, id: ApprovalId, now: UnixMillis) -> Outlook {
        let mut state = self.lock();
        state.sweep(now);
        state.outlook(id)
    }

    fn arrive(&self, id: ApprovalId) -> Option<Waiter<'_>> {
        let mut state = self.lock();
        let tracked = state.requests.get_mut(&id)?;
        tracked.waiters = tracked.waiters.saturating_add(1);
        Some(Waiter { queue: self, id, wake: Arc::clone(&tracked.wake) })
    }

    /// Ends what would last longer after a person accepted an earlier time: open requests expire, and a cool-down is not longer
    /// than usual.
    pub fn clock_accepted(&self, now: UnixMillis) {
        let mut state = self.lock();
        state.clock_accepted(now, self.limits.request, now.plus(self.limits.cooldown));
        self.notify(state);
    }

    fn notify(&self, state: MutexGuard<'_, QueueState>) {
        drop(state);
        // The send fails when nobody subscribes, which is fine.
        let _ = self.changed.send(QueueChanged);
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // No code between lock and unlock can panic in the middle of a transition.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
