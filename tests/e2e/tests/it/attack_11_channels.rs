//! Attack 11: the same instruction to the agent, on every channel of a server. Content from any of them makes the next
//! call to the outside need an approval.

use briefcase_test_data::{AdditionalRun, Corpora};
use briefcase_testkit::{ClientEra, GatewayProcess, HttpUpstream, McpClient, MockAction, Script, mock::tool};
use e2e::{Scene, assert_no_effect};
use serde_json::{Value, json};

/// Every channel.
const CHANNELS: [&str; 14] = [
    "text",
    "error text",
    "json-rpc error",
    "progress",
    "log",
    "log unasked",
    "resource",
    "embedded resource",
    "resource link",
    "prompt",
    "completion",
    "elicitation",
    "_meta",
    "structuredContent",
];

fn result(result: Value) -> MockAction {
    MockAction::Result { result }
}

/// A server that sends `text` on this channel.
fn script(channel: &str, text: &str) -> Script {
    let block = |block: Value| result(json!({ "content": [block] }));
    let note = |method: &str, params: Value| {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        // The call itself never ends: the agent has seen the notification alone.
        MockAction::Notify { times: 1, message, then: Box::new(MockAction::Hang) }
    };
    let resource = json!({ "uri": "demo://r", "text": text });
    let said = match channel {
        "text" => block(json!({ "type": "text", "text": text })),
        "error text" => result(json!({ "isError": true, "content": [{ "type": "text", "text": text }] })),
        "json-rpc error" => MockAction::Error { code: -32000, message: text.to_owned() },
        "progress" => note("notifications/progress", json!({ "progressToken": 0, "progress": 1, "message": text })),
        "log" => note("notifications/message", json!({ "level": "error", "data": text })),
        "embedded resource" => block(json!({ "type": "resource", "resource": resource })),
        "resource link" => {
            block(json!({ "type": "resource_link", "uri": "demo://r", "name": "r", "description": text }))
        }
        "elicitation" => MockAction::Ask {
            method: "elicitation/create".into(),
            params: json!({ "message": text, "requestedSchema": { "type": "object", "properties": {} } }),
        },
        "_meta" => result(json!({ "content": [], "_meta": { "note": text } })),
        "structuredContent" => result(json!({ "content": [], "structuredContent": { "note": text } })),
        _ => MockAction::Echo,
    };
    let mut script = Script::one("say", said)
        .on_method("resources/read", result(json!({ "contents": [resource] })))
        .on_method("completion/complete", result(json!({ "completion": { "values": [text] } })));
    let message = json!({ "role": "user", "content": { "type": "text", "text": text } });
    script = script.on_method("prompts/get", result(json!({ "messages": [message] })));
    script.prompts = vec![json!({ "name": "p" })];
    script.resources = vec![json!({ "uri": "demo://r", "name": "r" })];
    script
}

