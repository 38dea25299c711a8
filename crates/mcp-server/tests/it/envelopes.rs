//! Invalid messages, floods, and cancelled requests.

use std::time::Duration;

use briefcase_mcp_server::{Route, View};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{Server, World, doing, meta, modern, related, result};

fn code(message: &Value) -> i64 {
    message["error"]["code"].as_i64().unwrap_or_else(|| panic!("{message}"))
}

#[tokio::test(start_paused = true)]
async fn an_invalid_message_gets_an_error_and_the_connection_stays_open() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.legacy(View::All, json!({})).await;
    let cases: [(&[u8], i64, Value); 10] = [
        (b"{", -32700, Value::Null),
        (b"\xff\xfe", -32700, Value::Null),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","a":1,"a":2}"#, -32700, Value::Null),
        (br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, Value::Null),
        (br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, json!(1)),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null),
        (br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, -32600, json!(1)),
        (br#"{"jsonrpc":"2.0","id":2,"method":"no/such"}"#, -32601, json!(2)),
        (br#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":5}}"#, -32602, json!(3)),
        (
            br#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"srv__t","arguments":[]}}"#,
            -32602,
            json!(4),
        ),
    ];
    for (raw, expected, id) in cases {
        client.raw(raw);
        let (route, message) = client.next().await;
        assert_eq!((code(&message), &message["id"]), (expected, &id), "{}", String::from_utf8_lossy(raw));
        assert_eq!(route, if id.is_null() { Route::General } else { related(&id) });
    }
    assert_eq!(world.handler.calls(), 0);
    assert_eq!(client.request(9, "ping", json!({})).await["result"], json!({}));
    // Notifications and stray responses get no response.
    client.send(json!({"jsonrpc":"2.0","method":"no/such"}));
    client.send(json!({"jsonrpc":"2.0","id":1,"result":{}}));
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}));
    client.silence().await;
}

#[tokio::test(start_paused = true)]
async fn each_era_has_its_own_methods() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.one("srv");
    for method in ["tools/list", "server/discover", "resources/subscribe", "no/such"] {
        assert_eq!(code(&client.request(1, method, json!({})).await), -32602, "{method} without a handshake");
    }
    for method in
        ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "tasks/result"]
    {
        assert_eq!(code(&client.request(1, method, modern(json!({}), json!({}))).await), -32601, "{method}");
    }
    client.handshake(json!({})).await;
    for method in ["server/discover", "subscriptions/listen", "tasks/update", "tasks/list"] {
        assert_eq!(code(&client.request(1, method, json!({})).await), -32601, "{method}");
    }
    assert_eq!(code(&client.request(1, "initialize", json!({"protocolVersion":"2025-11-25"})).await), -32600);
}

#[tokio::test(start_paused = true)]
async fn modern_requests_must_describe_their_client() {
    let world = World::new(vec![("srv", Server::default())]);
    let mut client = world.one("srv");
    let mut no_capabilities = meta(json!({}));
    no_capabilities.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientCapabilities");
    let mut no_version = meta(json!({}));
    no_version.as_object_mut().unwrap().remove("io.modelcontextprotocol/protocolVersion");
    let mut bad_level = meta(json!({}));
    bad_level["io.modelcontextprotocol/logLevel"] = json!("loud");
    for broken in [
        json!({"_meta": no_capabilities}),
        json!({"_meta": no_version}),
        json!({}),
        json!({"_meta": 1}),
        json!({"_meta": bad_level}),
    ] {
        assert_eq!(code(&client.request(1, "server/discover", broken.clone()).await), -32602, "{broken}");
    }
    let mut nameless = meta(json!({}));
    nameless.as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    assert_eq!(
        client.request(1, "server/discover", json!({"_meta": nameless})).await["result"]["resultType"],
        "complete"
    );
    let mut future = meta(json!({}));
    future["io.modelcontextprotocol/protocolVersion"] = json!("v999.0.0");
    let answer = client.request(2, "server/discover", json!({"_meta": future})).await;
    assert_eq!(code(&answer), -32022);
    assert_eq!(answer["error"]["data"]["requested"], "v999.0.0");
    assert_eq!(answer["error"]["data"]["supported"][0], "2026-07-28");
}

