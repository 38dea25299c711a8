//! Attack 68: a server sends a secret back in a form that is one step away from the known encodings. The crate
//! `output-filter` measures the whole published family; here a sample passes through the daemon.

use std::collections::BTreeMap;

use briefcase_testkit::{ClientEra, HttpUpstream, MockAction, Script, mock::tool};
use e2e::Scene;
use serde_json::{Value, json};

/// The sample: every such row of the family.
const EVERY: usize = 9;

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(name.clone());
            strings(member, found);
        }),
        _ => {}
    }
}

/// Guards: an echoed secret is redacted in every form of the published family but a few.
#[tokio::test]
async fn attack_68_a_sample_of_the_family_is_redacted_on_the_way_to_the_agent() {
    let family: Value = serde_json::from_slice(include_bytes!("../../../../vectors/echoes/forms.json")).unwrap();
    let upstream = HttpUpstream::start(Script::with_tools(vec![tool("say")])).await;
    let scene = Scene::new().await;
    let mut clients = BTreeMap::new();
    for (name, secret) in family["secrets"].as_object().unwrap() {
        scene.change(json!({ "change": "set_secret", "name": name, "value": secret })).await;
        let headers = json!([{ "name": "X-Key", "value": "{secret}", "secret": name }]);
        let spec = json!({ "transport": "http", "url": upstream.url(), "headers": headers });
        scene.daemon.admin.add_server(name, &spec, &["say"], &scene.setup.pin).await;
        clients.insert(name.clone(), scene.client_of(name, ClientEra::Legacy).await);
    }
    // Contents of resources have their own method.
    let is_result = |row: &&Value| row["message"].get("contents").is_none();
    let rows = family["rows"].as_array().unwrap().iter().step_by(EVERY).filter(is_result);
    let rows: Vec<&Value> = rows.collect();
    let mut missed = Vec::new();
    for row in &rows {
        upstream.set(Script::one("say", MockAction::Result { result: row["message"].clone() }));
        let answer = clients[row["secret"].as_str().unwrap()].call("say", json!({})).await.unwrap();
        let mut left = Vec::new();
        strings(&answer, &mut left);
        let gone = row["gone"].as_array().unwrap().iter().filter_map(Value::as_str);
        let is_left = gone.into_iter().any(|part| left.iter().any(|text| text.contains(part)));
        if is_left || !left.iter().any(|text| text.contains("[redacted]")) {
            missed.push(format!("{} {}: {answer}", row["form"], row["secret"]));
        }
    }
    assert!(missed.len() * 20 <= rows.len(), "{} of {}: {missed:#?}", missed.len(), rows.len());
}
