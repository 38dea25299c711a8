//! The desk as an attacker meets it: replay, races, floods, other people's questions, late answers.

use std::sync::Arc;

use briefcase_types::Entropy;
use proptest::prelude::*;

use super::*;

struct Counter(std::sync::atomic::AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(next.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

fn question(entropy: &Counter, agent: &str, tool: &str, arguments: &str, now: UnixMillis, desk: &Desk) -> Question {
    let (agent, server): (AgentId, _) = (agent.parse().unwrap(), "files".parse().unwrap());
    let pin = Digest::sha256(tool.as_bytes());
    Question {
        id: ApprovalId::random(entropy),
        session: briefcase_types::SessionId::random(entropy),
        key: CallKey::new(&agent, &server, tool, &pin, arguments.as_bytes(), None),
        agent,
        server,
        operation: "call_tool".into(),
        name: tool.into(),
        pin,
        arguments: arguments.into(),
        cost: None,
        class: "write".into(),
        risk: "high".into(),
        labels: vec![],
        policies: vec!["writes-ask".into()],
        authority_version: 3,
        once_only: false,
        asked: now,
        expires: desk.expiry(now),
        digest: Digest::sha256(b""),
        subject: Digest::sha256(b""),
    }
    .sealed()
}

fn entropy() -> Counter {
    Counter(std::sync::atomic::AtomicU64::new(1))
}

const T0: UnixMillis = UnixMillis(1_000_000);

fn asked(desk: &Desk, question: Question) -> ApprovalId {
    let standing = desk.ask(question, T0).unwrap();
    assert!(standing.opened);
    desk.opened(standing.id, true);
    standing.id
}

fn allow(desk: &Desk, id: ApprovalId) {
    let shown = desk.find(id, T0).unwrap().digest;
    desk.deciding(id, shown, Some(&Scope::Once), T0).unwrap();
    desk.decided(id, Some(&Decision::Allow(Scope::Once)), 3, T0);
}

#[test]
fn an_answer_is_spent_once_and_only_by_its_call() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{\"path\":\"x\"}", T0, &desk);
    let other = question(&entropy, "a", "delete", "{\"path\":\"y\"}", T0, &desk);
    let (key, other_key) = (mine.key, other.key);
    let id = asked(&desk, mine);
    assert!(desk.spend(id, key, 3, T0).is_none(), "not answered yet");
    allow(&desk, id);
    assert!(desk.spend(id, other_key, 3, T0).is_none(), "other arguments");
    assert!(desk.spend(id, key, 4, T0).is_none(), "other authority");
    assert!(desk.spend(id, key, 3, T0).is_some());
    assert!(desk.spend(id, key, 3, T0).is_none(), "replay");
}

#[test]
fn a_late_answer_is_no_answer() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{}", T0, &desk);
    let (key, digest) = (mine.key, mine.digest);
    let id = asked(&desk, mine.clone());
    let late = desk.expiry(T0);
    assert_eq!(desk.deciding(id, digest, None, late).unwrap_err(), NotDecided::NoSuchQuestion);
    assert_eq!(desk.ask(mine.clone(), late).unwrap_err(), NotAsked::Expired, "told once");
    let again = Question { id: ApprovalId::random(&entropy), asked: late, expires: desk.expiry(late), ..mine }.sealed();
    let id = desk.ask(again, late).unwrap().id;
    desk.opened(id, true);
    let shown = desk.find(id, late).unwrap().digest;
    desk.deciding(id, shown, None, late).unwrap();
    desk.decided(id, Some(&Decision::Allow(Scope::Once)), 3, late);
    let too_late = late.plus(DeskLimits::default().answer);
    assert!(desk.spend(id, key, 3, too_late).is_none(), "an answer does not keep");
}

#[test]
fn a_question_is_decided_once_and_only_as_shown() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let mut mine = question(&entropy, "a", "delete", "{}", T0, &desk);
    mine.once_only = true;
    let mine = mine.sealed();
    let digest = mine.digest;
    let id = asked(&desk, mine);
    assert_eq!(desk.deciding(id, Digest::sha256(b"other"), None, T0).unwrap_err(), NotDecided::NotWhatWasShown);
    let broad = desk.deciding(id, digest, Some(&Scope::SessionTool), T0);
    assert_eq!(broad.unwrap_err(), NotDecided::ScopeNotOffered);
    desk.deciding(id, digest, Some(&Scope::Once), T0).unwrap();
    assert_eq!(desk.deciding(id, digest, None, T0).unwrap_err(), NotDecided::NoSuchQuestion, "second decider");
    desk.decided(id, None, 3, T0);
    desk.deciding(id, digest, None, T0).expect("it stands again when the decision could not be recorded");
}

