//! The queue as an attacker meets it: replay, races, floods, other people's questions, late answers.

use std::sync::Arc;

use briefcase_ports::BoxFuture;
use briefcase_types::{AgentId, Entropy, MonotonicTime};
use proptest::prelude::*;

use super::*;

struct Counter(std::sync::atomic::AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

fn question(
    entropy: &Counter,
    agent: &str,
    tool: &str,
    arguments: &str,
    now: UnixMillis,
    queue: &ApprovalQueue,
) -> ApprovalRequest {
    let (agent, server): (AgentId, _) = (agent.parse().unwrap(), "files".parse().unwrap());
    let pin = Digest::sha256(tool.as_bytes());
    sealed(ApprovalRequest {
        id: ApprovalId::random(entropy),
        session: briefcase_types::SessionId::random(entropy),
        agent,
        server,
        operation: "call_tool".into(),
        name: tool.into(),
        own_name: None,
        pin,
        arguments: arguments.into(),
        beside: None,
        cost: None,
        class: "write".into(),
        risk: "high".into(),
        labels: vec![],
        policies: vec!["writes-ask".into()],
        authority_version: 3,
        once_only: false,
        asked: now,
        expires: queue.expiry(now),
        digest: Digest::sha256(b""),
    })
}

fn key_of(request: &ApprovalRequest) -> CallKey {
    let (agent, server, arguments) = (&request.agent, &request.server, request.arguments.as_bytes());
    CallKey::new(agent, server, &request.name, &request.pin, arguments, None)
}

fn open(queue: &ApprovalQueue, request: ApprovalRequest, now: UnixMillis) -> Result<OpenedRequest, OpenRequestError> {
    let key = key_of(&request);
    queue.open(request, key, now)
}

fn entropy() -> Counter {
    Counter(std::sync::atomic::AtomicU64::new(1))
}

struct At(UnixMillis);

impl Clock for At {
    fn now(&self) -> UnixMillis {
        self.0
    }
}

/// The runtime's monotonic clock.
struct Timer(tokio::time::Instant);

impl MonotonicClock for Timer {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::from_origin(self.0.elapsed())
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep_until(self.0 + deadline.since_origin()))
    }
}

fn timer() -> Timer {
    Timer(tokio::time::Instant::now())
}

const T0: UnixMillis = UnixMillis(1_000_000);

fn asked(queue: &ApprovalQueue, question: ApprovalRequest) -> ApprovalId {
    let opened = open(queue, question, T0).unwrap();
    assert!(opened.is_new);
    queue.recorded(opened.id, true);
    opened.id
}

fn allow(queue: &ApprovalQueue, id: ApprovalId) {
    let shown = queue.find(id, T0).unwrap().digest;
    queue.begin_decision(id, shown, Some(&ApprovalScope::Once), T0).unwrap();
    queue.finish_decision(id, Some(&Decision::Allow(ApprovalScope::Once)), T0);
}

#[test]
fn an_answer_is_spent_once_and_only_by_its_call() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{\"path\":\"x\"}", T0, &queue);
    let other = question(&entropy, "a", "delete", "{\"path\":\"y\"}", T0, &queue);
    let (key, other_key) = (key_of(&mine), key_of(&other));
    let id = asked(&queue, mine);
    assert!(queue.spend(id, key, 3, T0).is_none(), "not answered yet");
    allow(&queue, id);
    assert!(queue.spend(id, other_key, 3, T0).is_none(), "other arguments");
    assert!(queue.spend(id, key, 4, T0).is_none(), "other authority");
    assert!(queue.spend(id, key, 3, T0).is_some());
    assert!(queue.spend(id, key, 3, T0).is_none(), "replay");
}

#[test]
fn a_late_answer_is_no_answer() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{}", T0, &queue);
    let (key, digest) = (key_of(&mine), mine.digest);
    let id = asked(&queue, mine.clone());
    let late = queue.expiry(T0);
    assert_eq!(queue.begin_decision(id, digest, None, late).unwrap_err(), DecisionError::NotFound);
    assert_eq!(open(&queue, mine.clone(), late).unwrap_err(), OpenRequestError::Expired, "told once");
    let again =
        sealed(ApprovalRequest { id: ApprovalId::random(&entropy), asked: late, expires: queue.expiry(late), ..mine });
    let id = open(&queue, again, late).unwrap().id;
    queue.recorded(id, true);
    let shown = queue.find(id, late).unwrap().digest;
    queue.begin_decision(id, shown, None, late).unwrap();
    queue.finish_decision(id, Some(&Decision::Allow(ApprovalScope::Once)), late);
    let too_late = late.plus(ApprovalLimits::default().decision);
    assert!(queue.spend(id, key, 3, too_late).is_none(), "an answer does not keep");
}

