//! Sessions of 2025-11-25 and earlier.

use briefcase_ipc::ToDaemon;
use serde_json::{Value, json};

use crate::{
    client::{Connection, Gateway, HttpReply},
    daemon::{ALICE, BOB, Daemon},
};

struct Session<'a> {
    gateway: &'a Gateway,
    id: String,
}

fn initialize(version: &str) -> String {
    json!({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":version}}).to_string()
}

fn call(id: u32, tool: &str) -> String {
    json!({"jsonrpc":"2.0","id":id,"method":"tools/call","params":{"name":tool,"arguments":{}}}).to_string()
}

const RELEASE: &str = r#"{"jsonrpc":"2.0","method":"notifications/release"}"#;
const GENERAL: &str = r#"{"jsonrpc":"2.0","method":"notifications/general"}"#;

impl<'a> Session<'a> {
    fn start(gateway: &'a Gateway) -> Self {
        Self::of(gateway, "2025-11-25")
    }

    fn of(gateway: &'a Gateway, version: &str) -> Self {
        let reply = gateway.post(&[], &initialize(version));
        assert_eq!(reply.status, 200);
        Self { gateway, id: reply.header("mcp-session-id").unwrap().to_owned() }
    }

    fn open(&self, body: &str) -> (Connection, HttpReply) {
        let mut connection = self.gateway.connect();
        connection.post(ALICE, &[("Mcp-Session-Id", &self.id)], body);
        let reply = connection.reply();
        (connection, reply)
    }

    fn post(&self, body: &str) -> HttpReply {
        self.open(body).1
    }

    fn get(&self, headers: &[(&str, &str)]) -> (Connection, HttpReply) {
        let mut connection = self.gateway.connect();
        let all = [&[("Mcp-Session-Id", self.id.as_str()), ("Accept", "text/event-stream")], headers].concat();
        connection.without_body("GET", ALICE, &all);
        let reply = connection.reply();
        (connection, reply)
    }
}

#[test]
fn a_session_starts_works_and_ends() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    assert!(session.id.len() >= 22, "{}", session.id);
    let accepted = session.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!((accepted.status, accepted.body.len()), (202, 0));
    let echoed = session.post(&call(1, "echo"));
    assert_eq!(
        (echoed.status, echoed.header("content-type"), &echoed.json()["id"]),
        (200, Some("application/json"), &json!(1))
    );
    assert_eq!(session.post(r#"{"jsonrpc":"2.0","id":2,"method":"no/such"}"#).status, 200);
    let mut connection = gateway.connect();
    connection.without_body(
        "DELETE",
        ALICE,
        &[("Mcp-Session-Id", &session.id), ("MCP-Protocol-Version", "2025-11-25")],
    );
    assert_eq!(connection.reply().status, 204);
    gateway.daemon.expect("the end", |frame| matches!(frame, ToDaemon::Close { .. }));
    assert_eq!(session.post(&call(3, "echo")).status, 404);
    assert_eq!(session.get(&[]).1.status, 404);
}

#[test]
fn sessions_of_other_agents_are_unreachable() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let as_bob = |id: &str| {
        let mut connection = gateway.connect();
        connection.post(BOB, &[("Mcp-Session-Id", id)], &call(1, "echo"));
        let foreign = connection.reply();
        connection.without_body("DELETE", BOB, &[("Mcp-Session-Id", id)]);
        (foreign.status, foreign.body, connection.reply().status)
    };
    let (foreign, unknown) = (as_bob(&session.id), as_bob("AAAAAAAAAAAAAAAAAAAAAA"));
    assert_eq!((foreign.0, foreign.2), (404, 404));
    assert_eq!(foreign, unknown, "a foreign session can be told from an unknown one");
    assert_eq!(session.post(&call(2, "echo")).status, 200);
    assert_eq!(gateway.post(&[], &call(1, "echo")).status, 400);
    assert_eq!(gateway.post(&[("Mcp-Session-Id", "a"), ("Mcp-Session-Id", "b")], &call(1, "echo")).status, 404);
    assert_eq!(
        gateway.post(&[("MCP-Protocol-Version", "1999-01-01"), ("Mcp-Session-Id", &session.id)], &call(1, "x")).status,
        400
    );
    let refused = gateway.post(&[], &initialize("refuse"));
    assert_eq!((refused.status, refused.header("mcp-session-id")), (200, None));
}

#[test]
fn messages_of_a_request_arrive_on_its_stream() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let (mut stream, reply) = session.open(&call(5, "progress"));
    assert!(reply.is_stream());
    assert_eq!((reply.header("x-accel-buffering"), reply.header("cache-control")), (Some("no"), Some("no-store")));
    let priming = stream.event().unwrap();
    assert_eq!((priming.data.as_deref(), priming.retry.is_some(), priming.id.is_some()), (Some(""), true, true));
    let messages: Vec<Value> = std::iter::from_fn(|| stream.event()).map(|event| event.json()).collect();
    assert_eq!(messages.len(), 3);
    assert_eq!((&messages[0]["params"]["progress"], &messages[2]["result"]["done"]), (&json!(1), &json!(true)));
    // Clients of older versions do not understand an event without data.
    let older = Session::of(&gateway, "2025-06-18");
    let (mut stream, _) = older.open(&call(5, "progress"));
    assert_eq!(stream.event().unwrap().json()["params"]["progress"], 1);
}

#[test]
fn a_tool_can_send_requests_to_the_client() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let (mut stream, _) = session.open(&call(9, "ask"));
    stream.event().unwrap();
    let question = stream.event().unwrap().json();
    assert_eq!(question["method"], "sampling/createMessage");
    let answer = json!({"jsonrpc":"2.0","id":question["id"],"result":{"text":"hi"}}).to_string();
    assert_eq!(session.post(&answer).status, 202);
    assert_eq!(stream.event().unwrap().json()["result"]["client_said"]["text"], "hi");
    assert!(stream.event().is_none());
}

