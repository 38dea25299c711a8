//! No receipt, no effect; no durable outcome, no result.

use std::sync::Arc;

use briefcase_policy::authority::{Budget, BudgetScope, Limit, Window};
use briefcase_policy::label::{Label, Labels};
use briefcase_ports::{JournalError, Reply, UpstreamFailure};
use briefcase_receipts::Kind;
use briefcase_types::RefusalCode;
use bytes::Bytes;

use crate::doubles::{Quiet, World, pin_evidence};

#[tokio::test]
async fn a_call_leaves_an_intent_and_an_outcome() {
    let world = World::new(vec![]);
    let released = world.run("look", "{\"n\":1}").await.unwrap();
    assert_eq!(world.journal.kinds(), ["intent:allow", "outcome:ok"]);
    assert_eq!(released.receipt().0, 1);
}

#[tokio::test]
async fn nothing_runs_when_the_intent_of_a_write_cannot_be_recorded() {
    let world = World::new(vec![]);
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, Kind::Intent(_)));
    let person = world.engine.clone();
    tokio::spawn(async move { crate::people::allow_first(&person, "right").await });
    let refusal = world.run("change", "{}").await.unwrap_err();
    assert_eq!((refusal.code, world.effects()), (RefusalCode::Unavailable, 0), "{refusal:?}");
}

#[tokio::test]
async fn a_result_whose_outcome_cannot_be_recorded_is_withheld() {
    let world = World::new(vec![]);
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, Kind::Outcome(_)));
    let refusal = world.run("look", "{}").await.unwrap_err();
    assert_eq!((refusal.code, refusal.reason.as_str()), (RefusalCode::Unavailable, "withheld"));
    assert_eq!(world.effects(), 1, "the read itself overlaps its record");
}

/// Attack 61: after a failed write neither a new call nor one that already has its intent is sent.
#[tokio::test]
async fn after_a_failed_write_nothing_is_sent() {
    for error in [JournalError::Full, JournalError::ReadOnly, JournalError::TooLarge, JournalError::Io("bad".into())] {
        let world = World::new(vec![]);
        world.run("look", "{}").await.unwrap();
        let (journal, late) = (world.journal.clone(), error.clone());
        *world.server.before_sending.lock().unwrap() =
            Some(Box::new(move || *journal.failed.lock().unwrap() = Some(late)));
        let refusal = world.run("look", "{}").await.unwrap_err();
        assert_eq!((refusal.code, world.effects()), (RefusalCode::Unavailable, 1), "queued before {error}");
        for tool in ["look", "look", "change"] {
            let refusal = world.run(tool, "{}").await.unwrap_err();
            assert_eq!((refusal.code, world.effects()), (RefusalCode::Unavailable, 1), "{tool} after {error}");
            assert_eq!(refusal.next_step, error.next_step());
        }
    }
}

/// A budget with few calls left must not lose count of one, so its reads wait for their intent.
#[tokio::test]
async fn a_read_under_a_budget_with_few_calls_left_waits_for_its_intent() {
    let budget = |calls| Budget { scope: BudgetScope::default(), window: Window::All, limit: Limit::Calls(calls) };
    for (calls, effects) in [(10, 0), (32, 0), (33, 1), (1000, 1)] {
        let world = World::new(vec![budget(calls)]);
        *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, Kind::Intent(_)));
        world.run("look", "{}").await.unwrap_err();
        assert_eq!(world.effects(), effects, "{calls} calls");
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_says_so() {
    let world = World::new(vec![]);
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, Kind::Refusal(_)));
    let refusal = world.run("nothing", "{}").await.unwrap_err();
    assert_eq!((refusal.code, refusal.receipt, world.effects()), (RefusalCode::Unavailable, None, 0));
}

#[tokio::test]
async fn a_server_that_fails_leaves_an_outcome_and_a_refusal_that_names_it() {
    let world = World::new(vec![]);
    for (failure, code, status) in [
        (UpstreamFailure::TimedOut, RefusalCode::UpstreamError, "outcome:timeout"),
        (UpstreamFailure::Unauthorized, RefusalCode::OauthRequired, "outcome:unauthorized"),
        (UpstreamFailure::PaymentRequired(None), RefusalCode::PaymentRequired, "outcome:payment_required"),
        (UpstreamFailure::Protocol("response_id"), RefusalCode::UpstreamError, "outcome:response_id"),
    ] {
        *world.server.answer.lock().unwrap() = Err(failure);
        let refusal = world.run("look", "{}").await.unwrap_err();
        assert_eq!(refusal.code, code);
        assert_eq!(world.journal.kinds().last().unwrap(), status);
        assert_eq!(refusal.receipt.unwrap().0 as usize, world.journal.kinds().len() - 1);
    }
}

