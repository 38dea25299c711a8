//! The desk: questions to a person, and what becomes of the answers.
//!
//! Everything here lives in memory and dies with the process, so no file can forge an answer. One lock guards one state
//! machine; each transition happens under it:
//!
//! ```text
//! Asked ──decide──▶ Deciding ──receipt durable──▶ Allowed ──spend──▶ (gone)
//!   │                   │                            └──time──▶ Expired
//!   │                   ├──receipt durable──▶ Denied
//!   │                   └──receipt failed───▶ Asked
//!   └──time──▶ Expired
//! ```
//!
//! An `Allowed` question is spent by exactly one call, and only by the call whose key it was asked for.

mod question;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use briefcase_types::{AgentId, ApprovalId, Digest, UnixMillis};
pub use question::{CallKey, Decision, Question, Scope};
use tokio::sync::{Notify, broadcast};

use briefcase_ports::FactorKind;

/// How long things last and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct DeskLimits {
    /// An unanswered question expires after this.
    pub question: Duration,
    /// An answer that no call picks up expires after this.
    pub answer: Duration,
    /// After a denial, the same agent and tool cannot ask again for this long.
    pub cooldown: Duration,
    /// Open questions of one agent.
    pub per_agent: usize,
}

impl Default for DeskLimits {
    fn default() -> Self {
        Self {
            question: Duration::from_secs(600),
            answer: Duration::from_secs(300),
            cooldown: Duration::from_secs(30),
            per_agent: 8,
        }
    }
}

/// How long an answer that made a grant is kept for the call that waits for it.
const HANDED_OVER: Duration = Duration::from_secs(5);

/// A question now stands, or stood already.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its id.
    pub id: ApprovalId,
    /// Whether this call opened it (and its receipt has to be written before it is shown).
    pub opened: bool,
}

/// Why no question was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAsked {
    /// The agent has an open question for this tool, or too many in all.
    #[error("a question for this tool is open already")]
    PromptBudget,
    /// A person denied this tool moments ago.
    #[error("a person denied this tool moments ago")]
    Cooldown,
    /// The question for this very call expired unanswered; told once, then the call may ask again.
    #[error("the question expired unanswered")]
    Expired,
    /// A person denied this very call; told once.
    #[error("a person denied the call")]
    Denied,
}

/// What waiting ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Allowed: spend it.
    Allowed,
    /// Denied by a person.
    Denied,
    /// Expired.
    Expired,
    /// Still open; the call may come back for it.
    Patience,
}

/// Why a decision was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDecided {
    /// Unknown, expired, or decided already: the same answer for each.
    #[error("there is no such open question; list them with `briefcase approvals`")]
    NoSuchQuestion,
    /// The digest shown to the person is not the question's.
    #[error("the question is not the one that was shown; look at it again")]
    NotWhatWasShown,
    /// The scope is broader than the question allows.
    #[error("this question can only be answered for this one call")]
    ScopeNotOffered,
}

/// Proof that a person's answer was taken off the desk for one call. Cannot be made or copied elsewhere.
#[derive(Debug)]
pub struct ApprovalConsumed {
    id: ApprovalId,
}

impl ApprovalConsumed {
    /// Which approval it was.
    #[must_use]
    pub const fn id(&self) -> ApprovalId {
        self.id
    }
}

/// Something changed on the desk; whoever shows it looks again.
#[derive(Clone, Copy, Debug)]
pub struct Changed;

#[derive(Debug)]
enum State {
    /// Not yet visible: its receipt is on the way to the disk.
    Opening,
    Asked,
    Deciding,
    Allowed {
        until: UnixMillis,
    },
    Denied,
    Expired,
}

struct Slot {
    question: Arc<Question>,
    state: State,
    waiters: usize,
    wake: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    slots: BTreeMap<ApprovalId, Slot>,
    by_key: HashMap<CallKey, ApprovalId>,
    cooldown: HashMap<(AgentId, Digest), UnixMillis>,
}

/// A call that waits at the desk. Counted until it is dropped, however its waiting ends.
struct Waiter<'d> {
    desk: &'d Desk,
    id: ApprovalId,
    wake: Arc<Notify>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.desk.lock().slots.get_mut(&self.id) {
            slot.waiters = slot.waiters.saturating_sub(1);
        }
    }
}

/// The desk.
pub struct Desk {
    inner: Mutex<Inner>,
    limits: DeskLimits,
    changed: broadcast::Sender<Changed>,
}

impl Desk {
    /// An empty desk.
    #[must_use]
    pub fn new(limits: DeskLimits) -> Self {
        Self { inner: Mutex::default(), limits, changed: broadcast::channel(16).0 }
    }

    /// Hears of every change.
    pub fn watch(&self) -> broadcast::Receiver<Changed> {
        self.changed.subscribe()
    }

    /// When a question asked now expires.
    #[must_use]
    pub fn expiry(&self, now: UnixMillis) -> UnixMillis {
        now.plus(self.limits.question)
    }

