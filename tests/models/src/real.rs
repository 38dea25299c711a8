//! The real desk, driven by steps: the same steps give the same answers each time.

use std::collections::BTreeMap;

use briefcase_types::{ApprovalId, Digest, Entropy, SessionId, UnixMillis};

use crate::{
    desk::{CallKey, Decision, Desk, DeskLimits, NotAsked, Question, Scope, Waited},
    lifecycle::{Answer, Step},
};

/// Five minutes: half the life of a question, the whole life of an answer, and longer than any cool-down.
const TICK: u64 = 300_000;
const VERSION: u64 = 3;

struct Numbered(u8);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// The desk after some steps.
pub(crate) struct Real {
    desk: Desk,
    now: UnixMillis,
    /// The digests that people were shown.
    shown: BTreeMap<u8, Digest>,
}

impl Real {
    /// A new desk that has gone through `steps`, and what it answered to the last of them.
    pub(crate) fn after(steps: &[Step]) -> Answer {
        let mut real =
            Self { desk: Desk::new(DeskLimits::default()), now: UnixMillis(1_000_000), shown: BTreeMap::new() };
        steps.iter().fold(Answer::Nothing, |_, step| real.take(*step))
    }

    fn take(&mut self, step: Step) -> Answer {
        match step {
            Step::Ask { fresh, .. } => self.ask(fresh),
            Step::Open { of, durable, .. } => {
                self.desk.opened(id(of), durable);
                Answer::Nothing
            }
            Step::Look { of, .. } => self.look(of),
            Step::Spend { of, .. } => yes_or_no(self.desk.spend(id(of), key("{}"), VERSION, self.now).is_some()),
            Step::Steal { of } => {
                let moved = self.desk.spend(id(of), key("{\"to\":\"me\"}"), VERSION, self.now);
                let outdated = self.desk.spend(id(of), key("{}"), VERSION + 1, self.now);
                yes_or_no(moved.is_some() || outdated.is_some())
            }
            Step::Cancel { of, .. } => yes_or_no(self.desk.withdraw(id(of)).is_some()),
            Step::Take { of, .. } => {
                let shown = self.shown[&of];
                let forged = self.desk.deciding(id(of), Digest::sha256(b"another"), None, self.now).is_ok();
                let taken = self.desk.deciding(id(of), shown, Some(&Scope::Once), self.now).is_ok();
                if forged { Answer::Forged } else { yes_or_no(taken) }
            }
            Step::Record { of, yes, durable, .. } => {
                let decision = if yes { Decision::Allow(Scope::Once) } else { Decision::Deny };
                self.desk.decided(id(of), durable.then_some(&decision), VERSION, self.now);
                Answer::Nothing
            }
            Step::Tick => {
                self.now = UnixMillis(self.now.0 + TICK);
                Answer::Nothing
            }
            Step::Crash => {
                // Nothing of the desk is on the disk: a new one is empty.
                self.desk = Desk::new(DeskLimits::default());
                Answer::Nothing
            }
        }
    }

    fn ask(&mut self, fresh: u8) -> Answer {
        let question = self.question(fresh);
        let shown = question.digest;
        match self.desk.ask(question, self.now) {
            Ok(standing) if standing.opened => {
                self.shown.insert(fresh, shown);
                Answer::Opened
            }
            Ok(standing) => Answer::Joined(number(standing.id)),
            Err(NotAsked::Denied) => Answer::Denied,
            Err(NotAsked::Expired) => Answer::Expired,
            Err(_) => Answer::Refused,
        }
    }

    fn look(&self, of: u8) -> Answer {
        thread_local! {
            static TIME: tokio::runtime::Runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        }
        // No patience: what is settled is told at once, and nothing else is waited for.
        let waited = TIME.with(|time| time.block_on(self.desk.wait(id(of), std::time::Duration::ZERO, || self.now)));
        match waited {
            Waited::Allowed => Answer::Yes,
            Waited::Denied => Answer::Denied,
            Waited::Expired => Answer::Expired,
            Waited::Patience => Answer::Nothing,
        }
    }

    /// The question number `of`, asked now.
    fn question(&self, of: u8) -> Question {
        Question {
            id: id(of),
            agent: "a".parse().expect("a name"),
            session: SessionId::random(&Numbered(9)),
            server: "files".parse().expect("a name"),
            operation: "call_tool".into(),
            name: "delete".into(),
            pin: Digest::sha256(b"pin"),
            arguments: "{}".into(),
            cost: None,
            class: "write".into(),
            risk: "high".into(),
            labels: vec![],
            policies: vec![],
            authority_version: VERSION,
            once_only: false,
            asked: self.now,
            expires: self.desk.expiry(self.now),
            digest: Digest::sha256(b""),
            key: key("{}"),
            subject: Digest::sha256(b""),
        }
        .sealed()
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
