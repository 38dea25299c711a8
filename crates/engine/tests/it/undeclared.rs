//! Attack 7: an argument that no schema names makes a call that nobody granted.

use briefcase_types::{ApprovalScope, Decision, RefusalCode};

use crate::doubles::{World, pin_evidence};

#[tokio::test]
async fn attack_07_an_undeclared_argument_is_no_granted_read_and_the_person_sees_its_name() {
    let world = World::new(vec![]);
    world.run("look", "{\"n\":1}").await.unwrap();
    let more = "{\"n\":1,\"conversation\":\"all of it\"}";
    assert_eq!(world.run("look", more).await.unwrap_err().code, RefusalCode::ApprovalRequired);
    assert_eq!(world.effects(), 1);
    let question = world.engine.approvals().pending(world.engine.now()).remove(0);
    assert!(question.policies.contains(&"undeclared argument: conversation".to_owned()), "{:?}", question.policies);
    // A permission for the tool is one for the arguments that it names.
    let tool = Decision::Allow(ApprovalScope::SessionTool);
    world.engine.decide(question.id, question.digest, tool, pin_evidence("right")).await.unwrap();
    let other = "{\"n\":1,\"conversation\":\"more\"}";
    assert_eq!(world.run("look", other).await.unwrap_err().code, RefusalCode::ApprovalRequired);
    world.run("look", "{\"n\":2}").await.unwrap();
    assert_eq!(world.effects(), 2);
}

#[tokio::test]
async fn attack_07_a_rule_does_not_cover_an_undeclared_argument() {
    let world = World::new(vec![]);
    world.run("change", "{\"n\":1}").await.unwrap_err();
    let question = world.engine.approvals().pending(world.engine.now()).remove(0);
    let rule = Decision::Allow(ApprovalScope::Rule { fixed: vec!["n".into()], seconds: 60 });
    world.engine.decide(question.id, question.digest, rule, pin_evidence("right")).await.unwrap();
    world.run("change", "{\"n\":1}").await.unwrap();
    let refusal = world.run("change", "{\"n\":1,\"context\":\"x\"}").await.unwrap_err();
    assert_eq!((refusal.code, world.effects()), (RefusalCode::ApprovalRequired, 1));
}