    /// Finds the standing question for the call, or opens `question`.
    pub fn ask(&self, question: Question, now: UnixMillis) -> Result<Standing, NotAsked> {
        let mut inner = self.lock();
        inner.sweep(now);
        if let Some(found) = inner.standing(question.key) {
            return found;
        }
        let subject = (question.agent.clone(), question.subject);
        if inner.cooldown.get(&subject).is_some_and(|until| now < *until) {
            return Err(NotAsked::Cooldown);
        }
        let open = |slot: &&Slot| slot.is_open() && slot.question.agent == question.agent;
        let same_tool = inner.slots.values().filter(open).any(|slot| slot.question.subject == question.subject);
        if same_tool || inner.slots.values().filter(open).count() >= self.limits.per_agent {
            return Err(NotAsked::PromptBudget);
        }
        let id = question.id;
        inner.by_key.insert(question.key, id);
        let slot = Slot { question: Arc::new(question), state: State::Opening, waiters: 0, wake: Arc::default() };
        inner.slots.insert(id, slot);
        Ok(Standing { id, opened: true })
    }

    /// The receipt of the question is durable: show it. With `false` it could not be written: forget it.
    pub(crate) fn opened(&self, id: ApprovalId, durable: bool) {
        let mut inner = self.lock();
        if durable {
            inner.move_to(id, State::Asked);
        } else {
            inner.remove(id);
        }
        self.tell(inner);
    }

    /// Waits for an answer, at most for `patience`.
    pub async fn wait(&self, id: ApprovalId, patience: Duration, now: impl Fn() -> UnixMillis) -> Waited {
        let Some(waiter) = self.arrive(id) else { return Waited::Expired };
        let waited = tokio::time::timeout(patience, async {
            loop {
                let notified = waiter.wake.notified();
                tokio::pin!(notified);
                notified.as_mut().enable();
                match self.poll(id, now()) {
                    Waited::Patience => {}
                    settled => return settled,
                }
                // The expiry of the question has no event of its own: look again now and then.
                let _ = tokio::time::timeout(Duration::from_secs(1), notified).await;
            }
        })
        .await;
        waited.unwrap_or(Waited::Patience)
    }

    /// Takes an allowed answer off the desk: at most one call gets it, and only the call it was given for.
    #[must_use]
    pub(crate) fn spend(
        &self,
        id: ApprovalId,
        key: CallKey,
        version: u64,
        now: UnixMillis,
    ) -> Option<ApprovalConsumed> {
        let mut inner = self.lock();
        inner.sweep(now);
        let slot = inner.slots.get(&id)?;
        let fits = slot.question.key == key && slot.question.authority_version == version;
        if !matches!(slot.state, State::Allowed { .. }) || !fits {
            return None;
        }
        inner.remove(id);
        self.tell(inner);
        Some(ApprovalConsumed { id })
    }

    /// Takes back a question whose call was cancelled, or whose answer no longer fits.
    pub(crate) fn withdraw(&self, id: ApprovalId) -> Option<Arc<Question>> {
        let mut inner = self.lock();
        let question = inner.remove(id);
        self.tell(inner);
        question
    }

    /// Reserves the question for one decider, who has proved to be there, while the decision's receipt is written.
    pub(crate) fn deciding(
        &self,
        id: ApprovalId,
        shown: Digest,
        scope: Option<&Scope>,
        now: UnixMillis,
    ) -> Result<Arc<Question>, NotDecided> {
        let mut inner = self.lock();
        inner.sweep(now);
        let slot = inner.slots.get_mut(&id).ok_or(NotDecided::NoSuchQuestion)?;
        if !matches!(slot.state, State::Asked) {
            return Err(NotDecided::NoSuchQuestion);
        }
        if slot.question.digest != shown {
            return Err(NotDecided::NotWhatWasShown);
        }
        if slot.question.once_only && scope.is_some_and(|scope| !matches!(scope, Scope::Once)) {
            return Err(NotDecided::ScopeNotOffered);
        }
        slot.state = State::Deciding;
        Ok(Arc::clone(&slot.question))
    }

    /// Ends [`Desk::deciding`]: the decision is durable, or (`None`) it could not be recorded and the question stands again.
    ///
    /// An answer beyond "once" has made a grant, which covers what comes later: the answer itself then serves only the call
    /// that waits for it right now, and does not outlive the grant.
    pub(crate) fn decided(&self, id: ApprovalId, answer: Option<&Decision>, version: u64, now: UnixMillis) {
        let mut inner = self.lock();
        let Some(slot) = inner.slots.get_mut(&id) else { return };
        match answer {
            None => slot.state = State::Asked,
            Some(Decision::Allow(scope)) if *scope != Scope::Once && slot.waiters == 0 => {
                inner.remove(id);
            }
            Some(Decision::Allow(scope)) => {
                let keeps = if *scope == Scope::Once { self.limits.answer } else { HANDED_OVER };
                let until = now.plus(keeps);
                // A rule made by this very decision has moved the authority on; the answer moves with it.
                let mut question = (*slot.question).clone();
                question.authority_version = version;
                slot.question = Arc::new(question);
                slot.state = State::Allowed { until };
            }
            Some(Decision::Deny) => {
                slot.state = State::Denied;
                let subject = (slot.question.agent.clone(), slot.question.subject);
                inner.cooldown.insert(subject, now.plus(self.limits.cooldown));
            }
        }
        inner.wake(id);
        self.tell(inner);
    }