#[test]
fn a_question_is_decided_once_and_only_as_shown() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let mut mine = question(&entropy, "a", "delete", "{}", T0, &queue);
    mine.once_only = true;
    let mine = sealed(mine);
    let digest = mine.digest;
    let id = asked(&queue, mine);
    assert_eq!(
        queue.begin_decision(id, Digest::sha256(b"other"), None, T0).unwrap_err(),
        DecisionError::DigestMismatch
    );
    let broad = queue.begin_decision(id, digest, Some(&ApprovalScope::SessionTool), T0);
    assert_eq!(broad.unwrap_err(), DecisionError::ScopeNotOffered);
    queue.begin_decision(id, digest, Some(&ApprovalScope::Once), T0).unwrap();
    assert_eq!(queue.begin_decision(id, digest, None, T0).unwrap_err(), DecisionError::NotFound, "second decider");
    queue.finish_decision(id, None, T0);
    queue.begin_decision(id, digest, None, T0).expect("it stands again when the decision could not be recorded");
}

#[test]
fn five_hundred_calls_make_one_prompt() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let mut refused = 0;
    for n in 0..500 {
        match open(&queue, question(&entropy, "a", "delete", &format!("{{\"n\":{n}}}"), T0, &queue), T0) {
            Ok(opened) => queue.recorded(opened.id, true),
            Err(error) => {
                assert_eq!(error, OpenRequestError::PromptBudget);
                refused += 1;
            }
        }
    }
    assert_eq!((refused, queue.pending(T0).len()), (499, 1));
    for n in 0..50 {
        let _ = open(&queue, question(&entropy, "a", &format!("tool{n}"), "{}", T0, &queue), T0);
    }
    let of_b = open(&queue, question(&entropy, "b", "delete", "{}", T0, &queue), T0);
    assert!(of_b.is_ok(), "one agent's flood does not silence another");
}

#[test]
fn a_denied_tool_may_not_ask_again_at_once() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{\"n\":1}", T0, &queue);
    let id = asked(&queue, mine.clone());
    queue.begin_decision(id, mine.digest, None, T0).unwrap();
    queue.finish_decision(id, Some(&Decision::Deny), T0);
    assert_eq!(open(&queue, mine, T0).unwrap_err(), OpenRequestError::Denied);
    let next = question(&entropy, "a", "delete", "{\"n\":2}", T0, &queue);
    assert_eq!(open(&queue, next.clone(), T0).unwrap_err(), OpenRequestError::Cooldown);
    let later = T0.plus(ApprovalLimits::default().cooldown);
    assert!(open(&queue, next, later).is_ok());
}

#[tokio::test]
async fn one_answer_and_many_waiters_make_one_effect() {
    let (queue, entropy) = (Arc::new(ApprovalQueue::new(ApprovalLimits::default())), entropy());
    let mine = question(&entropy, "a", "delete", "{}", T0, &queue);
    let key = key_of(&mine);
    let id = asked(&queue, mine);
    let waiters: Vec<_> = (0..32)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let waited = queue.wait(id, Duration::from_secs(20), &At(T0), &timer()).await;
                waited == WaitResult::Allowed && queue.spend(id, key, 3, T0).is_some()
            })
        })
        .collect();
    tokio::task::yield_now().await;
    allow(&queue, id);
    let mut effects = 0;
    for waiter in waiters {
        effects += usize::from(waiter.await.unwrap());
    }
    assert_eq!(effects, 1);
}

