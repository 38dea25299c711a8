//! People and what changes while a call waits for one.

use std::sync::Arc;

use briefcase_engine::{Engine, change::ChangeError};
use briefcase_types::{ApprovalRequest, ApprovalScope, Decision, RefusalCode};

use crate::doubles::{World, definition, pin_evidence};

/// Waits for the first question and allows it once.
pub async fn allow_first(engine: &Arc<Engine>, pin: &str) {
    let question = first(engine).await;
    engine.decide(question.id, question.digest, Decision::Allow(ApprovalScope::Once), pin_evidence(pin)).await.unwrap();
}

pub async fn first(engine: &Arc<Engine>) -> Arc<ApprovalRequest> {
    for _ in 0..1_000_000 {
        if let Some(question) = engine.approvals().pending(engine.now()).into_iter().next() {
            return question;
        }
        tokio::task::yield_now().await;
    }
    panic!("no question was opened");
}

#[tokio::test]
async fn a_write_waits_for_a_person_and_runs_once() {
    let world = World::new(vec![]);
    let person = world.engine.clone();
    tokio::spawn(async move { allow_first(&person, "right").await });
    world.run("change", "{\"n\":1}").await.unwrap();
    assert_eq!(world.journal.kinds(), ["approval:requested", "approval:approved", "intent:approved", "outcome:ok"]);
    let again = world.run("change", "{\"n\":1}").await.unwrap_err();
    assert_eq!((again.code, world.effects()), (RefusalCode::ApprovalRequired, 1), "the answer was spent");
}

#[tokio::test]
async fn the_same_call_made_later_picks_the_answer_up_and_another_does_not() {
    let world = World::new(vec![]);
    let asked = world.run("change", "{\"n\":1}").await.unwrap_err();
    assert_eq!(asked.code, RefusalCode::ApprovalRequired);
    allow_first(&world.engine, "right").await;
    let other = world.run("change", "{\"n\":2}").await.unwrap_err();
    assert_eq!((other.code, world.effects()), (RefusalCode::Denied, 0), "one question per tool: {other:?}");
    world.run("change", "{ \"n\" : 1 }").await.expect("the same arguments in another spelling are the same call");
    assert_eq!(world.effects(), 1);
}

#[tokio::test]
async fn a_wrong_pin_decides_nothing() {
    let world = World::new(vec![]);
    world.run("change", "{}").await.unwrap_err();
    let question = first(&world.engine).await;
    let decided = world
        .engine
        .decide(question.id, question.digest, Decision::Allow(ApprovalScope::Once), pin_evidence("wrong"))
        .await;
    assert!(matches!(decided, Err(ChangeError::Factor(_))));
    assert_eq!(world.run("change", "{}").await.unwrap_err().code, RefusalCode::ApprovalRequired);
    assert_eq!(world.effects(), 0);
}

#[tokio::test]
async fn a_policy_that_changed_meanwhile_voids_the_answer() {
    let world = World::new(vec![]);
    world.run("change", "{}").await.unwrap_err();
    allow_first(&world.engine, "right").await;
    let deny = "@id(\"none\") forbid (principal, action, resource);";
    let prepared = world.engine.prepare(b"x", |document| document.set_policy(deny.to_owned()), Vec::new()).unwrap();
    world.engine.apply(prepared, pin_evidence("right")).await.unwrap();
    assert_eq!(world.run("change", "{}").await.unwrap_err().code, RefusalCode::Denied);
    assert_eq!(world.effects(), 0);
}

#[tokio::test]
async fn a_definition_that_changed_meanwhile_blocks_the_call() {
    let world = World::new(vec![]);
    world.run("change", "{}").await.unwrap_err();
    allow_first(&world.engine, "right").await;
    let mut changed = definition("change");
    changed["description"] = "another".into();
    *world.server.definitions.lock().unwrap() = vec![definition("look"), changed];
    let refusal = world.run("change", "{}").await.unwrap_err();
    assert_eq!((refusal.code, world.effects()), (RefusalCode::ToolChanged, 0));
}

