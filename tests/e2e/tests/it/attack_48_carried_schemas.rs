//! Attack 48 and schemas of the real world: a tool whose schema cannot be checked is carried, asks, and says why.

use briefcase_testkit::{ClientEra, HttpUpstream, MockAction, Script, StdioUpstream};
use e2e::{Scene, assert_no_effect, assert_refused};
use serde_json::{Value, json};

fn tool(name: &str, members: Value) -> Value {
    let mut tool = json!({ "name": name, "description": "d", "inputSchema": { "type": "object" } });
    for (member, value) in members.as_object().unwrap() {
        tool[member] = value.clone();
    }
    tool
}

/// A schema that takes exponential time.
fn bomb() -> Value {
    let mut definitions = json!({ "s0": { "type": "string" } });
    for level in 1..=30 {
        let below = json!({ "$ref": format!("#/$defs/s{}", level - 1) });
        definitions[format!("s{level}")] = json!({ "anyOf": [below, below] });
    }
    json!({ "type": "object", "properties": { "a": { "$ref": "#/$defs/s30" } }, "$defs": definitions })
}

/// Tools as servers of all kinds define them, each with the place that is not checked (empty: all is), and whether the
/// arguments are checked at all.
fn tools() -> Vec<(Value, &'static str, bool)> {
    let input = |schema: Value| json!({ "inputSchema": schema });
    let property = |schema: Value| input(json!({ "type": "object", "properties": { "a": schema } }));
    vec![
        (tool("draft4", property(json!({ "type": "number", "minimum": 0, "exclusiveMinimum": true }))), "", true),
        (tool("tuple", property(json!({ "type": "array", "items": [{}, {}] }))), "", true),
        (
            tool(
                "nulls",
                json!({ "inputSchema": { "type": "object", "required": null }, "outputSchema": null, "annotations": null, "title": null }),
            ),
            "",
            true,
        ),
        (
            tool("lookahead", property(json!({ "type": "string", "pattern": "^(?!\\.)x$" }))),
            "/inputSchema/properties/a/pattern",
            true,
        ),
        (tool("repeats", property(json!({ "pattern": "a{100000}" }))), "/inputSchema/properties/a/pattern", true),
        (
            tool("dangling", property(json!({ "$ref": "#/components/schemas/X" }))),
            "/inputSchema/properties/a/$ref",
            true,
        ),
        (
            tool("remote", property(json!({ "$ref": "https://example.com/s.json" }))),
            "/inputSchema/properties/a/$ref",
            true,
        ),
        (tool("unknown-type", property(json!({ "type": "int" }))), "/inputSchema/properties/a/type", true),
        (
            tool(
                "bad-output",
                json!({ "outputSchema": { "type": "object", "properties": { "x": { "$ref": "#/none" } } } }),
            ),
            "/outputSchema/properties/x/$ref",
            true,
        ),
        (tool("no-schema", input(Value::Null)), "/inputSchema", false),
        (tool("text-schema", input(json!("object"))), "/inputSchema", false),
        (tool("string-args", input(json!({ "type": "string" }))), "/inputSchema/type", false),
        (tool("bomb", input(bomb())), "/inputSchema", false),
        (tool("cycle", input(json!({ "type": "object", "allOf": [{ "$ref": "#" }] }))), "/inputSchema", false),
    ]
}

/// Guards: no schema costs the tool. Each is listed in a form that hosts accept and can be called; one without a check of
/// its arguments always asks, whatever a person, a session or a rule says.
#[tokio::test]
async fn attack_48_tools_with_unusual_schemas_are_carried_and_marked() {
    let all = tools();
    let result = json!({ "content": [], "structuredContent": { "x": [1] } });
    let script = Script::with_tools(all.iter().map(|(tool, ..)| tool.clone()).collect());
    let upstream = HttpUpstream::start(script.on("bad-output", MockAction::Result { result })).await;
    let scene = Scene::new().await;
    let checked: Vec<&str> =
        all.iter().filter(|(_, _, checked)| *checked).map(|(tool, ..)| tool["name"].as_str().unwrap()).collect();
    let probe = scene.add_http("mock", &upstream, &checked).await;
    for ((tool, place, checked), view) in all.iter().zip(probe["tools"].as_array().unwrap()) {
        assert_eq!((&view["name"], &view["state"]), (&tool["name"], &json!("new")));
        assert_eq!(view["unchecked"][0]["path"].as_str().unwrap_or_default(), *place, "{view}");
        assert_eq!(view["always_asks"] == true, !checked, "{view}");
        assert!(place.is_empty() || !view["unchecked"][0]["reason"].as_str().unwrap().is_empty());
    }
    let client = scene.client_of("mock", ClientEra::Legacy).await;
    let listed = client.tools().await;
    assert_eq!(listed.len(), all.len());
    for definition in &listed {
        assert_eq!(definition["inputSchema"]["type"], "object", "hosts accept {definition}");
        let members = definition.as_object().unwrap();
        assert!(members.values().all(|member| !member.is_null()), "{definition}");
        assert!(!definition["inputSchema"].as_object().unwrap().contains_key("required"), "{definition}");
    }
    for (tool, _, checked) in &all {
        let name = tool["name"].as_str().unwrap();
        let before = upstream.effects().len();
        if *checked {
            let arguments = match name {
                "tuple" => json!({ "a": [1, 2] }),
                "draft4" => json!({ "a": 1 }),
                _ => json!({ "a": "x" }),
            };
            client.call(name, arguments).await.unwrap();
        } else {
            let change = json!({ "change": "set_tool", "server": "mock", "tool": name, "class": "read" });
            let (status, body) =
                scene.daemon.admin.send(http::Method::POST, "/v1/changes/preview", Some(&change)).await;
            let message = body["message"].as_str().unwrap();
            assert!(
                (400..500).contains(&status) && message.contains(name) && message.contains("/inputSchema"),
                "{body}"
            );
            let id = client.start("tools/call", json!({ "name": name, "arguments": {} })).await;
            let question = scene.allow_next().await;
            assert_eq!((&question["class"], &question["once_only"]), (&json!("unknown"), &json!(true)));
            client.answer(id).await.unwrap();
        }
        assert_eq!(upstream.effects().len(), before + 1, "{name}");
    }
    let done = upstream.effects().len();
    for (name, arguments) in
        [("draft4", json!({ "a": 0 })), ("lookahead", json!({ "a": 1 })), ("tuple", json!({ "a": "x" }))]
    {
        assert_refused!(client.call(name, arguments).await, "invalid_args");
    }
    assert_eq!(upstream.effects().len(), done);
    // What is partly checked and set by name is said in the preview, so that the person decides knowingly.
    let change = json!({ "change": "set_tool", "server": "mock", "tool": "lookahead", "class": "read" });
    let preview: Value = scene.daemon.admin.post("/v1/changes/preview", &change).await;
    assert!(preview["lines"].to_string().contains("/inputSchema/properties/a/pattern"), "{preview}");
}