proptest! {
    /// Any order of asking, deciding, expiring, spending: never more effects than "yes" answers, never for another call.
    #[test]
    fn never_more_effects_than_answers(steps in proptest::collection::vec((0u8..6, 0usize..4, 0u64..400_000), 1..80)) {
        let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
        let mut ids: Vec<(ApprovalId, CallKey)> = Vec::new();
        let (mut now, mut yes, mut effects) = (T0, 0, 0);
        for (step, which, wait) in steps {
            let tool = format!("tool{which}");
            match step {
                0 => if let Ok(opened) = open(&queue, question(&entropy, "a", &tool, "{}", now, &queue), now) {
                    if opened.is_new { queue.recorded(opened.id, true); }
                    let key = key_of(&question(&entropy, "a", &tool, "{}", now, &queue));
                    ids.push((opened.id, key));
                },
                1 | 2 => if let Some((id, _)) = ids.get(which) && let Some(open) = queue.find(*id, now)
                    && queue.begin_decision(*id, open.digest, None, now).is_ok() {
                    let answer = if step == 1 { Decision::Allow(ApprovalScope::Once) } else { Decision::Deny };
                    queue.finish_decision(*id, Some(&answer), now);
                    yes += usize::from(step == 1);
                },
                3 => if let Some((id, key)) = ids.get(which) { effects += usize::from(queue.spend(*id, *key, 3, now).is_some()); },
                4 => if let (Some((id, _)), Some((_, key))) = (ids.first(), ids.last()) && ids.first().map(|x| x.1) != Some(*key) {
                    prop_assert!(queue.spend(*id, *key, 3, now).is_none());
                },
                _ => now = now.plus(Duration::from_millis(wait)),
            }
            prop_assert!(effects <= yes);
        }
    }
}

#[tokio::test]
async fn a_call_that_hangs_up_while_it_waits_leaves_nobody_waiting() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let first = question(&entropy, "a", "delete", "{}", T0, &queue);
    let same = || sealed(ApprovalRequest { id: ApprovalId::random(&entropy), ..first.clone() });
    let id = asked(&queue, first.clone());
    let timer = timer();
    let mut waiting = Box::pin(queue.wait(id, Duration::from_secs(60), &At(T0), &timer));
    tokio::select! {
        biased;
        waited = &mut waiting => panic!("answered by nobody: {waited:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(open(&queue, same(), T0).unwrap_err(), OpenRequestError::PromptBudget, "one call waits already");
    drop(waiting);
    let again = open(&queue, same(), T0).unwrap();
    assert_eq!((again.id, again.is_new), (id, false), "the call came back for its question");
}

#[test]
fn a_question_that_was_never_shown_does_not_block_its_tool_for_ever() {
    let (queue, entropy) = (ApprovalQueue::new(ApprovalLimits::default()), entropy());
    let first = question(&entropy, "a", "delete", "{}", T0, &queue);
    open(&queue, first, T0).unwrap();
    let other = question(&entropy, "a", "delete", "{\"n\":1}", T0, &queue);
    assert_eq!(open(&queue, other.clone(), T0).unwrap_err(), OpenRequestError::PromptBudget);
    let later = queue.expiry(T0);
    let other = sealed(ApprovalRequest { asked: later, expires: queue.expiry(later), ..other });
    assert!(open(&queue, other, later).unwrap().is_new);
}

/// Wall and monotonic time that a sleep moves to its deadline.
#[derive(Default)]
struct Moving {
    passed: std::sync::Mutex<Duration>,
    sleeps: std::sync::atomic::AtomicUsize,
}

impl Clock for Moving {
    fn now(&self) -> UnixMillis {
        T0.plus(*self.passed.lock().unwrap())
    }
}

impl MonotonicClock for Moving {
    fn now(&self) -> MonotonicTime {
        MonotonicTime::from_origin(*self.passed.lock().unwrap())
    }

    fn sleep_until(&self, deadline: MonotonicTime) -> BoxFuture<'_, ()> {
        self.sleeps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        *self.passed.lock().unwrap() = deadline.since_origin();
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_wait_sleeps_once_until_the_request_expires_or_the_client_gives_up() {
    for (patience, result) in
        [(Duration::from_secs(3600), WaitResult::Expired), (Duration::from_secs(50), WaitResult::TimedOut)]
    {
        let (queue, entropy, time) = (ApprovalQueue::new(ApprovalLimits::default()), entropy(), Moving::default());
        let id = asked(&queue, question(&entropy, "a", "delete", "{}", T0, &queue));
        assert_eq!(queue.wait(id, patience, &time, &time).await, result);
        assert_eq!(time.sleeps.into_inner(), 1);
        assert_eq!(time.passed.into_inner().unwrap(), patience.min(ApprovalLimits::default().request));
    }
}
