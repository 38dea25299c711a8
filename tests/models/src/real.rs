//! The real queue, driven by steps: the same steps give the same results each time.

use std::collections::BTreeMap;

use briefcase_ports::{BoxFuture, MonotonicClock};
use briefcase_types::{
    ApprovalId, ApprovalRequest, ApprovalScope, Clock, Decision, Digest, Entropy, MonotonicTime, SessionId, UnixMillis,
};

use crate::{
    approvals::{ApprovalLimits, ApprovalQueue, CallKey, OpenRequestError, WaitResult, sealed},
    lifecycle::{Answer, Step},
};

/// Five minutes: half the lifetime of a request, the whole lifetime of a decision, and longer than any cool-down.
const TICK: u64 = 300_000;
const VERSION: u64 = 3;

struct Numbered(u8);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// The queue after a number of steps.
pub(crate) struct Real {
    queue: ApprovalQueue,
    now: UnixMillis,
    /// The digests that people saw.
    shown: BTreeMap<u8, Digest>,
}

impl Clock for Real {
    fn now(&self) -> UnixMillis {
        self.now
    }
}

/// Monotonic time does not advance: no step of the model sleeps.
impl MonotonicClock for Real {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::default()
    }

    fn sleep_until(&self, _: MonotonicTime) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

impl Real {
    /// Makes a new queue, applies `steps`, and returns the result of the last one.
    pub(crate) fn after(steps: &[Step]) -> Answer {
        let mut real = Self {
            queue: ApprovalQueue::new(ApprovalLimits::default()),
            now: UnixMillis(1_000_000),
            shown: BTreeMap::new(),
        };
        steps.iter().fold(Answer::Nothing, |_, step| real.take(*step))
    }

    fn take(&mut self, step: Step) -> Answer {
        match step {
            Step::Ask { fresh, .. } => self.ask(fresh),
            Step::Open { of, durable, .. } => {
                self.queue.recorded(id(of), durable);
                Answer::Nothing
            }
            Step::Look { of, .. } => self.look(of),
            Step::Spend { of, .. } => {
                // A call spends under the version in the request that the person was shown.
                let version = self.queue.shown(id(of)).map_or(VERSION, |shown| shown.authority_version);
                yes_or_no(self.queue.spend(id(of), key("{}"), version, self.now).is_some())
            }
            Step::Steal { of } => {
                let moved = self.queue.spend(id(of), key("{\"to\":\"me\"}"), VERSION, self.now);
                let outdated = self.queue.spend(id(of), key("{}"), VERSION + 1, self.now);
                yes_or_no(moved.is_some() || outdated.is_some())
            }
            Step::Cancel { of, .. } => yes_or_no(self.queue.withdraw(id(of)).is_some()),
            Step::Take { of, .. } => {
                let shown = self.shown[&of];
                let forged = self.queue.begin_decision(id(of), Digest::sha256(b"another"), None, self.now).is_ok();
                let taken = self.queue.begin_decision(id(of), shown, Some(&ApprovalScope::Once), self.now).is_ok();
                if forged { Answer::Forged } else { yes_or_no(taken) }
            }
            Step::Record { of, yes, durable, .. } => {
                let decision = if yes { Decision::Allow(ApprovalScope::Once) } else { Decision::Deny };
                self.queue.finish_decision(id(of), durable.then_some(&decision), self.now);
                Answer::Nothing
            }
            Step::Tick => {
                self.now = UnixMillis(self.now.0 + TICK);
                Answer::Nothing
            }
            Step::Crash => {
                // The queue has no state on disk: a new one is empty.
                self.queue = ApprovalQueue::new(ApprovalLimits::default());
                Answer::Nothing
            }
        }
    }

    fn ask(&mut self, fresh: u8) -> Answer {
        let question = self.question(fresh);
        let shown = question.digest;
        match self.queue.open(question, key("{}"), self.now) {
            Ok(opened) if opened.is_new => {
                self.shown.insert(fresh, shown);
                Answer::Opened
            }
            Ok(opened) => Answer::Joined(number(opened.id)),
            Err(OpenRequestError::Denied) => Answer::Denied,
            Err(OpenRequestError::Expired) => Answer::Expired,
            Err(_) => Answer::Refused,
        }
    }

    fn look(&self, of: u8) -> Answer {
        thread_local! {
            static RUNTIME: tokio::runtime::Runtime =
                tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        }
        // With a timeout of zero, a settled request is returned at once, and every other wait ends at once.
        let wait = self.queue.wait(id(of), std::time::Duration::ZERO, self, self);
        let waited = RUNTIME.with(|runtime| runtime.block_on(wait));
        match waited {
            WaitResult::Allowed => Answer::Yes,
            WaitResult::Denied => Answer::Denied,
            WaitResult::Expired => Answer::Expired,
            WaitResult::TimedOut => Answer::Nothing,
        }
    }

    /// The request number `of`, asked now.
    fn question(&self, of: u8) -> ApprovalRequest {
        sealed(ApprovalRequest {
            id: id(of),
            agent: "a".parse().expect("a name"),
            session: SessionId::random(&Numbered(9)),
            server: "files".parse().expect("a name"),
            operation: "call_tool".into(),
            name: "delete".into(),
            own_name: None,
            pin: Digest::sha256(b"pin"),
            arguments: "{}".into(),
            beside: None,
            cost: None,
            class: "write".into(),
            risk: "high".into(),
            labels: vec![],
            policies: vec![],
            authority_version: VERSION,
            once_only: false,
            asked: self.now,
            expires: self.queue.expiry(self.now),
            digest: Digest::sha256(b""),
        })
    }
}

fn key(arguments: &str) -> CallKey {
    let (agent, server) = ("a".parse().expect("a name"), "files".parse().expect("a name"));
    CallKey::new(&agent, &server, "delete", &Digest::sha256(b"pin"), arguments.as_bytes(), None)
}

fn id(number: u8) -> ApprovalId {
    ApprovalId::random(&Numbered(number))
}

fn number(id: ApprovalId) -> u8 {
    id.as_bytes()[0]
}

const fn yes_or_no(yes: bool) -> Answer {
    if yes { Answer::Yes } else { Answer::No }
}
