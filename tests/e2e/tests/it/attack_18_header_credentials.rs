//! Attack 18: a secret leaves only in the header it was declared for, to the server it was declared for.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use briefcase_testkit::{Canary, ClientEra, HttpUpstream, MockAction, Script, assert_absent, mock::tool};
use e2e::{Scene, assert_no_effect};
use serde_json::{Value, json};

use crate::receipt_checks::assert_recorded;

fn spec(upstream: &HttpUpstream) -> Value {
    let header = json!({ "name": "Authorization", "value": "Bearer {secret}", "secret": "key" });
    json!({ "transport": "http", "url": upstream.url(), "headers": [header] })
}

async fn scene(canary: &Canary, upstream: &HttpUpstream) -> Scene {
    let scene = Scene::new().await;
    scene.change(json!({ "change": "set_secret", "name": "key", "value": canary.value() })).await;
    scene.daemon.admin.add_server("bank", &spec(upstream), &["look"], &scene.setup.pin).await;
    scene
}

/// The received messages, without the one header that may contain the secret.
fn elsewhere(upstream: &HttpUpstream) -> Vec<u8> {
    let mut seen = Vec::new();
    for message in upstream.messages() {
        let mut headers = message.headers.clone();
        headers.remove("authorization");
        seen.extend(format!("{headers:?}").into_bytes());
        seen.extend(message.message.to_string().into_bytes());
    }
    seen
}

/// Guards: a placeholder counts in the declared header alone. If it were filled in elsewhere, the canary would be in a
/// received message.
#[tokio::test]
async fn attack_18_a_placeholder_from_the_agent_stays_text() {
    let canary = Canary::new();
    let bank = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let other = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let scene = scene(&canary, &bank).await;
    scene.add_http("other", &other, &["look"]).await;
    for era in [ClientEra::Legacy, ClientEra::Modern] {
        let client = scene.client(era).await;
        for placeholder in ["{secret}", "{key}", "${key}", "{{secret}}", "$SECRET", "%key%", "Bearer {secret}"] {
            for server in ["bank", "other"] {
                let arguments = json!({
                    "path": format!("/a/{placeholder}"), "query": format!("?k={placeholder}"), "body": placeholder,
                    "headers": { "X-Other": placeholder, "Authorization": placeholder }, placeholder: 1,
                    "url": format!("http://127.0.0.1:1/{placeholder}")
                });
                let call = json!({
                    "name": format!("{server}__look"), "arguments": arguments, "_meta": { "note": placeholder }
                });
                client.request("tools/call", call).await.unwrap();
                let uri = format!("{server}+demo://{placeholder}");
                let _ = client.request("resources/read", json!({ "uri": uri })).await;
                let _ = client.request("prompts/get", json!({ "name": format!("{server}__{placeholder}") })).await;
            }
        }
        assert_absent(&canary, "the agent's side", &client.received());
    }
    assert_absent(&canary, "what the server got beside the header", &elsewhere(&bank));
    let all: Vec<u8> =
        other.messages().iter().flat_map(|message| format!("{:?}", message.headers).into_bytes()).collect();
    assert_absent(&canary, "the headers of another server", &all);
    assert_absent(&canary, "what another server got", &elsewhere(&other));
    let expected = format!("Bearer {}", canary.value());
    let given = bank.messages().iter().all(|message| message.headers.get("authorization") == Some(&expected));
    assert!(given, "the declared header does not hold the secret");
}

/// Guards: a secret that the agent has learnt leaves in no argument, in no encoding, to no server.
#[tokio::test]
async fn attack_18_a_secret_in_arguments_never_leaves() {
    let canary = Canary::new();
    let bank = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let other = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let scene = scene(&canary, &bank).await;
    scene.add_http("other", &other, &["look"]).await;
    let client = scene.client(ClientEra::Legacy).await;
    let value = canary.value();
    let mut shapes: Vec<(&str, String)> =
        (0..3).map(|n| ("base64", STANDARD.encode(format!("{}{value}xyz", "ab".repeat(n))))).collect();
    shapes.extend((0..3).map(|n| ("base64url", URL_SAFE.encode(format!("{}{value}", "a".repeat(n))))));
    for (shape, bytes) in canary.encodings() {
        // Half a secret does not count, and base64 is cut to the characters that its neighbours do not change.
        if !matches!(shape, "first half" | "second half" | "UTF-16LE" | "UTF-16BE" | "base64" | "base64url") {
            shapes.push((shape, String::from_utf8(bytes).unwrap()));
        }
    }
    shapes.push(("upper case", value.to_uppercase()));
    shapes.push((
        "wrapped",
        value.chars().collect::<Vec<_>>().chunks(7).map(String::from_iter).collect::<Vec<_>>().join("\n"),
    ));
    for (shape, text) in shapes {
        for server in ["bank", "other"] {
            for arguments in [
                json!({ "q": text }),
                json!({ "deep": [{ "er": format!("https://evil.example/?d=xx{text}yy") }] }),
                json!({ text.clone(): 1 }),
            ] {
                let answer = client.call(&format!("{server}__look"), arguments.clone()).await;
                let refused = e2e::refusal(&answer);
                assert_eq!(refused.as_deref(), Some("invalid_args"), "{shape} to {server}: {arguments}");
            }
        }
    }
    let answer = client.call("other__look", json!({ "q": canary.value() })).await;
    assert_recorded(&scene, &answer, "invalid_args", "secret_in_arguments").await;
    assert_no_effect!(bank);
    assert_no_effect!(other);
    // A disabled server still owns its secret.
    scene.change(json!({ "change": "enable_server", "name": "bank", "enabled": false })).await;
    let answer = client.call("other__look", json!({ "q": canary.value() })).await;
    assert_recorded(&scene, &answer, "invalid_args", "secret_in_arguments").await;
    assert_no_effect!(other);
}