    /// The open questions, oldest first.
    pub fn open(&self, now: UnixMillis) -> Vec<Arc<Question>> {
        let mut inner = self.lock();
        inner.sweep(now);
        let shown = |slot: &&Slot| matches!(slot.state, State::Asked | State::Deciding);
        let mut open: Vec<_> = inner.slots.values().filter(shown).map(|slot| Arc::clone(&slot.question)).collect();
        open.sort_by_key(|question| (question.asked, question.id));
        open
    }

    /// One open question.
    pub fn find(&self, id: ApprovalId, now: UnixMillis) -> Option<Arc<Question>> {
        self.open(now).into_iter().find(|question| question.id == id)
    }

    fn poll(&self, id: ApprovalId, now: UnixMillis) -> Waited {
        let mut inner = self.lock();
        inner.sweep(now);
        match inner.slots.get(&id).map(|slot| &slot.state) {
            Some(State::Allowed { .. }) => Waited::Allowed,
            Some(State::Denied) => {
                inner.remove(id);
                Waited::Denied
            }
            Some(State::Expired) => {
                inner.remove(id);
                Waited::Expired
            }
            None => Waited::Expired,
            Some(State::Opening | State::Asked | State::Deciding) => Waited::Patience,
        }
    }

    fn arrive(&self, id: ApprovalId) -> Option<Waiter<'_>> {
        let mut inner = self.lock();
        let slot = inner.slots.get_mut(&id)?;
        slot.waiters = slot.waiters.saturating_add(1);
        Some(Waiter { desk: self, id, wake: Arc::clone(&slot.wake) })
    }

    fn tell(&self, inner: MutexGuard<'_, Inner>) {
        drop(inner);
        // Nobody watching is fine.
        let _ = self.changed.send(Changed);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code between lock and unlock can panic half-way through a transition.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    const fn is_open(&self) -> bool {
        matches!(self.state, State::Opening | State::Asked | State::Deciding | State::Allowed { .. })
    }
}

impl Inner {
    /// What already stands for the same call, if anything.
    fn standing(&mut self, key: CallKey) -> Option<Result<Standing, NotAsked>> {
        let id = *self.by_key.get(&key)?;
        let slot = self.slots.get(&id)?;
        let refused = match slot.state {
            State::Opening | State::Asked | State::Deciding | State::Allowed { .. } if slot.waiters > 0 => {
                return Some(Err(NotAsked::PromptBudget));
            }
            State::Opening | State::Asked | State::Deciding | State::Allowed { .. } => {
                return Some(Ok(Standing { id, opened: false }));
            }
            State::Denied => NotAsked::Denied,
            State::Expired => NotAsked::Expired,
        };
        self.remove(id);
        Some(Err(refused))
    }

    fn sweep(&mut self, now: UnixMillis) {
        let mut woken = Vec::new();
        for (id, slot) in &mut self.slots {
            let expired = match slot.state {
                // A call that went away while its question was being recorded leaves it opening.
                State::Opening | State::Asked => now >= slot.question.expires,
                State::Allowed { until } => now >= until,
                _ => false,
            };
            if expired {
                slot.state = State::Expired;
                woken.push(*id);
            }
        }
        woken.into_iter().for_each(|id| self.wake(id));
        self.cooldown.retain(|_, until| now < *until);
        // Told or not, an ended question is forgotten an hour after it expired.
        let forget = |slot: &Slot| now >= slot.question.expires.plus(Duration::from_secs(3600)) && !slot.is_open();
        let gone: Vec<_> = self.slots.iter().filter(|(_, slot)| forget(slot)).map(|(id, _)| *id).collect();
        gone.into_iter().for_each(|id| drop(self.remove(id)));
    }

    fn move_to(&mut self, id: ApprovalId, state: State) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = state;
        }
        self.wake(id);
    }

    fn wake(&self, id: ApprovalId) {
        if let Some(slot) = self.slots.get(&id) {
            slot.wake.notify_waiters();
        }
    }

    fn remove(&mut self, id: ApprovalId) -> Option<Arc<Question>> {
        let slot = self.slots.remove(&id)?;
        if self.by_key.get(&slot.question.key) == Some(&id) {
            self.by_key.remove(&slot.question.key);
        }
        slot.wake.notify_waiters();
        Some(slot.question)
    }
}

/// The digest that a factor's proof is bound to: this question, this answer, this scope.
#[must_use]
pub fn decision_digest(question: &Question, decision: &Decision) -> Digest {
    Digest::labelled(
        "briefcase/decision/1",
        &[question.id.as_bytes(), question.digest.as_bytes(), decision.canonical().as_slice()],
    )
}

/// The word for a decision in receipts.
#[must_use]
pub const fn factor_word(kind: FactorKind) -> &'static str {
    kind.as_str()
}

#[cfg(test)]
mod tests;
