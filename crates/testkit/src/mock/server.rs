//! The mock server's answers: the honest protocol, and the script's departures from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::message_sink::MessageSink;
use super::record::{MessageRecord, ReceivedMessage};
use super::script::{MockAction, Script, SupportedEras};

/// The mock server behind a transport.
pub struct MockServer {
    pub record: MessageRecord,
    lists: AtomicUsize,
    asked: AtomicUsize,
    waiting: Mutex<HashMap<String, oneshot::Sender<Value>>>,
}

/// The result of a request that has no plain answer.
pub enum Departure {
    /// Handled: everything was sent already.
    Said,
    /// The transport must act: compress, slow down, redirect.
    Transport(MockAction),
}

impl MockServer {
    pub fn new(record: MessageRecord) -> Self {
        Self { record, lists: AtomicUsize::new(0), asked: AtomicUsize::new(0), waiting: Mutex::default() }
    }

    /// Records a message. A response wakes the waiting request.
    pub fn note(&self, message: &Value, headers: BTreeMap<String, String>) {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        if method.is_empty() {
            let waiting = self.waiting.lock().expect("not poisoned").remove(&message["id"].to_string());
            if let Some(waiting) = waiting {
                let _ = waiting.send(message.clone());
            }
        }
        self.record.add(ReceivedMessage { method, message: message.clone(), headers });
    }

    /// Handles a request.
    pub async fn answer(&self, script: &Script, request: &Value, secrets: &Value, wire: &dyn MessageSink) -> Departure {
        let method = request["method"].as_str().unwrap_or_default();
        let name = request["params"]["name"].as_str().unwrap_or_default();
        let act = match (method, script.methods.get(method)) {
            (_, Some(act)) => act.clone(),
            ("tools/call", None) => script.calls.get(name).cloned().unwrap_or(MockAction::Echo),
            (_, None) => match self.honest(script, method, request) {
                Ok(result) => MockAction::Result { result },
                Err((code, message)) => MockAction::Error { code, message },
            },
        };
        self.play(act, request, secrets, wire).await
    }

    async fn play(&self, mut act: MockAction, request: &Value, secrets: &Value, wire: &dyn MessageSink) -> Departure {
        loop {
            act = match act {
                MockAction::After { ms, then } => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    *then
                }
                MockAction::Notify { times, mut message, then } => {
                    fill_token(&mut message, request);
                    for _ in 0..times {
                        wire.send(&message).await;
                    }
                    *then
                }
                MockAction::Noise { lines, then } => {
                    for at in 0..lines {
                        wire.line(format!("noise {at}").as_bytes()).await;
                    }
                    *then
                }
                MockAction::Ask { method, params } => self.ask(&method, params, wire).await,
                act => return say(act, request, secrets, wire).await,
            };
        }
    }

    async fn ask(&self, method: &str, params: Value, wire: &dyn MessageSink) -> MockAction {
        let id = json!(format!("ask-{}", self.asked.fetch_add(1, Ordering::Relaxed)));
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().expect("not poisoned").insert(id.to_string(), sender);
        wire.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        let answer = receiver.await.unwrap_or_default();
        let said = answer.get("result").or_else(|| answer.get("error")).cloned().unwrap_or_default();
        MockAction::Result { result: text(&said.to_string()) }
    }

    /// The answer of an honest server.
    fn honest(&self, script: &Script, method: &str, request: &Value) -> Result<Value, (i64, String)> {
        let modern = request.pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion").is_some();
        let list = |name: &str, items: &[Value]| Ok(json!({ name: items, "ttlMs": 0, "cacheScope": "private" }));
        match (method, script.speaks) {
            ("initialize", SupportedEras::Legacy | SupportedEras::Both) => Ok(json!({
                "protocolVersion": legacy_version(request),
                "capabilities": capabilities(),
                "serverInfo": { "name": script.name, "version": "1" }
            })),
            ("server/discover", SupportedEras::Modern | SupportedEras::Both) => Ok(json!({
                "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities(),
                "ttlMs": 0, "cacheScope": "private",
                "_meta": { "io.modelcontextprotocol/serverInfo": { "name": script.name, "version": "1" } }
            })),
            ("ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe", _) if !modern => {
                Ok(json!({}))
            }
            ("tools/list", _) => list("tools", script.tools_at(self.lists.fetch_add(1, Ordering::Relaxed) + 1)),
            ("resources/list", _) => list("resources", &script.resources),
            ("resources/templates/list", _) => list("resourceTemplates", &[]),
            ("prompts/list", _) => list("prompts", &script.prompts),
            ("resources/read", _) => {
                let uri = &request["params"]["uri"];
                list("contents", &[json!({ "uri": uri, "text": format!("content of {uri}") })])
            }
            ("prompts/get", _) => Ok(json!({ "messages": [
                { "role": "user", "content": { "type": "text", "text": "prompt of the mock" } }
            ]})),
            ("completion/complete", _) => Ok(json!({ "completion": { "values": ["one", "two"] } })),
            _ => Err((-32601, format!("Method not found: {method}"))),
        }
    }
}

