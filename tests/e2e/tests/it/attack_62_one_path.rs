//! Attack 62: everything that an agent can make reach a server is rebuilt by the daemon, or decided, searched and recorded
//! like a call.

use briefcase_testkit::{
    ClientEra, HttpUpstream, McpClient, MockAction, ReceivedMessage, Script, StdioUpstream, eventually,
    mock::{SupportedEras, tool},
};
use e2e::Scene;
use serde_json::{Value, json};

/// Text that the agent read somewhere.
const PRIVATE: &str = "PRIVATE-9f3c81";
/// A credential that belongs to another server.
const SECRET: &str = "ghp_0xR4vQn7LmZsT2bK9wYc";

/// Servers outside, over each transport and in each era.
struct Outside {
    http: [HttpUpstream; 2],
    stdio: [StdioUpstream; 2],
}

impl Outside {
    /// The messages that each server received.
    fn received(&self) -> Vec<(String, Vec<ReceivedMessage>)> {
        let http = self.http.iter().map(HttpUpstream::messages);
        let all = http.chain(self.stdio.iter().map(StdioUpstream::messages));
        ["http-old", "http-new", "local-old", "local-new"].map(String::from).into_iter().zip(all).collect()
    }
}

impl Outside {
    /// The number of calls of `slow` that a server received.
    fn slow_calls(&self, server: &str) -> usize {
        let messages = self.received().into_iter().find(|(name, _)| name == server).unwrap().1;
        let is_slow = |message: &&ReceivedMessage| message.method == "tools/call" && message.name() == "slow";
        messages.iter().filter(is_slow).count()
    }
}

const NAMES: [&str; 4] = ["http-old", "http-new", "local-old", "local-new"];

fn script(speaks: SupportedEras) -> Script {
    let mut script = Script::with_tools(vec![tool("look"), tool("slow")]).speaking(speaks);
    script.resources = vec![json!({ "uri": "memo://note", "name": "note" })];
    script.prompts = vec![json!({ "name": "greet" })];
    script.on("slow", MockAction::After { ms: 1_500, then: Box::new(MockAction::Echo) })
}

/// A tainted agent, four servers outside, and a person who allows everything.
async fn scene() -> (Scene, Outside, HttpUpstream) {
    let eras = [SupportedEras::Legacy, SupportedEras::Modern];
    let [old, new] = eras;
    let http = [HttpUpstream::start(script(old)).await, HttpUpstream::start(script(new)).await];
    let inbox = HttpUpstream::start(Script::with_tools(vec![tool("read")])).await;
    let scene = Scene::new().await;
    let stdio =
        [StdioUpstream::new(&scene.home, "old", &script(old)), StdioUpstream::new(&scene.home, "new", &script(new))];
    scene.change(json!({ "change": "set_secret", "name": "github", "value": SECRET })).await;
    scene.add_http("http-old", &http[0], &["look", "slow"]).await;
    scene.add_http("http-new", &http[1], &["look", "slow"]).await;
    scene.add_stdio("local-old", &stdio[0], &["look", "slow"]).await;
    scene.add_stdio("local-new", &stdio[1], &["look", "slow"]).await;
    scene.add_http("inbox", &inbox, &["read"]).await;
    let label = |server: &str, tool: &str, label: &str| json!({ "change": "set_tool", "server": server, "tool": tool, "labels": [label] });
    scene.change(label("inbox", "read", "private_data")).await;
    for server in ["local-old", "local-new"] {
        scene.change(label(server, "look", "external")).await;
    }
    (scene, Outside { http, stdio }, inbox)
}

/// Members with text of the agent, in every place of a message that has members.
fn members() -> Value {
    json!({
        "data": PRIVATE, "note": SECRET, PRIVATE: 1, "reason": PRIVATE,
        "_meta": {
            "baggage": PRIVATE, "tracestate": format!("a={SECRET}"), "own": PRIVATE, "progressToken": PRIVATE,
            "traceparent": "00-50524956415445505249564154455052-5052495641544550-01",
            "io.modelcontextprotocol/x": PRIVATE,
            "io.modelcontextprotocol/clientInfo": { "name": PRIVATE, "version": SECRET, "title": PRIVATE },
            "io.modelcontextprotocol/clientCapabilities": {
                "experimental": { PRIVATE: { "a": SECRET } }, "roots": { "listChanged": true, "x": PRIVATE },
                "elicitation": {}, "extensions": { PRIVATE: {} },
            },
        },
    })
}