#[tokio::test]
async fn a_session_grant_covers_what_was_shown_and_dies_with_the_session() {
    let world = World::new(vec![]);
    world.run("change", "{\"n\":1}").await.unwrap_err();
    let question = first(&world.engine).await;
    let decision = Decision::Allow(ApprovalScope::SessionExact);
    world.engine.decide(question.id, question.digest, decision, pin_evidence("right")).await.unwrap();
    world.run("change", "{\"n\":1}").await.unwrap();
    world.run("change", "{\"n\":1}").await.unwrap();
    assert_eq!(world.run("change", "{\"n\":2}").await.unwrap_err().code, RefusalCode::ApprovalRequired);
    assert_eq!(world.effects(), 2);
    world.session.close();
    assert_eq!(world.run("change", "{\"n\":1}").await.unwrap_err().code, RefusalCode::Revoked);
}

#[tokio::test]
async fn a_rule_is_on_record_ends_and_covers_only_what_it_fixes() {
    let world = World::new(vec![]);
    world.run("change", "{\"n\":1}").await.unwrap_err();
    let question = first(&world.engine).await;
    let decision = Decision::Allow(ApprovalScope::Rule { fixed: vec!["n".into()], seconds: 60 });
    world.engine.decide(question.id, question.digest, decision, pin_evidence("right")).await.unwrap();
    assert!(world.journal.kinds().contains(&"change".to_owned()));
    world.run("change", "{\"n\":1}").await.unwrap();
    world.run("change", "{\"n\":1}").await.unwrap();
    assert_eq!(world.effects(), 2);
    world.clock.0.fetch_add(61_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(world.run("change", "{\"n\":1}").await.unwrap_err().code, RefusalCode::ApprovalRequired);
}

#[tokio::test]
async fn a_rule_that_cannot_be_recorded_leaves_no_answer_either() {
    let world = World::new(vec![]);
    world.run("change", "{\"n\":1}").await.unwrap_err();
    let question = first(&world.engine).await;
    *world.journal.refuses.lock().unwrap() = Box::new(|kind| matches!(kind, briefcase_receipts::Kind::Change(_)));
    let rule = || Decision::Allow(ApprovalScope::Rule { fixed: vec!["n".into()], seconds: 60 });
    let decided = world.engine.decide(question.id, question.digest, rule(), pin_evidence("right")).await;
    assert!(matches!(decided, Err(ChangeError::Journal(_))));
    assert_eq!(world.journal.kinds(), ["approval:requested", "refusal:approval_required:waiting"]);
    assert_eq!(world.run("change", "{\"n\":1}").await.unwrap_err().code, RefusalCode::ApprovalRequired);
    *world.journal.refuses.lock().unwrap() = Box::new(|_| false);
    let index = world.engine.decide(question.id, question.digest, rule(), pin_evidence("right")).await.unwrap();
    let kinds = world.journal.kinds();
    let at = usize::try_from(index.0).unwrap();
    assert_eq!(kinds[at..], ["approval:approved", "change"], "the decision's own receipt is named");
    world.run("change", "{\"n\":1}").await.unwrap();
}

#[tokio::test]
async fn a_change_prepared_on_an_older_document_is_not_made() {
    let world = World::new(vec![]);
    let set = |text: &'static str| {
        world.engine.prepare(text.as_bytes(), move |document| document.set_policy(text.to_owned()), Vec::new()).unwrap()
    };
    let permit = "@id(\"all\") permit (principal, action, resource);";
    let (stale, first) = (set(permit), set("@id(\"none\") forbid (principal, action, resource);"));
    world.engine.apply(first, pin_evidence("right")).await.unwrap();
    let made = world.engine.apply(stale, pin_evidence("right")).await;
    assert!(matches!(made, Err(ChangeError::Stale)));
    assert_eq!(world.run("look", "{}").await.unwrap_err().code, RefusalCode::Denied);
}

