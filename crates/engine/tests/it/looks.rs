//! The accepted definitions, and the comparison of a server's current definitions with them.

use briefcase_engine::pinned_tools::PinnedTools;
use briefcase_policy::{authority::Pin, pin};
use briefcase_ports::{CallHandler as _, Record};
use briefcase_types::{ServerId, ToolName};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::doubles::{World, definition};

fn files() -> ServerId {
    "files".parse().unwrap()
}

fn tool(name: &str) -> ToolName {
    name.parse().unwrap()
}

fn raw(definition: &Value) -> Bytes {
    Bytes::from(definition.to_string())
}

#[tokio::test]
async fn an_accepted_definition_is_known_before_its_server_was_asked() {
    let world = World::new(vec![]);
    let known = |name: &str| world.engine.accepted_tool(&files(), &tool(name));
    assert_eq!(known("look"), Some(raw(&definition("look"))));
    assert_eq!(known("new"), None);
    let accepted = json!({ "name": "new", "description": "another" });
    let digest = pin::pin(&files(), &accepted);
    let records = vec![
        Record::Definition { pin: digest, raw: raw(&accepted) },
        Record::Definition { pin: pin::pin(&files(), &json!({ "name": "not accepted" })), raw: Bytes::new() },
    ];
    world.change_with(|document| document.accept_pin(&files(), tool("new"), digest), records).await;
    assert_eq!(known("new"), Some(raw(&accepted)));
    world.change(|document| document.remove_pin(&files(), &tool("look"))).await;
    assert_eq!(known("look"), None);
    assert_eq!(known("new"), Some(raw(&accepted)), "the other tool stays");
    world.change(|document| document.remove_server(&files())).await;
    assert_eq!(known("new"), None);
}

#[test]
fn a_definition_that_is_stored_without_its_secret_is_not_exact() {
    let pinned = PinnedTools::default();
    let sent = json!({ "name": "look", "inputSchema": { "properties": { "key": { "enum": ["hunter2"] } } } });
    let stored = json!({ "name": "look", "inputSchema": { "properties": { "key": { "enum": ["[redacted]"] } } } });
    let pin = Pin::new(pin::pin(&files(), &sent));
    for (text, exact) in [(raw(&stored), Some(false)), (raw(&sent), Some(true))] {
        assert_eq!(pinned.add(&files(), &pin, text.clone()), exact);
        let found = pinned.of(&files(), &pin).unwrap();
        assert_eq!((found.is_exact(), found.tool().raw()), (exact == Some(true), &text));
    }
    for no_tool in ["", "5", "{}", r#"{"name":5}"#, r#"{"name":""}"#] {
        let other = Pin::new(pin::pin(&files(), &json!(no_tool)));
        assert_eq!(pinned.add(&files(), &other, Bytes::from(no_tool)), None, "{no_tool}");
        assert!(pinned.of(&files(), &other).is_none());
    }
}

#[test]
fn a_definition_belongs_to_its_server() {
    let pinned = PinnedTools::default();
    let definition = definition("look");
    let pin = Pin::new(pin::pin(&files(), &definition));
    pinned.add(&files(), &pin, raw(&definition)).unwrap();
    assert!(pinned.of(&"other".parse().unwrap(), &pin).is_none());
    assert_eq!(pinned.add(&"other".parse().unwrap(), &pin, raw(&definition)), Some(false), "the pin covers the server");
}