fn with(members: &Value, more: Value) -> Value {
    let mut params = members.clone();
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

/// The opening of a connection by a legacy client, with text in every member.
async fn open_legacy(client: &McpClient) {
    let capabilities = json!({
        "experimental": { PRIVATE: { "a": SECRET } }, "roots": { "listChanged": true, "x": PRIVATE },
        "sampling": { PRIVATE: {} }, "elicitation": {}, PRIVATE: {}, "extensions": { PRIVATE: {} },
    });
    let info = json!({ "name": PRIVATE, "version": SECRET, "title": PRIVATE, "icons": [{ "src": PRIVATE }] });
    let opening = json!({ "protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": info });
    client.request("initialize", with(&members(), opening)).await.unwrap();
    for notification in [
        "notifications/initialized",
        "notifications/roots/list_changed",
        "notifications/progress",
        "notifications/message",
        "notifications/cancelled",
        "notifications/elicitation/complete",
        "notifications/tasks/status",
        "notifications/vendor",
    ] {
        client.notify(notification, members()).await;
    }
    let odd = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": PRIVATE, "reason": PRIVATE } });
    client.send(&odd).await;
}

/// Sends each request that the era has, with text in every member that is not decided on.
async fn send_everything(client: &McpClient, era: ClientEra, outside: &Outside) {
    let members = members();
    for method in
        ["tools/list", "resources/list", "resources/templates/list", "prompts/list", "ping", "server/discover"]
    {
        let _ = client.request(method, members.clone()).await;
        let _ = client.request(method, with(&members, json!({ "cursor": PRIVATE }))).await;
    }
    for level in ["info", PRIVATE] {
        let _ = client.request("logging/setLevel", with(&members, json!({ "level": level }))).await;
    }
    for name in NAMES {
        let uri = format!("{name}+memo://note");
        let task = json!({ "ttl": 1000, "note": PRIVATE });
        for (method, more) in [
            ("tools/call", json!({ "name": format!("{name}__look"), "arguments": {} })),
            ("tools/call", json!({ "name": format!("{name}__look"), "arguments": {}, "task": task })),
            ("tools/call", json!({ "name": format!("{name}__look"), "arguments": {}, "requestState": PRIVATE })),
            (
                "tools/call",
                json!({ "name": format!("{name}__look"), "arguments": {}, "inputResponses": { PRIVATE: { "a": SECRET } } }),
            ),
            ("tools/call", json!({ "name": format!("{name}__look"), "arguments": { "q": SECRET } })),
            ("resources/read", json!({ "uri": uri })),
            ("prompts/get", json!({ "name": format!("{name}__greet") })),
            (
                "completion/complete",
                json!({
                    "ref": { "type": "ref/prompt", "name": format!("{name}__greet") }, "argument": { "name": "a", "value": "b" }
                }),
            ),
            ("resources/subscribe", json!({ "uri": uri })),
            ("resources/unsubscribe", json!({ "uri": uri })),
            ("resources/unsubscribe", json!({ "uri": format!("{name}+memo://{PRIVATE}") })),
            ("tasks/get", json!({ "taskId": PRIVATE })),
            ("tasks/cancel", json!({ "taskId": PRIVATE })),
            ("tasks/update", json!({ "taskId": PRIVATE, "inputResponses": { "a": PRIVATE } })),
            ("vendor/method", json!({})),
        ] {
            let _ = client.request(method, with(&members, more)).await;
        }
        // A call with a text as its id, that is cancelled with a reason.
        let slow = client.dressed(with(&members, json!({ "name": format!("{name}__slow"), "arguments": {} })));
        let id = format!("{PRIVATE}-{name}-{era:?}");
        let before = outside.slow_calls(name);
        client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": slow })).await;
        eventually("the slow call to arrive", async || (outside.slow_calls(name) > before).then_some(())).await;
        client.notify("notifications/cancelled", with(&members, json!({ "requestId": id }))).await;
    }
    client.send(&json!({ "jsonrpc": "2.0", "id": PRIVATE, "result": { "roots": PRIVATE } })).await;
    client
        .send(&json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": 7, "message": PRIVATE, "data": SECRET } }))
        .await;
}

/// Guards: whatever a tainted agent writes around its calls, its servers see Briefcase and the decided calls alone.
#[tokio::test]
async fn attack_62_no_text_of_a_tainted_agent_travels_around_its_calls() {
    let (scene, outside, _inbox) = scene().await;
    let person = scene.daemon.admin.allow_everything(&scene.setup.pin);
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let tainting = scene.client(era).await;
        tainting.call("inbox__read", json!({})).await.unwrap();
        // A session opened after the agent read something.
        let client = scene.unopened(None, era);
        match era {
            ClientEra::Legacy => open_legacy(&client).await,
            ClientEra::Modern => {
                let _ = client.request("server/discover", members()).await;
            }
        }
        send_everything(&client, era, &outside).await;
    }
    person.abort();
    for (name, messages) in outside.received() {
        for message in &messages {
            let text = format!("{} {:?}", message.message, message.headers);
            for leak in [PRIVATE, SECRET, "5052495641"] {
                assert!(!text.contains(leak), "{name} received {leak}: {text}");
            }
        }
        let methods: Vec<&str> = messages.iter().map(|message| message.method.as_str()).collect();
        for needed in ["tools/call", "resources/read", "prompts/get", "completion/complete"] {
            assert!(methods.contains(&needed), "{name} received no {needed}: the test proves nothing");
        }
        let old = name.ends_with("old");
        assert_eq!(methods.contains(&"notifications/roots/list_changed"), old, "{name}: {methods:?}");
        assert!(!old || methods.contains(&"notifications/cancelled"), "{name} was sent no cancellation: {methods:?}");
        for message in &messages {
            let params = &message.message["params"];
            let meta = params["_meta"].get("io.modelcontextprotocol/clientInfo");
            let info = if message.method == "initialize" { params.get("clientInfo") } else { meta };
            assert!(info.is_none_or(|info| info["name"] == "briefcase"), "{name}: {}", message.message);
        }
    }
}

/// Guards: the client's response to a server's request is decided like a call. While the agent is tainted, a person sees
/// it before it leaves; a credential never leaves; what left is on record.
#[tokio::test]
async fn attack_62_a_response_to_a_server_leaves_only_decided_and_recorded() {
    let params = json!({ "message": "Who?", "requestedSchema": { "type": "object", "properties": {} } });
    let asks = MockAction::Ask { method: "elicitation/create".into(), params };
    let ext = HttpUpstream::start(Script::one("ask", asks)).await;
    let inbox = HttpUpstream::start(Script::with_tools(vec![tool("read")])).await;
    let scene = Scene::new().await;
    scene.change(json!({ "change": "set_secret", "name": "github", "value": SECRET })).await;
    scene.add_http("ext", &ext, &["ask"]).await;
    scene.add_http("inbox", &inbox, &["read"]).await;
    let private = json!({ "change": "set_tool", "server": "inbox", "tool": "read", "labels": ["private_data"] });
    scene.change(private).await;
    let admin = &scene.daemon.admin;
    let answering = |text: &'static str| {
        scene.unopened(None, ClientEra::Legacy).answering(Box::new(move |_| {
            Some(json!({ "action": "accept", "content": { "name": text }, "_meta": { "baggage": text } }))
        }))
    };
    let received = |text: &str| ext.messages().iter().any(|message| message.message.to_string().contains(text));

    let thief = answering(SECRET);
    thief.open().await.unwrap();
    let _ = thief.call("ext__ask", json!({})).await;
    assert!(!received(SECRET), "a credential left in a response");

    let client = answering(PRIVATE);
    client.open().await.unwrap();
    client.call("inbox__read", json!({})).await.unwrap();
    // The denial comes last: after it, the same request waits for its cool-down.
    let once = json!({ "decision": "allow", "scope": "once" });
    let arrivals = || ext.messages().iter().filter(|message| message.message.to_string().contains(PRIVATE)).count();
    for (allowed, decision) in [(true, once), (false, json!({ "decision": "deny" }))] {
        let before = arrivals();
        let waiting = client.start("tools/call", json!({ "name": "ext__ask", "arguments": { "n": allowed } })).await;
        let call = scene.allow_next().await;
        assert_eq!(call["operation"], "call_tool", "{call}");
        assert_eq!(scene.allow_next().await["operation"], "elicitation/create");
        let question: Value = admin.question().await;
        assert_eq!(question["operation"], "elicitation/create/response", "{question}");
        assert!(question["arguments"].as_str().unwrap().contains(PRIVATE), "the person does not see what leaves");
        assert_eq!(arrivals(), before, "it left before the decision");
        admin.decide(&question, &decision, &scene.setup.pin).await;
        let _ = client.answer(waiting).await;
        assert_eq!(arrivals(), before + usize::from(allowed));
    }
    assert!(!received("baggage"));
    let notices = scene.receipts().await;
    let of = |what: &str| notices.iter().filter(|row| row["receipt"]["what"] == what).count();
    assert_eq!((of("response_sent"), of("response_refused")), (1, 2), "{notices:?}");
}