/// Changes the policy while a question is open, then allows the question.
async fn allowed_under_another_policy(text: &str) -> (World, Result<(), briefcase_types::Refusal>) {
    let world = World::new(vec![]);
    world.run("change", "{\"n\":1}").await.unwrap_err();
    world.change(|document| document.set_policy(text.to_owned())).await;
    allow_first(&world.engine, "right").await;
    let ran = world.run("change", "{\"n\":1}").await.map(drop);
    (world, ran)
}

#[tokio::test]
async fn attack_71_an_open_question_is_decided_again_under_the_next_policy() {
    let asks =
        "@id(\"other-calls-ask\") permit (principal, action in Action::\"call\", resource) when { context.approved };";
    let forbids = "@id(\"none\") forbid (principal, action, resource);";
    let for_another_reason = asks.replace("other-calls-ask", "another-rule");
    let holds = format!("{asks}\n@id(\"hold\") forbid (principal, action, resource) unless {{ context.approved }};");
    let allows = "@id(\"all\") permit (principal, action, resource);";
    for (text, wanted) in [
        (briefcase_policy::authority::DEFAULT_POLICY, Ok(())),
        (asks, Ok(())),
        (allows, Ok(())),
        (forbids, Err("forbidden")),
        ("", Err("nothing_permits")),
        (&for_another_reason, Err("void")),
        (&holds, Err("void")),
    ] {
        let (world, ran) = allowed_under_another_policy(text).await;
        let effects = usize::from(wanted.is_ok());
        assert_eq!(ran.as_ref().map_err(|refusal| refusal.reason.as_str()).copied(), wanted, "{text}");
        assert_eq!(world.effects(), effects, "{text}");
    }
}

#[tokio::test]
async fn attack_71_facts_that_the_person_was_not_shown_void_the_decision() {
    use briefcase_policy::{
        authority::Class,
        label::{Label, Labels},
    };
    let (server, tool) = ("files".parse().unwrap(), "change".parse().unwrap());
    let world = World::new(vec![]);
    world.run("change", "{}").await.unwrap_err();
    world.change(|document| document.set_class(&server, &tool, Class::Unknown)).await;
    allow_first(&world.engine, "right").await;
    let refusal = world.run("change", "{}").await.unwrap_err();
    assert_eq!((refusal.reason.as_str(), world.effects()), ("void", 0), "another class");

    let world = World::new(vec![]);
    world.change(|document| document.set_labels(&server, &tool, Labels::NONE.with(Label::External))).await;
    world.run("change", "{}").await.unwrap_err();
    let seen = Labels::NONE.with(Label::UntrustedContent).with(Label::PrivateData);
    world.labels.record(&world.session.agent, seen);
    allow_first(&world.engine, "right").await;
    let refusal = world.run("change", "{}").await.unwrap_err();
    assert_eq!((refusal.reason.as_str(), world.effects()), ("void", 0), "the agent has seen private data since");
    world.run("change", "{}").await.unwrap_err();
    allow_first(&world.engine, "right").await;
    world.run("change", "{}").await.expect("the new question shows it");
}

#[tokio::test]
async fn attack_71_a_change_that_does_not_concern_the_call_leaves_the_decision_valid() {
    let world = World::new(vec![]);
    world.run("change", "{}").await.unwrap_err();
    world
        .change(|document| {
            document.add_agent(
                "b".parse().unwrap(),
                briefcase_types::Digest::sha256(b"b"),
                briefcase_types::UnixMillis(1),
            )
        })
        .await;
    allow_first(&world.engine, "right").await;
    world
        .change(|document| {
            document.add_agent(
                "c".parse().unwrap(),
                briefcase_types::Digest::sha256(b"c"),
                briefcase_types::UnixMillis(1),
            )
        })
        .await;
    world.run("change", "{}").await.unwrap();
    assert_eq!(world.effects(), 1);
}