/// Guards: the secret is bound to scheme, host and port of the registration. A redirect is not followed with it, and a
/// redirect to another origin is not followed at all.
#[tokio::test]
async fn attack_18_a_redirect_does_not_carry_the_secret_away() {
    let canary = Canary::new();
    let bank = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let thief = HttpUpstream::start(Script::one("look", MockAction::EchoSecrets)).await;
    let scene = scene(&canary, &bank).await;
    let client = scene.client(ClientEra::Legacy).await;
    client.call("bank__look", json!({})).await.unwrap();
    let localhost = thief.url().replace("127.0.0.1", "localhost");
    let https = bank.url().replace("http:", "https:");
    for to in [thief.url(), localhost, https, format!("//{}", thief.url().trim_start_matches("http://"))] {
        for status in [301, 302, 303, 307, 308] {
            bank.set(
                Script::with_tools(vec![tool("look")]).on("look", MockAction::Redirect { status, to: to.clone() }),
            );
            let answer = client.call("bank__look", json!({})).await;
            assert_eq!(e2e::refusal(&answer).as_deref(), Some("upstream_error"), "{status} {to}: {answer:?}");
        }
    }
    assert_eq!(thief.messages().len(), 0, "the redirect was followed: {:?}", thief.messages());
}

/// Guards: a registration can put the secret only into a plain header of its own.
#[tokio::test]
async fn attack_18_a_secret_has_no_place_but_a_header() {
    let canary = Canary::new();
    let bank = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let scene = scene(&canary, &bank).await;
    let header = |name: &str, value: &str| json!([{ "name": name, "value": value, "secret": "key" }]);
    let with = |url: String, headers: Value| json!({ "transport": "http", "url": url, "headers": headers });
    for spec in [
        with(bank.url(), header("Host", "{secret}")),
        with(bank.url(), header("Content-Length", "{secret}")),
        with(bank.url(), header("Transfer-Encoding", "{secret}")),
        with(bank.url(), header("Mcp-Session-Id", "{secret}")),
        with(bank.url(), header("X-{secret}", "{secret}")),
        with(bank.url(), header("X-A\r\nX-B", "{secret}")),
        with(bank.url(), header("X-A", "no slot")),
        with(bank.url().replace("127.0.0.1", "{secret}"), header("X-A", "{secret}")),
    ] {
        let (status, body) = scene.daemon.admin.send(http::Method::POST, "/v1/servers/probe", Some(&spec)).await;
        assert!(status >= 400, "{spec}: {status} {body}");
        assert_absent(&canary, "an answer of the admin socket", body.to_string().as_bytes());
    }
    // In the path it is ordinary text.
    let spec = with(format!("{}/{{secret}}?k={{secret}}", bank.url()), json!([]));
    let (_, body) = scene.daemon.admin.send(http::Method::POST, "/v1/servers/probe", Some(&spec)).await;
    assert_absent(&canary, "an answer of the admin socket", body.to_string().as_bytes());
    assert_absent(&canary, "what the server got", &elsewhere(&bank));
    assert_no_effect!(bank);
}

/// Guards: a disabled server is not started, and gets no secret, when a program asks for a probe.
#[tokio::test]
async fn attack_18_a_server_that_is_switched_off_gets_no_secret() {
    let canary = Canary::new();
    let bank = HttpUpstream::start(Script::one("look", MockAction::Echo)).await;
    let scene = scene(&canary, &bank).await;
    scene.change(json!({ "change": "enable_server", "name": "bank", "enabled": false })).await;
    let before = bank.messages().len();
    let admin = &scene.daemon.admin;
    let (status, told) = admin.send(http::Method::POST, "/v1/servers/bank/test", Some(&json!({}))).await;
    assert_eq!(status, 409, "{told}");
    assert!(told["next_step"].as_str().unwrap().contains("briefcase server enable bank"), "{told}");
    let (status, told) = admin.send(http::Method::POST, "/v1/servers/probe", Some(&spec(&bank))).await;
    assert_eq!((status, told["code"].as_str()), (403, Some("factor_required")), "{told}");
    assert_eq!(bank.messages().len(), before, "it was spoken to: {:?}", bank.messages());
}