#[tokio::test]
async fn arguments_that_parsers_read_differently_never_leave() {
    let world = World::new(vec![]);
    for arguments in [
        "{\"n\":1,\"n\":2}",
        "{\"n\":1e400}",
        "{\"n\":-0}",
        "{\"n\":9007199254740993}",
        "{} x",
        "[1]",
        "{\"n\":\"\\ud800\"}",
    ] {
        let refusal = world.run("look", arguments).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::InvalidArgs, "{arguments}");
    }
    assert_eq!(world.effects(), 0);
}

#[tokio::test]
async fn a_credential_in_arguments_never_leaves() {
    let world = World::new(vec![]);
    for carried in ["a-very-secret-token-0001", "YS12ZXJ5LXNlY3JldC10b2tlbi0wMDAx"] {
        let refusal = world.run("look", &format!("{{\"q\":\"x {carried} y\"}}")).await.unwrap_err();
        assert_eq!((refusal.reason.as_str(), world.effects()), ("secret_in_arguments", 0));
    }
}

#[tokio::test]
async fn a_credential_in_a_result_never_arrives() {
    let world = World::new(vec![]);
    let leak = r#"{"content":[{"type":"text","text":"key: a-very-secret-token-0001"}]}"#;
    *world.server.answer.lock().unwrap() = Ok(Reply::Result(Bytes::from_static(leak.as_bytes())));
    let (answer, _) = world.run("look", "{}").await.unwrap().into_parts();
    assert!(!format!("{answer:?}").contains("a-very-secret-token-0001"));
}

#[tokio::test]
async fn what_a_modern_server_asks_is_decided_before_it_is_shown() {
    let world = World::new(vec![]);
    let asks = |method: &str| {
        let raw = format!(
            r#"{{"resultType":"input_required","inputRequests":{{"q":{{"method":"{method}","params":{{}}}}}}}}"#
        );
        Ok(Reply::Result(Bytes::from(raw)))
    };
    *world.server.answer.lock().unwrap() = asks("shell/run");
    let refusal = world.run("look", "{}").await.unwrap_err();
    assert_eq!(refusal.reason, "question_refused");
    *world.server.answer.lock().unwrap() = asks("elicitation/create");
    let (_, continuation) = world.run("look", "{}").await.unwrap().into_parts();
    assert!(continuation.is_some());
}

#[tokio::test]
async fn what_ran_without_a_person_does_not_go_on_without_one_when_the_agent_has_seen_more() {
    let world = World::new(vec![]);
    let external = Labels::NONE.with(Label::External);
    let (server, tool) = ("files".parse().unwrap(), "look".parse().unwrap());
    let edit =
        world.engine.prepare(b"x", |document| document.set_labels(&server, &tool, external), Vec::new()).unwrap();
    world.engine.apply(edit, pin_evidence("right")).await.unwrap();
    let asks = r#"{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":{}}}}"#;
    *world.server.answer.lock().unwrap() = Ok(Reply::Result(Bytes::from_static(asks.as_bytes())));
    let (_, continuation) = world.run("look", "{}").await.unwrap().into_parts();
    let seen = Labels::NONE.with(Label::UntrustedContent).with(Label::PrivateData);
    world.labels.record(&world.session.agent, seen);
    let mut call = world.call("look", "{}");
    call.continuation = continuation;
    let refusal = briefcase_engine::pipeline::run(&world.engine, call, Arc::new(Quiet)).await.unwrap_err();
    assert_eq!((refusal.reason.as_str(), world.effects()), ("waiting", 1));
}

#[tokio::test]
async fn a_server_whose_secret_cannot_be_read_passes_nothing_on() {
    let world = World::new(vec![]);
    world.server.readable.store(false, std::sync::atomic::Ordering::SeqCst);
    let refusal = world.run("look", "{}").await.unwrap_err();
    assert!(["redactor", "secret_in_arguments"].contains(&refusal.reason.as_str()), "{refusal:?}");
    world.server.readable.store(true, std::sync::atomic::Ordering::SeqCst);
    world.run("look", "{}").await.expect("it was not remembered as unreadable");
}