#[test]
fn only_the_broken_stream_is_resumed_where_it_stopped() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let (mut first, _) = session.open(&call(1, "hold"));
    first.event().unwrap();
    let seen = first.event().unwrap();
    assert_eq!(seen.json()["method"], "notifications/progress");
    let other = session.open(&call(2, "hold"));
    drop(first);
    assert_eq!(session.post(RELEASE).status, 202);
    let (mut resumed, reply) = session.get(&[("Last-Event-ID", seen.id.as_deref().unwrap())]);
    assert!(reply.is_stream());
    resumed.event().unwrap();
    let response = resumed.event().unwrap();
    assert_eq!((&response.json()["id"], &response.json()["result"]["released"]), (&json!(1), &json!(true)));
    assert!(resumed.event().is_none());
    drop(other);
    for id in ["99-1", "x", "", "1", "18446744073709551616-0"] {
        assert_eq!(session.get(&[("Last-Event-ID", id)]).1.status, 400, "{id}");
    }
    // A broken connection does not cancel the request.
    assert!(gateway.daemon.frames().iter().all(|frame| !matches!(frame, ToDaemon::Cancel { .. })));
}

#[test]
fn general_messages_wait_for_the_listening_stream() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    assert_eq!(session.post(GENERAL).status, 202);
    session.post(&call(1, "echo"));
    let (mut listening, reply) = session.get(&[("MCP-Protocol-Version", "2025-11-25")]);
    assert!(reply.is_stream());
    assert_eq!(listening.event().unwrap().data.as_deref(), Some(""));
    assert_eq!(listening.event().unwrap().json()["method"], "notifications/message");
    // A second listener replaces the first: no message is sent twice.
    let (mut second, _) = session.get(&[]);
    assert!(listening.event().is_none());
    second.event().unwrap();
    session.post(GENERAL);
    assert_eq!(second.event().unwrap().json()["method"], "notifications/message");
}

#[test]
fn a_slow_call_becomes_a_stream_that_can_be_resumed() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let (mut stream, reply) = session.open(&call(1, "wait"));
    assert!(reply.is_stream());
    let priming = stream.event().unwrap();
    assert_eq!(session.post(&call(1, "echo")).status, 400, "the id is in use");
    drop(stream);
    let (mut resumed, _) = session.get(&[("Last-Event-ID", priming.id.as_deref().unwrap())]);
    resumed.event().unwrap();
    session.post(RELEASE);
    assert_eq!(resumed.event().unwrap().json()["result"]["released"], true);
}

