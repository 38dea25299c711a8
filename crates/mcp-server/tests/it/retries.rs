//! `requestState` of clients: a handle that works once, for its agent and its request (attacks 26 and 39).

use std::time::Duration;

use briefcase_mcp_server::View;
use briefcase_types::Era;
use serde_json::{Value, json};

use crate::world::{Client, Server, World, doing, modern, result};

/// A modern server that requests a name with the state `upstream-state`, and then greets.
fn greeter() -> Server {
    let handler = doing(|request, _| async move {
        let member = |name| request.members.iter().find(|(key, _)| *key == name).map(|(_, raw)| raw.clone());
        match member("inputResponses") {
            Some(raw) if member("requestState").is_none_or(|state| state == r#""upstream-state""#) => {
                let responses: Value = serde_json::from_slice(&raw).unwrap();
                result(
                    &json!({"content":[{"type":"text","text":responses["user"]["content"]["name"]}],"resultType":"complete"}),
                )
            }
            _ => result(&json!({
                "resultType":"input_required","requestState":"upstream-state",
                "inputRequests":{"user":{"method":"elicitation/create","params":{"message":"?","requestedSchema":{}}}},
            })),
        }
    });
    Server { era: Era::Modern, handler, ..Server::default() }
}

fn call(arguments: Value, more: Value) -> Value {
    let mut params =
        modern(json!({"name":"t","arguments":arguments}), json!({"elicitation":{},"sampling":{},"roots":{}}));
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

fn answers() -> Value {
    json!({"user":{"action":"accept","content":{"name":"Ada"}},"extra":{"x":1}})
}

async fn state(client: &mut Client) -> String {
    let answer = client.request(1, "tools/call", call(json!({"a":1,"b":2}), json!({}))).await;
    assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    assert!(!answer.to_string().contains("upstream-state"));
    answer["result"]["requestState"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_retry_continues_the_call_with_the_servers_own_state() {
    let world = World::new(vec![("srv", greeter())]);
    let mut client = world.one("srv");
    let handle = state(&mut client).await;
    assert_eq!(handle.len(), 22);
    let retry = call(json!({"b":2,"a":1}), json!({"requestState":handle,"inputResponses":answers()}));
    let answer = client.request(2, "tools/call", retry).await;
    assert_eq!(answer["result"]["content"][0]["text"], "Ada");
    let seen = world.handler.last();
    assert_eq!(seen.continuation, Some(7));
    assert_eq!(seen.members, json!({"requestState":"upstream-state","inputResponses":answers()}));
    // Input without a state makes a new call, without the input: nobody approved it.
    client.request(3, "tools/call", call(json!({}), json!({"inputResponses":answers()}))).await;
    assert_eq!((world.handler.last().continuation, world.handler.last().members), (None, json!({})));
}

#[tokio::test(start_paused = true)]
async fn a_state_is_unknown_when_spent_tampered_expired_or_used_by_another_agent_or_request() {
    let world = World::new(vec![("srv", greeter()), ("twin", greeter())]);
    let mut client = world.one("srv");
    let mut other = world.open("bob", View::One("srv".parse().unwrap()));
    let mut twin = world.one("twin");
    let handle = state(&mut client).await;
    let unknown = client
        .request(
            2,
            "tools/call",
            call(json!({"a":1,"b":2}), json!({"requestState":"nothing","inputResponses":answers()})),
        )
        .await;
    assert_eq!(unknown["error"]["code"], -32602);
    let calls = world.handler.calls();
    let with =
        |arguments: Value, state: &str| call(arguments, json!({"requestState":state,"inputResponses":answers()}));
    let right = json!({"a":1,"b":2});
    let mut wrong = vec![
        other.request(2, "tools/call", with(right.clone(), &handle)).await,
        twin.request(2, "tools/call", with(right.clone(), &handle)).await,
        client.request(2, "tools/call", with(json!({"a":1,"b":3}), &handle)).await,
        client.request(2, "tools/call", with(right.clone(), &format!("{handle}-TAMPERED"))).await,
        client.request(2, "tools/call", with(right.clone(), "upstream-state")).await,
        client.request(2, "prompts/get", with(right.clone(), &handle)).await,
    ];
    let mut odd = with(right.clone(), &handle);
    odd["requestState"] = json!({"x":handle});
    wrong.push(client.request(2, "tools/call", odd).await);
    for answer in wrong {
        assert_eq!(answer["error"], unknown["error"]);
    }
    assert_eq!(world.handler.calls(), calls);
    assert_eq!(client.request(2, "tools/call", with(right.clone(), &handle)).await["result"]["resultType"], "complete");
    assert_eq!(client.request(2, "tools/call", with(right.clone(), &handle)).await["error"], unknown["error"]);
    let late = state(&mut client).await;
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(client.request(2, "tools/call", with(right, &late)).await["error"], unknown["error"]);
}

#[tokio::test(start_paused = true)]
async fn input_responses_must_be_an_object_of_objects() {
    let world = World::new(vec![("srv", greeter())]);
    let mut client = world.one("srv");
    for bad in [json!(null), json!([]), json!({"user":12345}), json!("x")] {
        let answer = client.request(1, "tools/call", call(json!({}), json!({"inputResponses":bad}))).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}");
    }
    let handle = state(&mut client).await;
    let bad = json!({"requestState":handle,"inputResponses":null});
    client.request(1, "tools/call", call(json!({"a":1,"b":2}), bad)).await;
    // A malformed retry does not spend the state.
    let good = json!({"requestState":handle,"inputResponses":answers()});
    let answer = client.request(1, "tools/call", call(json!({"a":1,"b":2}), good)).await;
    assert_eq!(answer["result"]["resultType"], "complete");
}

#[tokio::test(start_paused = true)]
async fn input_requests_need_a_declared_capability() {
    let world = World::new(vec![("srv", greeter())]);
    let mut client = world.one("srv");
    let answer = client.request(1, "tools/call", modern(json!({"name":"t"}), json!({"sampling":{}}))).await;
    assert_eq!(answer["error"]["code"], -32021);
    assert_eq!(answer["error"]["data"]["requiredCapabilities"], json!({"elicitation":{"form":{}}}));
    let only_url = modern(json!({"name":"t"}), json!({"elicitation":{"url":{}}}));
    assert_eq!(client.request(1, "tools/call", only_url).await["error"]["code"], -32021);
    // A method that cannot carry input requests gets an error.
    let complete = modern(json!({"ref":{"type":"ref/prompt","name":"p"}}), json!({"elicitation":{}}));
    let answer = client.request(1, "completion/complete", complete).await;
    assert_eq!(
        (&answer["error"]["code"], &answer["error"]["data"]["code"]),
        (&json!(-31998), &json!("upstream_error"))
    );
}

#[tokio::test(start_paused = true)]
async fn each_round_has_its_own_state_even_when_the_server_keeps_none() {
    let handler = doing(|request, _| async move {
        match request.members.iter().any(|(name, _)| *name == "inputResponses") {
            false => result(&json!({"resultType":"input_required","inputRequests":{"r":{"method":"roots/list"}}})),
            true => result(&json!({"requestState":"two","resultType":"input_required"})),
        }
    });
    let world = World::new(vec![("srv", Server { era: Era::Modern, handler, ..Server::default() })]);
    let mut client = world.one("srv");
    let first = client.request(1, "tools/call", call(json!({}), json!({}))).await["result"].clone();
    let more = json!({"requestState":first["requestState"],"inputResponses":{"r":{"roots":[]}}});
    let second = client.request(2, "tools/call", call(json!({}), more)).await["result"].clone();
    assert_eq!(world.handler.last().members, json!({"inputResponses":{"r":{"roots":[]}}}));
    assert_ne!(first["requestState"], second["requestState"]);
    assert_ne!(second["requestState"], "two");
    // A state without input requests may be sent back at once.
    client.request(3, "tools/call", call(json!({}), json!({"requestState":second["requestState"]}))).await;
    assert_eq!(world.handler.last().members, json!({"requestState":"two"}));
}
