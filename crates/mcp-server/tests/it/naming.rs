//! Calls reach the server that their name has, with the client's members, and return under the names of the view.

use briefcase_mcp_server::View;
use briefcase_ports::{FollowUp, Operation};
use serde_json::json;

use crate::world::{Server, World, answering, answering_raw, failing, modern};

fn world() -> World {
    World::new(vec![("a", Server::default()), ("ab", Server::default())])
}

#[tokio::test(start_paused = true)]
async fn a_call_reaches_the_server_named_before_the_first_separator() {
    let world = world();
    let mut client = world.legacy(View::All, json!({})).await;
    for (name, server, tool) in [("a__b__c", "a", "b__c"), ("ab__c", "ab", "c"), ("a___", "a", "_")] {
        client.request(1, "tools/call", json!({"name":name,"arguments":{"x":1}})).await;
        let seen = world.handler.last();
        let expected = Operation::CallTool { tool: tool.parse().unwrap(), arguments: r#"{"x":1}"#.into() };
        assert_eq!((seen.server.as_str(), seen.operation), (server, expected), "{name}");
    }
    let calls = world.handler.calls();
    for name in [
        "c",
        "b__c",
        "A__c",
        "a_c",
        "a__",
        "a__c d",
        "a\u{200b}__c",
        "\u{430}__c",
        "a__b\u{430}",
        "liar__c",
        "__c",
        "a-__c",
    ] {
        let answer = client.request(1, "tools/call", json!({"name":name})).await;
        let refusal = &answer["result"]["structuredContent"];
        assert_eq!((&refusal["reason"], &refusal["receipt"]), (&json!("unknown_name"), &json!("r99")), "{name}");
    }
    assert_eq!(world.handler.calls(), calls);
    assert_eq!(world.handler.refused.lock().unwrap().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_request_is_split_by_its_name() {
    let world = world();
    let mut client = world.legacy(View::All, json!({})).await;
    client.request(1, "resources/read", json!({"uri":"a+git+ssh://x"})).await;
    assert_eq!(world.handler.last().operation, Operation::ReadResource { uri: "git+ssh://x".into() });
    client.request(1, "prompts/get", json!({"name":"ab__p","arguments":{"q":"1"}})).await;
    let prompt = Operation::GetPrompt { name: "p".into(), arguments: r#"{"q":"1"}"#.into() };
    assert_eq!((world.handler.last().server.as_str(), world.handler.last().operation), ("ab", prompt));
    let params =
        json!({"ref":{"type":"ref/prompt","name":"ab__p"},"argument":{"name":"x","value":"y"},"_meta":{"k":1}});
    client.request(1, "completion/complete", params).await;
    let Operation::Complete { params } = world.handler.last().operation else { panic!() };
    let params: serde_json::Value = serde_json::from_slice(&params).unwrap();
    assert_eq!(params, json!({"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"x","value":"y"}}));
    let params = json!({"ref":{"type":"ref/resource","uri":"a+demo://{id}"},"argument":{"name":"x","value":"y"}});
    client.request(1, "completion/complete", params).await;
    let Operation::Complete { params } = world.handler.last().operation else { panic!() };
    assert!(String::from_utf8_lossy(&params).contains(r#""uri":"demo://{id}""#));
    client.request(1, "resources/subscribe", json!({"uri":"a+demo://x"})).await;
    let subscribe = Operation::FollowUp { method: FollowUp::Subscribe, params: r#"{"uri":"demo://x"}"#.into() };
    assert_eq!(world.handler.last().operation, subscribe);
    let answer = client.request(1, "resources/read", json!({"uri":"demo://x"})).await;
    assert_eq!((&answer["error"]["code"], &answer["error"]["data"]["receipt"]), (&json!(-32602), &json!("r99")));
    let answer = client.request(1, "completion/complete", json!({"ref":{"type":"ref/other"}})).await;
    assert_eq!(answer["error"]["code"], -32602);
}

#[tokio::test(start_paused = true)]
async fn a_single_view_has_bare_names_and_no_other_server() {
    let world = world();
    let mut client = world.legacy(View::One("a".parse().unwrap()), json!({})).await;
    client.request(1, "tools/call", json!({"name":"ab__c"})).await;
    let seen = world.handler.last();
    let expected = Operation::CallTool { tool: "ab__c".parse().unwrap(), arguments: "{}".into() };
    assert_eq!((seen.server.as_str(), seen.operation), ("a", expected));
    client.request(1, "resources/read", json!({"uri":"ab+demo://x"})).await;
    assert_eq!(world.handler.last().operation, Operation::ReadResource { uri: "ab+demo://x".into() });
}

#[tokio::test(start_paused = true)]
async fn unknown_members_and_their_order_survive_both_ways() {
    const RAW: &str =
        r#"{"zeta":1.10, "content":[{"type":"future","n":1e3}],"_meta":{"k":{"b":1,"a":2}},"isError":false}"#;
    let world = World::new(vec![("srv", Server { handler: answering_raw(RAW), ..Server::default() })]);
    for view in [View::All, View::One("srv".parse().unwrap())] {
        let name = if view == View::All { "srv__t" } else { "t" };
        let mut client = world.legacy(view, json!({})).await;
        let meta = json!({"vendor/key":{"z":1,"a":2},"traceparent":"00-x"});
        client.ask(1, "tools/call", json!({"name":name,"_meta":meta,"future":true}));
        assert_eq!(client.next_raw().await.1, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{RAW}}}"#));
        assert_eq!(world.handler.last().meta, Some(meta));
    }
}

#[tokio::test(start_paused = true)]
async fn links_in_results_have_the_views_uris() {
    let content = json!([{"type":"resource_link","uri":"demo://x","name":"x"},{"type":"resource","resource":{"uri":"demo://y","text":""}}]);
    let world =
        World::new(vec![("srv", Server { handler: answering(json!({"content":content})), ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    let answer = client.request(1, "tools/call", json!({"name":"srv__t"})).await;
    assert_eq!(answer["result"]["content"][0]["uri"], "srv+demo://x");
    assert_eq!(answer["result"]["content"][1]["resource"]["uri"], "srv+demo://y");
}

#[tokio::test(start_paused = true)]
async fn a_servers_error_is_passed_on() {
    let handler = failing(-32002, "Resource not found", Some(json!({"uri":"demo://x"})));
    let world = World::new(vec![("srv", Server { handler, ..Server::default() })]);
    let mut client = world.legacy(View::All, json!({})).await;
    let legacy = client.request(1, "resources/read", json!({"uri":"srv+demo://x"})).await;
    assert_eq!(legacy["error"], json!({"code":-32002,"message":"Resource not found","data":{"uri":"srv+demo://x"}}));
    let mut bare = world.one("srv");
    let modern = bare.request(1, "resources/read", modern(json!({"uri":"demo://x"}), json!({}))).await;
    assert_eq!(modern["error"], json!({"code":-32602,"message":"Resource not found","data":{"uri":"demo://x"}}));
}

#[tokio::test(start_paused = true)]
async fn mirrored_headers_must_equal_the_body() {
    let tool = r#"{"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}"#;
    let world = World::new(vec![("srv", Server { tools: vec![tool.into()], ..Server::default() })]);
    let mut client = world.one("srv");
    let call = |arguments| {
        let params = modern(json!({"name":"sql","arguments":arguments}), json!({}));
        json!({"jsonrpc":"2.0","id":1,"method":"tools/call","params":params})
    };
    for (arguments, headers) in [
        (json!({"region":"eu"}), "{}"),
        (json!({"region":"eu"}), r#"{"region":"us"}"#),
        (json!({"region":"eu"}), r#"{"region":"=?base64?ZXU?="}"#),
        (json!({}), r#"{"region":"eu"}"#),
    ] {
        client.with_headers(call(arguments), headers);
        assert_eq!(client.next().await.1["error"]["code"], -32020, "{headers}");
    }
    assert_eq!(world.handler.calls(), 0);
    client.with_headers(call(json!({"region":"eu"})), r#"{"region":"eu"}"#);
    assert_eq!(client.next().await.1["result"]["resultType"], "complete");
    // Without HTTP there is nothing to compare.
    client.send(call(json!({"region":"eu"})));
    assert_eq!(client.next().await.1["result"]["resultType"], "complete");
}
