//! One race: its participants, their observations, and the required properties.

use briefcase_types::{
    ApprovalId, ApprovalRequest, ApprovalScope, Clock, Decision, Digest, Entropy, SessionId, UnixMillis,
};
use real_std::{
    collections::BTreeMap,
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use shuttle::{
    future::block_on,
    rand::{Rng, thread_rng},
    sync::{Arc, Mutex},
    thread,
};

use crate::approvals::{ApprovalLimits, ApprovalQueue, CallKey, OpenRequestError, WaitResult, sealed};
use crate::notify::Timer;

const VERSION: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(50);

/// The outcomes of calls and decisions over all races.
const WAYS: [&str; 7] = ["spent", "denied", "expired", "cancelled", "impatient", "void", "unrecorded"];
static COUNTS: [AtomicU64; 7] = [const { AtomicU64::new(0) }; 7];

fn count(way: &str) {
    let place = WAYS.iter().position(|known| *known == way);
    place.and_then(|place| COUNTS.get(place)).expect("a known way").fetch_add(1, Relaxed);
}

/// The number of each outcome: `spent=12 denied=3 …`.
pub fn told() -> String {
    WAYS.iter().zip(&COUNTS).fold(String::new(), |mut line, (way, count)| {
        write!(line, "{way}={} ", count.load(Relaxed)).expect("a string");
        line
    })
}

#[derive(Default)]
struct Story {
    effects: u32,
    yes: u32,
    no: u32,
}

struct Race {
    queue: ApprovalQueue,
    now: Mutex<u64>,
    timer: Timer,
    next: Mutex<u8>,
    stories: Mutex<BTreeMap<ApprovalId, Story>>,
}

struct Numbered(u8);

impl Entropy for Numbered {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

impl Clock for Race {
    fn now(&self) -> UnixMillis {
        UnixMillis(*self.now.lock().expect("not poisoned"))
    }
}

impl Race {
    fn story(&self, id: ApprovalId, change: impl FnOnce(&mut Story)) {
        change(self.stories.lock().expect("not poisoned").entry(id).or_default());
    }

    /// Makes a new request for the same call.
    fn question(&self) -> ApprovalRequest {
        let mut next = self.next.lock().expect("not poisoned");
        *next += 1;
        let now = self.now();
        sealed(ApprovalRequest {
            id: ApprovalId::random(&Numbered(*next)),
            agent: "a".parse().expect("a name"),
            session: SessionId::random(&Numbered(0)),
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
            asked: now,
            expires: self.queue.expiry(now),
            digest: Digest::sha256(b""),
        })
    }

    /// Acts as the pipeline of a call does: request, record, wait, consume; then again.
    fn call(&self) {
        for _ in 0..3 {
            let opened = match self.queue.open(self.question(), key(), self.now()) {
                Ok(opened) => opened,
                Err(OpenRequestError::Denied) => return count("denied"),
                Err(OpenRequestError::Expired) => {
                    count("expired");
                    continue;
                }
                Err(_) => continue,
            };
            if opened.is_new {
                let durable = thread_rng().gen_range(0..8) != 0;
                self.queue.recorded(opened.id, durable);
                if !durable {
                    count("unrecorded");
                    continue;
                }
            }
            match block_on(self.queue.wait(opened.id, PATIENCE, self, &self.timer)) {
                WaitResult::Allowed => match self.queue.spend(opened.id, key(), VERSION, self.now()) {
                    Some(consumed) => {
                        assert_eq!(consumed.id(), opened.id, "the answer of another question");
                        self.story(opened.id, |story| story.effects += 1);
                        count("spent");
                    }
                    None => count("void"),
                },
                WaitResult::Denied => return count("denied"),
                WaitResult::Expired => count("expired"),
                WaitResult::TimedOut => count("impatient"),
            }
        }
    }

    /// Acts as a decision does: read, reserve, record, settle.
    fn decide(&self, yes: bool) {
        for _ in 0..3 {
            thread::yield_now();
            for question in self.queue.pending(self.now()) {
                if self
                    .queue
                    .begin_decision(question.id, question.digest, Some(&ApprovalScope::Once), self.now())
                    .is_err()
                {
                    continue;
                }
                thread::yield_now();
                let durable = thread_rng().gen_range(0..8) != 0;
                if durable {
                    self.story(question.id, |story| if yes { story.yes += 1 } else { story.no += 1 });
                } else {
                    count("unrecorded");
                }
                let decision = if yes { Decision::Allow(ApprovalScope::Once) } else { Decision::Deny };
                self.queue.finish_decision(question.id, durable.then_some(&decision), self.now());
            }
        }
    }

    fn cancel(&self) {
        thread::yield_now();
        for question in self.queue.pending(self.now()) {
            if thread_rng().gen_bool(0.3) && self.queue.withdraw(question.id).is_some() {
                count("cancelled");
            }
        }
    }

    fn tick(&self) {
        for _ in 0..3 {
            thread::yield_now();
            if thread_rng().gen_bool(0.4) {
                *self.now.lock().expect("not poisoned") += 301_000;
            }
        }
    }

    fn judge(&self) {
        for (id, story) in self.stories.lock().expect("not poisoned").iter() {
            assert!(story.yes + story.no <= 1, "{id}: two decisions stand");
            assert!(story.effects <= story.yes, "{id}: {} effects of {} answers", story.effects, story.yes);
        }
        // No request stays open.
        let much_later = self.now().plus(Duration::from_secs(7200));
        assert!(self.queue.pending(much_later).is_empty(), "a question is open for ever");
        let again =
            sealed(ApprovalRequest { expires: self.queue.expiry(much_later), asked: much_later, ..self.question() });
        match self.queue.open(again, key(), much_later) {
            Ok(opened) => assert!(opened.is_new, "an old answer is still there"),
            Err(reason) => assert!(matches!(reason, OpenRequestError::Expired | OpenRequestError::Denied), "{reason}"),
        }
    }
}

fn key() -> CallKey {
    let (agent, server) = ("a".parse().expect("a name"), "files".parse().expect("a name"));
    CallKey::new(&agent, &server, "delete", &Digest::sha256(b"pin"), b"{}", None)
}

/// Two identical calls, an approval, a denial, a cancelling client, and time.
pub fn run() {
    let race = Arc::new(Race {
        queue: ApprovalQueue::new(ApprovalLimits::default()),
        now: Mutex::new(1_000_000),
        timer: Timer::default(),
        next: Mutex::new(0),
        stories: Mutex::default(),
    });
    let parts: [fn(&Race); 6] =
        [Race::call, Race::call, |race| race.decide(true), |race| race.decide(false), Race::cancel, Race::tick];
    let threads: Vec<_> = parts
        .into_iter()
        .map(|part| {
            let race = Arc::clone(&race);
            thread::spawn(move || part(&race))
        })
        .collect();
    for thread in threads {
        thread.join().expect("a part of the race panicked");
    }
    race.judge();
}