#[test]
fn five_hundred_calls_make_one_prompt() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let mut refused = 0;
    for n in 0..500 {
        match desk.ask(question(&entropy, "a", "delete", &format!("{{\"n\":{n}}}"), T0, &desk), T0) {
            Ok(standing) => desk.opened(standing.id, true),
            Err(error) => {
                assert_eq!(error, NotAsked::PromptBudget);
                refused += 1;
            }
        }
    }
    assert_eq!((refused, desk.open(T0).len()), (499, 1));
    for n in 0..50 {
        let _ = desk.ask(question(&entropy, "a", &format!("tool{n}"), "{}", T0, &desk), T0);
    }
    let of_b = desk.ask(question(&entropy, "b", "delete", "{}", T0, &desk), T0);
    assert!(of_b.is_ok(), "one agent's flood does not silence another");
}

#[test]
fn a_denied_tool_may_not_ask_again_at_once() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let mine = question(&entropy, "a", "delete", "{\"n\":1}", T0, &desk);
    let id = asked(&desk, mine.clone());
    desk.deciding(id, mine.digest, None, T0).unwrap();
    desk.decided(id, Some(&Decision::Deny), 3, T0);
    assert_eq!(desk.ask(mine, T0).unwrap_err(), NotAsked::Denied);
    let next = question(&entropy, "a", "delete", "{\"n\":2}", T0, &desk);
    assert_eq!(desk.ask(next.clone(), T0).unwrap_err(), NotAsked::Cooldown);
    let later = T0.plus(DeskLimits::default().cooldown);
    assert!(desk.ask(next, later).is_ok());
}

#[tokio::test]
async fn one_answer_and_many_waiters_make_one_effect() {
    let (desk, entropy) = (Arc::new(Desk::new(DeskLimits::default())), entropy());
    let mine = question(&entropy, "a", "delete", "{}", T0, &desk);
    let key = mine.key;
    let id = asked(&desk, mine);
    let waiters: Vec<_> = (0..32)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move {
                let waited = desk.wait(id, Duration::from_secs(20), || T0).await;
                waited == Waited::Allowed && desk.spend(id, key, 3, T0).is_some()
            })
        })
        .collect();
    tokio::task::yield_now().await;
    allow(&desk, id);
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
        let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
        let mut ids: Vec<(ApprovalId, CallKey)> = Vec::new();
        let (mut now, mut yes, mut effects) = (T0, 0, 0);
        for (step, which, wait) in steps {
            let tool = format!("tool{which}");
            match step {
                0 => if let Ok(standing) = desk.ask(question(&entropy, "a", &tool, "{}", now, &desk), now) {
                    if standing.opened { desk.opened(standing.id, true); }
                    let key = question(&entropy, "a", &tool, "{}", now, &desk).key;
                    ids.push((standing.id, key));
                },
                1 | 2 => if let Some((id, _)) = ids.get(which) && let Some(open) = desk.find(*id, now)
                    && desk.deciding(*id, open.digest, None, now).is_ok() {
                    let answer = if step == 1 { Decision::Allow(Scope::Once) } else { Decision::Deny };
                    desk.decided(*id, Some(&answer), 3, now);
                    yes += usize::from(step == 1);
                },
                3 => if let Some((id, key)) = ids.get(which) { effects += usize::from(desk.spend(*id, *key, 3, now).is_some()); },
                4 => if let (Some((id, _)), Some((_, key))) = (ids.first(), ids.last()) && ids.first().map(|x| x.1) != Some(*key) {
                    prop_assert!(desk.spend(*id, *key, 3, now).is_none());
                },
                _ => now = now.plus(Duration::from_millis(wait)),
            }
            prop_assert!(effects <= yes);
        }
    }
}

#[tokio::test]
async fn a_call_that_hangs_up_while_it_waits_leaves_nobody_waiting() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let first = question(&entropy, "a", "delete", "{}", T0, &desk);
    let same = || Question { id: ApprovalId::random(&entropy), ..first.clone() }.sealed();
    let id = asked(&desk, first.clone());
    let mut waiting = Box::pin(desk.wait(id, Duration::from_secs(60), || T0));
    tokio::select! {
        biased;
        waited = &mut waiting => panic!("answered by nobody: {waited:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(desk.ask(same(), T0).unwrap_err(), NotAsked::PromptBudget, "one call waits already");
    drop(waiting);
    let again = desk.ask(same(), T0).unwrap();
    assert_eq!((again.id, again.opened), (id, false), "the call came back for its question");
}

#[test]
fn a_question_that_was_never_shown_does_not_block_its_tool_for_ever() {
    let (desk, entropy) = (Desk::new(DeskLimits::default()), entropy());
    let first = question(&entropy, "a", "delete", "{}", T0, &desk);
    desk.ask(first, T0).unwrap();
    let other = question(&entropy, "a", "delete", "{\"n\":1}", T0, &desk);
    assert_eq!(desk.ask(other.clone(), T0).unwrap_err(), NotAsked::PromptBudget);
    let later = desk.expiry(T0);
    let other = Question { asked: later, expires: desk.expiry(later), ..other }.sealed();
    assert!(desk.ask(other, later).unwrap().opened);
}