/// Sends the answer of the last action.
async fn say(act: MockAction, request: &Value, secrets: &Value, wire: &dyn MessageSink) -> Departure {
    let id = &request["id"];
    let answer = |result: Value| json!({ "jsonrpc": "2.0", "id": id, "result": completed(result) });
    match act {
        MockAction::Echo => wire.send(&answer(text(&request["params"]["arguments"].to_string()))).await,
        MockAction::EchoSecrets => wire.send(&answer(text(&secrets.to_string()))).await,
        MockAction::Result { result } => wire.send(&answer(result)).await,
        MockAction::Error { code, message } => {
            wire.send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })).await;
        }
        MockAction::Hang => std::future::pending().await,
        MockAction::Die => wire.die(answer(text("never all of it")).to_string().as_bytes()).await,
        MockAction::InputRequired { requests } => match request["params"].get("inputResponses") {
            Some(responses) => wire.send(&answer(text(&responses.to_string()))).await,
            None => {
                let result =
                    json!({ "resultType": "input_required", "inputRequests": requests, "requestState": "mock" });
                wire.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result })).await;
            }
        },
        MockAction::Huge { bytes } => wire.send(&answer(text(&"x".repeat(bytes)))).await,
        MockAction::InvalidUtf8 => {
            let whole = answer(text("HERE")).to_string();
            let (before, after) = whole.split_once("HERE").expect("it is there");
            wire.line(&[before.as_bytes(), b"\xff\xfe\xc3", after.as_bytes()].concat()).await;
        }
        MockAction::Raw { text } => wire.line(text.replace("ID", &id.to_string()).as_bytes()).await,
        MockAction::Twice => {
            wire.send(&answer(text("first"))).await;
            wire.send(&answer(text("second"))).await;
        }
        MockAction::WrongId => wire.send(&json!({ "jsonrpc": "2.0", "id": "nobody", "result": text("lost") })).await,
        other => return Departure::Transport(other),
    }
    Departure::Said
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }] })
}

/// The modern era requires the kind of result; the legacy era ignores it.
fn completed(mut result: Value) -> Value {
    if let Some(members) = result.as_object_mut() {
        members.entry("resultType").or_insert_with(|| json!("complete"));
    }
    result
}

fn fill_token(message: &mut Value, request: &Value) {
    let token = request.pointer("/params/_meta/progressToken");
    if let (Some(token), Some(slot)) = (token, message.pointer_mut("/params/progressToken")) {
        *slot = token.clone();
    }
}

fn legacy_version(request: &Value) -> &str {
    match request["params"]["protocolVersion"].as_str() {
        Some(known @ ("2025-11-25" | "2025-06-18" | "2025-03-26" | "2024-11-05")) => known,
        _ => "2025-11-25",
    }
}

fn capabilities() -> Value {
    json!({
        "tools": { "listChanged": true }, "resources": { "subscribe": true, "listChanged": true },
        "prompts": { "listChanged": true }, "logging": {}, "completions": {}
    })
}