#[test]
fn a_cancelled_request_ends_its_stream() {
    let gateway = Gateway::start();
    let session = Session::start(&gateway);
    let (mut stream, _) = session.open(&call(1, "hold"));
    stream.event().unwrap();
    stream.event().unwrap();
    let cancelled = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(session.post(cancelled).status, 202);
    assert!(stream.event().is_none());
    gateway
        .daemon
        .expect("the notification", |frame| matches!(frame, ToDaemon::Message { json, .. } if json == cancelled));
    assert_eq!(session.post(&call(1, "echo")).status, 200);
}

#[test]
fn after_a_daemon_restart_the_client_must_start_again() {
    let mut gateway = Gateway::start();
    let id = Session::start(&gateway).id;
    let dir = gateway.dir.path().to_owned();
    let socket = gateway.daemon.socket.clone();
    drop(std::mem::replace(&mut gateway.daemon, Daemon::start(&dir.join("elsewhere"))));
    let down = gateway.post(&[("Mcp-Session-Id", &id)], &call(1, "echo"));
    assert!(matches!(down.status, 404 | 503), "{down:?}");
    gateway.daemon = Daemon::start(&dir);
    assert_eq!(gateway.daemon.socket, socket);
    // The session continues: its handshake is repeated, and only that.
    let again = gateway.post(&[("Mcp-Session-Id", &id)], &call(1, "echo"));
    assert_eq!((again.status, &again.json()["result"]["agent"]), (200, &json!("alice")));
    let messages: Vec<Value> = gateway
        .daemon
        .frames()
        .iter()
        .filter_map(|frame| match frame {
            ToDaemon::Message { json, .. } => serde_json::from_slice(json).ok(),
            _ => None,
        })
        .collect();
    let methods: Vec<_> = messages.iter().map(|message| message["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["initialize", "tools/call"]);
    assert_eq!(Session::start(&gateway).post(&call(2, "echo")).status, 200);
    // Another agent has no part in it, and an ended session stays ended.
    let mut connection = gateway.connect();
    connection.post(BOB, &[("Mcp-Session-Id", &id)], &call(3, "echo"));
    assert_eq!(connection.reply().status, 404);
}

#[test]
fn an_open_stream_outlives_the_daemon_and_hears_of_its_return() {
    let mut gateway = Gateway::start();
    let session = Session::start(&gateway);
    let id = session.id.clone();
    assert_eq!(session.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).status, 202);
    let (mut stream, head) = session.get(&[]);
    assert_eq!(head.status, 200);
    let (_, died) = session.open(&call(1, "die"));
    assert_eq!(died.json()["error"]["data"]["code"], "unavailable", "{died:?}");
    assert!(died.json()["error"]["message"].as_str().unwrap().contains("not known whether"));
    let dir = gateway.dir.path().to_owned();
    drop(std::mem::replace(&mut gateway.daemon, Daemon::start(&dir.join("elsewhere"))));
    assert_eq!(gateway.post(&[("Mcp-Session-Id", &id)], &call(2, "echo")).status, 503);
    gateway.daemon = Daemon::start(&dir);
    assert_eq!(gateway.post(&[("Mcp-Session-Id", &id)], &call(3, "echo")).status, 200);
    let changed = std::iter::from_fn(|| stream.event())
        .find(|event| event.data.as_deref().is_some_and(|data| !data.is_empty()))
        .unwrap();
    assert_eq!(changed.json()["method"], "notifications/tools/list_changed");
    let mut connection = gateway.connect();
    connection.without_body("DELETE", ALICE, &[("Mcp-Session-Id", &id)]);
    assert_eq!(connection.reply().status, 204);
    assert_eq!(gateway.post(&[("Mcp-Session-Id", &id)], &call(4, "echo")).status, 404);
}

#[test]
fn sessions_are_limited_and_recently_used_ones_are_kept() {
    let gateway = Gateway::start();
    let sessions: Vec<_> = (0..256).map(|_| Session::start(&gateway)).collect();
    assert_eq!(gateway.post(&[], &initialize("2025-11-25")).status, 429);
    let mut connection = gateway.connect();
    connection.without_body("DELETE", ALICE, &[("Mcp-Session-Id", &sessions[0].id)]);
    assert_eq!(connection.reply().status, 204);
    assert_eq!(gateway.post(&[], &initialize("2025-11-25")).status, 200);
}