#[tokio::test(start_paused = true)]
async fn an_id_in_use_is_refused_and_free_again_with_its_response() {
    let slow = doing(|request, _| async move {
        tokio::select! {
            () = request.cancel.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
        result(&json!({"content":[]}))
    });
    let world = World::new(vec![("srv", Server { handler: slow, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask("a", "tools/call", json!({"name":"srv__echo"}));
    assert_eq!(code(&client.request("a", "ping", json!({})).await), -32600);
    let (_, first) = client.next().await;
    assert_eq!(first["result"], json!({"content":[]}));
    assert_eq!(client.request("a", "ping", json!({})).await["result"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused_with_a_reason_and_others_continue() {
    let never = doing(|request, _| async move {
        request.cancel.cancelled().await;
        result(&json!({}))
    });
    let world =
        World::with(vec![("srv", Server { handler: never, ..Server::default() })], |config| config.in_flight = 3);
    let mut client = world.legacy(View::All, json!({})).await;
    for id in 0..3 {
        client.ask(id, "tools/call", json!({"name":"srv__echo"}));
    }
    let refused = client.request(3, "ping", json!({})).await;
    assert_eq!((code(&refused), &refused["error"]["data"]["reason"]), (-31999, &json!("too_many_requests")));
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}));
    assert_eq!(client.request(3, "ping", json!({})).await["result"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_gets_the_cancellation_and_no_response_but_runs_to_its_end() {
    let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let handler = doing(move |request, _| {
        let sender = sender.clone();
        async move {
            request.cancel.cancelled().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            sender.send(()).unwrap();
            result(&json!({"content":[]}))
        }
    });
    let world = World::new(vec![("srv", Server { handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    client.ask(1, "tools/call", json!({"name":"srv__echo"}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    client.send(json!({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"x"}}));
    ended.recv().await.unwrap();
    // The same by a closed stream, then by a closed connection.
    client.ask(2, "tools/call", json!({"name":"srv__echo"}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    client.connection.cancel(&briefcase_mcp::RequestId::number(2));
    ended.recv().await.unwrap();
    client.silence().await;
    client.ask(3, "tools/call", json!({"name":"srv__echo"}));
    tokio::time::sleep(Duration::from_millis(10)).await;
    client.connection.close();
    ended.recv().await.unwrap();
    client.silence().await;
    world.mcp_server.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_handler_costs_one_response_only() {
    let handler = doing(|_, _| async { panic!("a bug in the test's core") });
    let world = World::new(vec![("srv", Server { handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    let answer = client.request(1, "tools/call", json!({"name":"srv__echo"})).await;
    assert_eq!(answer["result"]["structuredContent"]["code"], "unavailable");
    assert_eq!(client.request(1, "ping", json!({})).await["result"], json!({}));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The connection still answers after any messages.
    #[test]
    fn no_sequence_of_messages_breaks_a_connection(
        messages in prop::collection::vec(
            prop_oneof![
                ".{0,60}".prop_map(String::into_bytes),
                ("[0-9]{1,2}", prop::sample::select(METHODS.to_vec()), prop::sample::select(PARAMS.to_vec())).prop_map(
                    |(id, method, params)| {
                        let id = id.trim_start_matches('0');
                        let id = if id.is_empty() { "0" } else { id };
                        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#).into_bytes()
                    }
                ),
                prop::sample::select(METHODS.to_vec())
                    .prop_map(|method| format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#).into_bytes()),
            ],
            0..20,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new(vec![("srv", Server::default())]);
            let mut client = world.open("alice", View::All);
            for message in &messages {
                client.raw(message);
            }
            client.drain().await;
            client.send(json!({"jsonrpc":"2.0","id":"end","method":"ping"}));
            let (_, answer) = client.next().await;
            assert_eq!(answer["id"], "end");
        });
    }
}

const METHODS: [&str; 14] = [
    "initialize",
    "ping",
    "tools/list",
    "tools/call",
    "resources/read",
    "resources/list",
    "prompts/get",
    "logging/setLevel",
    "completion/complete",
    "resources/subscribe",
    "subscriptions/listen",
    "tasks/get",
    "server/discover",
    "notifications/initialized",
];

const PARAMS: [&str; 8] = [
    "{}",
    r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{}}"#,
    r#"{"name":"srv__echo","arguments":{"a":1}}"#,
    r#"{"uri":"srv+a://b","name":"srv__p","level":"info"}"#,
    r#"{"ref":{"type":"ref/prompt","name":"srv__p"},"argument":{"name":"a","value":""},"taskId":"x"}"#,
    r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},"notifications":{"toolsListChanged":true}}"#,
    r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},"name":"srv__echo","requestState":"x"}"#,
    r#"{"_meta":{"progressToken":1},"name":"srv__echo","arguments":{}}"#,
];