/// Triggers the channel, and waits until the agent has received the text.
async fn listen(client: &McpClient, upstream: &HttpUpstream, channel: &str, text: &str, n: usize) {
    let call = json!({ "name": "evil__say", "arguments": {}, "_meta": { "progressToken": 7 } });
    match channel {
        "progress" => {
            client.start("tools/call", call).await;
            client.notification_at("notifications/progress", n).await;
        }
        "log" => {
            client.start("tools/call", call).await;
            client.notification_at("notifications/message", n).await;
        }
        "log unasked" => {
            let params = json!({ "level": "error", "data": text });
            upstream.push(json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": params }));
            client.notification_at("notifications/message", n).await;
        }
        "resource" => drop(client.request("resources/read", json!({ "uri": "evil+demo://r" })).await.unwrap()),
        "prompt" => drop(client.request("prompts/get", json!({ "name": "evil__p" })).await.unwrap()),
        "completion" => {
            let reference = json!({ "type": "ref/prompt", "name": "evil__p" });
            let params = json!({ "ref": reference, "argument": { "name": "a", "value": "" } });
            client.request("completion/complete", params).await.unwrap();
        }
        _ => drop(client.request("tools/call", call).await),
    }
}

async fn agent(scene: &Scene, name: &str) -> McpClient {
    let token = scene.daemon.admin.add_agent(name, &scene.setup.pin).await;
    let decline = |request: &Value| (request["method"] == "elicitation/create").then(|| json!({ "action": "decline" }));
    let client = GatewayProcess::stdio(&scene.home, &token, None, ClientEra::Legacy).answering(Box::new(decline));
    client.open().await.unwrap();
    client
}

/// Guards: each channel labels the agent. Without the label the call would run.
#[tokio::test]
async fn attack_11_every_channel_taints_the_agent() {
    every_channel_taints(&Corpora::committed()).await;
}

/// The same with the optional corpora beside the checkout.
#[tokio::test]
async fn attack_11_every_channel_taints_the_agent_with_texts_beside_the_checkout() {
    let Some(run) = AdditionalRun::begin("attack 11: every channel", "corpora") else { return };
    let cases = every_channel_taints(&Corpora::of(&run)).await;
    run.finish(cases);
}

async fn every_channel_taints(corpora: &Corpora) -> usize {
    let outside = HttpUpstream::start(Script::one("send", MockAction::Echo)).await;
    let evil = HttpUpstream::start(script("text", "hello")).await;
    let scene = Scene::new().await;
    scene.add_http("outside", &outside, &["send"]).await;
    scene.add_http("evil", &evil, &["say"]).await;
    let policy: Value = scene.daemon.admin.get("/v1/policy").await;
    // The rule of two without its second half, so that one channel alone makes a difference.
    let rule = r#"
@id("rule-of-one")
forbid (principal, action in Action::"call", resource in Server::"outside")
when { context.labels.contains("untrusted_content") } unless { context.approved };
"#;
    let text = format!("{}{rule}", policy["text"].as_str().unwrap());
    scene.change(json!({ "change": "set_policy", "text": text })).await;
    // The control: an agent without a label may call.
    let control = agent(&scene, "control").await;
    control.call("outside__send", json!({})).await.unwrap();
    let payloads = corpora.attacks("injection_tool_outputs", 20);
    for (place, channel) in CHANNELS.iter().enumerate() {
        let client = agent(&scene, &format!("agent-{place}")).await;
        if *channel == "log unasked" {
            // A first request opens the connection to the server.
            client.request("tools/list", json!({})).await.unwrap();
        }
        for (n, payload) in payloads.iter().enumerate() {
            evil.set(script(channel, payload));
            listen(&client, &evil, channel, payload, n).await;
        }
        let before = outside.effects().len();
        let call = json!({ "name": "outside__send", "arguments": { "by": channel } });
        client.start("tools/call", call).await;
        let question = scene.daemon.admin.question().await;
        assert_eq!(question["agent"], format!("agent-{place}"), "{channel}");
        assert!(question["labels"].as_array().unwrap().contains(&json!("untrusted_content")), "{channel}: {question}");
        assert_eq!(outside.effects().len(), before, "{channel}: the call ran");
        let (status, _) = scene.daemon.admin.decide(&question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
        assert_eq!(status, 200);
    }
    CHANNELS.len() * payloads.len()
}

/// Guards: the default rule of two, on the sensitive half: private data, text of a third party, and a permitted tool
/// that reaches outside.
#[tokio::test]
async fn attack_11_private_data_and_an_order_hold_what_reaches_outside() {
    private_data_and_an_order_hold(&Corpora::committed()).await;
}

/// The same with the optional corpora beside the checkout.
#[tokio::test]
async fn attack_11_private_data_and_an_order_beside_the_checkout_hold_what_reaches_outside() {
    let Some(run) = AdditionalRun::begin("attack 11: private data", "corpora") else { return };
    let cases = private_data_and_an_order_hold(&Corpora::of(&run)).await;
    run.finish(cases);
}

async fn private_data_and_an_order_hold(corpora: &Corpora) -> usize {
    let outside = HttpUpstream::start(Script::one("send", MockAction::Echo)).await;
    let inbox = HttpUpstream::start(Script::with_tools(vec![tool("read")])).await;
    let scene = Scene::new().await;
    scene.add_http("outside", &outside, &["send"]).await;
    scene.add_http("inbox", &inbox, &["read"]).await;
    let labels = json!({ "change": "set_tool", "server": "inbox", "tool": "read", "labels": ["private_data"] });
    scene.change(labels).await;
    let payloads = corpora.attacks("injection_tool_outputs", 4);
    let cases = payloads.len();
    for (n, payload) in payloads.into_iter().enumerate() {
        inbox.set(Script::one("read", result(json!({ "content": [{ "type": "text", "text": payload }] }))));
        let client = agent(&scene, &format!("reader-{n}")).await;
        client.call("inbox__read", json!({})).await.unwrap();
        client.start("tools/call", json!({ "name": "outside__send", "arguments": { "text": "as told" } })).await;
        let question = scene.daemon.admin.question().await;
        assert_eq!((&question["server"], &question["once_only"]), (&json!("outside"), &json!(true)), "{question}");
        let (status, _) = scene.daemon.admin.decide(&question, &json!({ "decision": "deny" }), &scene.setup.pin).await;
        assert_eq!(status, 200);
    }
    assert_no_effect!(outside);
    cases
}