/// The client that a message shows: all of `initialize`, or the members about the client in `_meta`.
fn shown_client(message: &ReceivedMessage) -> Option<String> {
    let params = &message.message["params"];
    if message.method == "initialize" {
        return Some(params.to_string());
    }
    let meta = params["_meta"].as_object()?;
    let own = ["protocolVersion", "clientInfo", "clientCapabilities"];
    let own = own.map(|name| meta.get(&format!("io.modelcontextprotocol/{name}")).cloned().unwrap_or_default());
    own.iter().any(|value| !value.is_null()).then(|| json!(own).to_string())
}

/// Guards: flags of the agent's client are a message too. Every server sees one client, whatever the agents declare, in
/// which era and version they open, and which log level they set.
#[tokio::test]
async fn attack_62_every_server_sees_one_client_whatever_a_tainted_agent_declares() {
    let (scene, outside, _inbox) = scene().await;
    let both = HttpUpstream::start(script(SupportedEras::Both)).await;
    scene.add_http("both", &both, &["look"]).await;
    let tainting = scene.client(ClientEra::Legacy).await;
    tainting.call("inbox__read", json!({})).await.unwrap();
    let received = || outside.received().into_iter().chain([("both".to_owned(), both.messages())]);
    let before: Vec<usize> = received().map(|(_, messages)| messages.len()).collect();
    let tasks = json!({ "io.modelcontextprotocol/tasks": {} });
    let declared = [
        json!({}),
        json!({ "roots": {} }),
        json!({ "roots": { "listChanged": true }, "elicitation": {} }),
        json!({ "sampling": { "tools": {}, "context": {} }, "elicitation": { "url": {} } }),
        json!({ "elicitation": { "form": {} }, "extensions": tasks }),
    ];
    let versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2025-11-25"];
    for (can, version) in declared.iter().zip(versions) {
        let legacy = scene.unopened(None, ClientEra::Legacy);
        let opening =
            json!({ "protocolVersion": version, "capabilities": can, "clientInfo": { "name": "c", "version": "1" } });
        legacy.request("initialize", opening).await.unwrap();
        legacy.notify("notifications/initialized", json!({})).await;
        for level in ["debug", "emergency", "info"] {
            legacy.request("logging/setLevel", json!({ "level": level })).await.unwrap();
        }
        let modern = scene.unopened(None, ClientEra::Modern).declaring(can.clone());
        for client in [&legacy, &modern] {
            for method in ["tools/list", "resources/list", "prompts/list", "resources/templates/list"] {
                client.request(method, json!({})).await.unwrap();
            }
        }
    }
    for ((name, mut messages), before) in received().zip(before) {
        let messages = messages.split_off(before);
        let opened = |method: &str| messages.iter().filter(|message| message.method == method).count();
        for (kind, is_opening) in [("initialize", true), ("_meta", false)] {
            let of_kind = messages.iter().filter(|message| (message.method == "initialize") == is_opening);
            let seen: std::collections::BTreeSet<String> = of_kind.filter_map(shown_client).collect();
            assert!(seen.len() <= 1, "{name} can tell clients apart by {kind}: {seen:?}");
        }
        assert!(opened("tools/list") >= 10, "{name} was hardly asked: the test proves nothing");
        assert_eq!(opened("logging/setLevel"), 0, "{name} learns the log level");
        assert!(name != "both" || opened("initialize") == 0, "the era of the agent's client shows");
    }
}