/// Guards: a definition that cannot be read in one way stays out, and the reason names place and next step.
#[tokio::test]
async fn a_definition_without_one_reading_is_quarantined_with_its_place() {
    let tools = vec![json!({ "name": "", "inputSchema": {} }), json!({ "name": 7 }), tool("fine", json!({}))];
    let upstream = HttpUpstream::start(Script::with_tools(tools)).await;
    let scene = Scene::new().await;
    let probe = scene.add_http("mock", &upstream, &["fine"]).await;
    let views = probe["tools"].as_array().unwrap();
    let quarantined: Vec<&Value> = views.iter().filter(|view| view["state"] == "quarantined").collect();
    assert_eq!(quarantined.len(), 2, "{views:?}");
    for view in quarantined {
        assert_eq!(view["unchecked"][0]["path"], "/name", "{view}");
        assert!(view["next_step"].is_string(), "{view}");
    }
    assert_eq!(scene.client(ClientEra::Legacy).await.tool_names().await, ["mock__fine"]);
    assert_no_effect!(upstream);
}

/// Guards: a server that changes its text at each start has an exit, which opens for text only, and the text is marked.
#[tokio::test]
async fn a_server_that_changes_its_text_can_be_accepted_as_changing() {
    let scene = Scene::new().await;
    let listed = |text: &str, kind: &str| {
        let property = json!({ "type": kind, "description": format!("one of {text}"), "enum": [text] });
        vec![
            tool(
                "now",
                json!({ "description": format!("It is {text}."), "inputSchema": { "type": "object", "properties": { "a": property } } }),
            ),
            tool("still", json!({})),
        ]
    };
    let upstream = StdioUpstream::new(&scene.home, "mock", &Script::with_tools(listed("one", "string")));
    scene.add_stdio("mock", &upstream, &["now", "still"]).await;
    upstream.set(&Script::with_tools(listed("two", "string")));
    let client = scene.client_of("mock", ClientEra::Legacy).await;
    let answer = client.call("now", json!({})).await;
    assert_refused!(answer.clone(), "tool_changed");
    assert!(format!("{answer:?}").contains("--changing"), "{answer:?}");
    let probe: Value = scene.daemon.admin.post("/v1/servers/mock/test", &json!({})).await;
    let places: Vec<&str> = probe["tools"][0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["path"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["/description", "/inputSchema/properties/a/description", "/inputSchema/properties/a/enum/0"]);
    let accept =
        json!({ "change": "accept_tools", "server": "mock", "probe": probe["digest"], "tools": [], "changing": true });
    let preview: Value = scene.daemon.admin.post("/v1/changes/preview", &accept).await;
    let lines = preview["lines"].to_string();
    for place in ["/description", "/inputSchema/properties/a/description", "/inputSchema/properties/a/enum"] {
        assert!(lines.contains(&format!("tool_varies mock/now {place}")), "{lines}");
    }
    scene.change(accept).await;
    // Any later text passes, through a restart too.
    upstream.set(&Script::with_tools(listed("three\u{200b}", "string")));
    let scene = scene.after_a_crash().await;
    let client = scene.client_of("mock", ClientEra::Legacy).await;
    let tools = client.tools().await;
    let text = tools[0]["description"].as_str().unwrap();
    assert!(
        text.contains("no person has reviewed it") && text.contains("three") && !text.contains('\u{200b}'),
        "{text}"
    );
    client.call("now", json!({})).await.unwrap();
    client.call("still", json!({})).await.unwrap();
    let probe: Value = scene.daemon.admin.post("/v1/servers/mock/test", &json!({})).await;
    assert_eq!((&probe["tools"][0]["state"], &probe["tools"][1]["state"]), (&json!("accepted"), &json!("accepted")));
    assert!(probe["tools"][0]["varying"].to_string().contains("/description"));
    // More than text is a changed tool as before.
    upstream.set(&Script::with_tools(listed("four", "integer")));
    assert_refused!(client.call("now", json!({})).await, "tool_changed");
    client.call("still", json!({})).await.unwrap();
}
