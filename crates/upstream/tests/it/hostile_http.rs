//! HTTP servers that lie, and servers that are old or new. The tests write responses byte by byte.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use briefcase_ports::{ListKind, ServerEvent, Upstreams};
use briefcase_types::Era;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::harness::{Harness, SECRET, eventually, key, outbound};

/// One request as the server received it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Value,
}

impl Seen {
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(prefix.as_str()))
    }

    /// A response with this result.
    pub fn result(&self, result: &str) -> String {
        json_answer(200, &format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.body["id"]))
    }
}

pub fn json_answer(status: u16, body: &str) -> String {
    answer(status, "application/json", body)
}

pub fn answer(status: u16, kind: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The start of an event stream that goes on until the connection ends.
pub fn events(body: &str) -> String {
    format!("HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
}

pub type Record = Arc<Mutex<Vec<Seen>>>;

/// Serves what `answer` writes. An empty answer leaves the connection open; one without a length closes it.
pub async fn serve<F>(answer: F) -> (String, Record)
where
    F: Fn(&Seen) -> String + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (record, answer) = (Record::default(), Arc::new(answer));
    let seen = Arc::clone(&record);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&seen), Arc::clone(&answer)));
        }
    });
    (url, record)
}

async fn connection<F: Fn(&Seen) -> String>(mut stream: TcpStream, record: Record, answer: Arc<F>) {
    while let Some(seen) = read(&mut stream).await {
        record.lock().unwrap().push(seen.clone());
        let text = answer(&seen);
        if text.is_empty() {
            std::future::pending::<()>().await;
        }
        if stream.write_all(text.as_bytes()).await.is_err() || text.contains("connection: close") {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some(Seen { head, body: serde_json::from_slice(&bytes[end..]).unwrap_or_default() })
}

/// A legacy server whose `tools/call` answers are written by `act`.
pub fn legacy(seen: &Seen, act: impl Fn(&Seen) -> String) -> String {
    match seen.method() {
        "initialize" => seen
            .result(r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"resources":{}},"serverInfo":{"name":"x","version":"1"}}"#)
            .replacen("\r\n", "\r\nmcp-session-id: s-1\r\n", 1),
        "notifications/initialized" | "notifications/cancelled" => "HTTP/1.1 202 x\r\ncontent-length: 0\r\n\r\n".into(),
        "" => answer(405, "text/plain", ""),
        "server/discover" => answer(400, "text/plain", "what?"),
        _ => act(seen),
    }
}

async fn harness(act: impl Fn(&Seen) -> String + Send + Sync + 'static) -> (Harness, Record) {
    let (url, record) = serve(move |seen| legacy(seen, &act)).await;
    let harness = Harness::new();
    harness.http("s", &url);
    (harness, record)
}

async fn outcome(act: impl Fn(&Seen) -> String + Send + Sync + 'static) -> &'static str {
    harness(act).await.0.failure(&key("s", Era::Legacy), "t").await
}

#[tokio::test]
async fn each_unusable_response_has_its_reason() {
    assert_eq!(outcome(|_| json_answer(200, r#"{"jsonrpc":"2.0","id":999,"result":{}}"#)).await, "wrong_id");
    assert_eq!(outcome(|seen| seen.result(r#"{"a":1,"a":2}"#)).await, "malformed");
    assert_eq!(outcome(|_| json_answer(200, "[]")).await, "malformed");
    assert_eq!(outcome(|_| answer(200, "text/html", "<p>hello")).await, "content_type");
    assert_eq!(outcome(|_| json_answer(401, "{}")).await, "unauthorized");
    assert_eq!(outcome(|_| json_answer(403, "{}")).await, "forbidden");
    assert_eq!(outcome(|_| json_answer(402, "{}")).await, "payment_required");
    assert_eq!(outcome(|_| json_answer(502, "oops")).await, "server_error");
    assert_eq!(outcome(|_| events("data: {\"jsonrpc\":\"2.0\"\n\n")).await, "malformed");
    assert_eq!(outcome(|_| events(": nothing more\n\n")).await, "unreachable");
}

#[tokio::test]
async fn attack_47_49_compressed_and_oversized_responses_are_rejected() {
    let gzip = |seen: &Seen| seen.result("{}").replacen("\r\n", "\r\ncontent-encoding: gzip\r\n", 1);
    assert_eq!(outcome(gzip).await, "encoded");
    let stacked = |seen: &Seen| seen.result("{}").replacen("\r\n", "\r\ncontent-encoding: identity, br\r\n", 1);
    assert_eq!(outcome(stacked).await, "encoded");
    assert_eq!(outcome(|seen| seen.result(&format!(r#""{}""#, "x".repeat(3 << 20)))).await, "too_large");
    assert_eq!(outcome(|seen| seen.result(&format!(r#""{}""#, "x".repeat(300 << 10)))).await, "too_large");
    assert_eq!(
        outcome(|seen| seen.result(&format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)))).await,
        "malformed"
    );
    assert_eq!(outcome(|_| events(&format!("data: {}", "x".repeat(2 << 20)))).await, "too_large");
}

#[tokio::test]
async fn attack_45_a_redirect_is_not_followed_and_gets_no_credential() {
    for status in [301, 302, 303, 307, 308] {
        let (elsewhere, visited) = serve(|_| json_answer(200, "{}")).await;
        let (harness, record) =
            harness(move |_| format!("HTTP/1.1 {status} x\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n"))
                .await;
        assert_eq!(harness.failure(&key("s", Era::Legacy), "t").await, "redirect", "{status}");
        assert!(visited.lock().unwrap().is_empty(), "nothing went elsewhere");
        let record = record.lock().unwrap();
        let bearer = format!("Bearer {SECRET}");
        assert!(
            record.iter().all(|seen| seen.header("authorization") == Some(&bearer)),
            "every request has the credential"
        );
    }
}

#[tokio::test]
async fn attack_50_slow_and_endless_responses_time_out() {
    async fn fails(act: impl Fn(&Seen) -> String + Send + Sync + 'static, after: Duration) -> &'static str {
        let (harness, _) = harness(act).await;
        let mut request = outbound("tools/call", &json!({"name": "t", "arguments": {}}));
        request.timeout = after;
        harness.pool.send(&key("s", Era::Legacy), request, harness.recorder.clone()).await.unwrap_err().reason()
    }
    let soon = Duration::from_millis(300);
    for slow in [
        "",
        "HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{",
        "HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\n\r\n: hold on\n\n",
    ] {
        assert_eq!(fails(move |_| slow.to_owned(), soon).await, "timeout");
    }
    let storm = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n".repeat(100_000);
    let storm = events(&storm);
    // The flood ends the call, however long its timeout is.
    let never = Duration::from_secs(3600);
    assert!(matches!(fails(move |_| storm.clone(), never).await, "flood" | "too_large"));
}

#[tokio::test]
async fn a_call_is_never_sent_twice_when_the_session_is_gone() {
    let (harness, record) = harness(|seen| match seen.method() {
        "tools/call" if seen.body["params"]["name"] == "gone" => answer(404, "text/plain", ""),
        _ => seen.result("{}"),
    })
    .await;
    let key = key("s", Era::Legacy);
    assert_eq!(harness.failure(&key, "gone").await, "unreachable");
    assert_eq!(harness.call(&key, "fine", json!({})).await.unwrap(), json!({}), "the next call opens a new session");
    let count = |method: &str| record.lock().unwrap().iter().filter(|seen| seen.method() == method).count();
    assert_eq!((count("tools/call"), count("initialize")), (2, 2));
    let session = record.lock().unwrap().iter().filter(|seen| seen.header("mcp-session-id") == Some("s-1")).count();
    assert!(session >= 4, "every message after the first carries the session");
}

/// The shapes in which servers refuse a session that they do not know.
const LOST_SESSION: [(u16, &str, &str); 15] = [
    (404, "text/plain", ""),
    (404, "text/html", "<html>Not Found</html>"),
    (404, "application/json", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#),
    (404, "application/json", r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32001,"message":"Session not found"}}"#),
    (404, "application/json", r#"{"detail":"Not Found"}"#),
    (410, "text/plain", "gone"),
    (400, "application/json", r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"},"id":null}"#),
    (400, "application/json", r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"}}"#),
    (400, "application/json", r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"},"id":ID}"#),
    (
        400,
        "application/json",
        r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"no session"},"id":"server-error"}"#,
    ),
    (400, "text/html", "<html><body>Bad Request</body></html>"),
    (400, "text/plain", "Missing session ID"),
    (401, "application/json", r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"who?"},"id":null}"#),
    (401, "text/plain", ""),
    (200, "application/json", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Unknown session"}}"#),
];

fn lost((status, kind, body): (u16, &str, &str), seen: &Seen) -> String {
    answer(status, kind, &body.replace("ID", &seen.body["id"].to_string()))
}

#[tokio::test]
async fn a_lost_session_is_opened_again_whatever_the_refusal_looks_like() {
    for shape in LOST_SESSION {
        let restarted = Mutex::new(true);
        let (harness, record) = harness(move |seen| {
            let first = std::mem::take(&mut *restarted.lock().unwrap());
            if first { lost(shape, seen) } else { seen.result(r#"{"tools":[]}"#) }
        })
        .await;
        let listed = harness.pool.list_tools(&key("s", Era::Legacy)).await;
        assert!(listed.is_ok_and(|listing| listing.tools.is_empty()), "{shape:?}");
        let count = |method: &str| record.lock().unwrap().iter().filter(|seen| seen.method() == method).count();
        assert_eq!((count("initialize"), count("tools/list")), (2, 2), "{shape:?}");
    }
}

#[tokio::test]
async fn a_call_with_an_effect_is_not_repeated_whatever_the_refusal_looks_like() {
    for shape in LOST_SESSION {
        let restarted = Mutex::new(true);
        let (harness, record) = harness(move |seen| {
            let first = std::mem::take(&mut *restarted.lock().unwrap());
            if first { lost(shape, seen) } else { seen.result("{}") }
        })
        .await;
        let key = key("s", Era::Legacy);
        let failure = harness.failure(&key, "pay").await;
        assert!(matches!(failure, "unreachable" | "unauthorized"), "{shape:?}: {failure}");
        let count = |method: &str| record.lock().unwrap().iter().filter(|seen| seen.method() == method).count();
        assert_eq!(count("tools/call"), 1, "{shape:?}");
        assert_eq!(harness.call(&key, "pay", json!({})).await.unwrap(), json!({}), "{shape:?}");
        assert_eq!((count("initialize"), count("tools/call")), (2, 2), "{shape:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_a_new_session_does_not_change_is_reported_as_what_it_is() {
    for (status, reason) in [(400, "http_status"), (404, "not_found"), (401, "unauthorized")] {
        let (harness, record) = harness(move |_| answer(status, "text/html", "<p>no")).await;
        let failure = harness.pool.list_tools(&key("s", Era::Legacy)).await.unwrap_err();
        assert_eq!(failure.reason(), reason);
        let lists = record.lock().unwrap().iter().filter(|seen| seen.method() == "tools/list").count();
        assert_eq!(lists, 2, "once more, with a new session");
    }
    // An error about the request itself leaves the session alone.
    let (harness, record) = harness(|seen| {
        json_answer(
            400,
            &format!(
                r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32602,"message":"n must be a number"}}}}"#,
                seen.body["id"]
            ),
        )
    })
    .await;
    let key = key("s", Era::Legacy);
    assert_eq!(harness.call(&key, "t", json!({})).await.unwrap()["code"], -32602);
    assert_eq!(harness.call(&key, "t", json!({})).await.unwrap()["code"], -32602);
    assert_eq!(record.lock().unwrap().iter().filter(|seen| seen.method() == "initialize").count(), 1);
}

#[tokio::test]
async fn each_http_refusal_says_what_happened_and_what_to_do() {
    for (status, head, body, reason, said, next) in [
        (403, "", "no", "forbidden", "status 403", "credential may do"),
        (403, "", "Invalid Host: 127.0.0.1", "wrong_host", "host name", "localhost"),
        (421, "", "", "wrong_host", "status 421", "host name"),
        (405, "", "", "method_not_allowed", "status 405", "path of the URL"),
        (406, "", "", "not_acceptable", "status 406", "path of the URL"),
        (415, "", "", "not_acceptable", "status 415", "path of the URL"),
        (429, "retry-after: 17\r\n", "", "rate_limited", "17 seconds", "Wait"),
        (500, "", "", "server_error", "status 500", "own log"),
        (503, "retry-after: 5\r\n", "", "server_error", "5 seconds", "own log"),
        (307, "location: /other\r\n", "", "redirect", "status 307", "server add s --url"),
        (301, "location: https://b.example/canary-7c1f\r\n", "", "redirect", "status 301", "server add s --url"),
    ] {
        let text = format!("HTTP/1.1 {status} x\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        let (harness, _) = harness(move |_| text.clone()).await;
        let failure = harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap_err();
        assert_eq!(failure.reason(), reason, "{status}");
        assert!(failure.to_string().contains(said), "{status}: {failure}");
        assert!(failure.next_step("s").contains(next), "{status}: {}", failure.next_step("s"));
        let details = failure.details().unwrap_or_default();
        assert!(!details.contains(SECRET), "{details}");
        match status {
            307 => assert!(details.contains("http://127.0.0.1:") && details.contains("/other"), "{details}"),
            301 => assert!(details.contains("https://b.example/"), "{details}"),
            _ => assert_eq!(details, ""),
        }
    }
}

#[tokio::test]
async fn an_id_in_another_form_is_the_same_id() {
    for form in ["\"ID\"", "ID.0", "IDe0"] {
        for stream in [false, true] {
            let (harness, _) = harness(move |seen| {
                let id = form.replace("ID", &seen.body["id"].to_string());
                let reply = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"ok":1}}}}"#);
                if stream { events(&format!("data: {reply}\n\n")) } else { json_answer(200, &reply) }
            })
            .await;
            let result = harness.call(&key("s", Era::Legacy), "t", json!({})).await;
            assert_eq!(result.unwrap(), json!({"ok": 1}), "{form} {stream}");
        }
    }
}

#[tokio::test]
async fn an_unknown_id_is_reported_at_once() {
    for id in ["999", "\"x\"", "null", "2.5", "{}"] {
        let reply = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        let open = format!("HTTP/1.1 200 x\r\ncontent-type: text/event-stream\r\n\r\ndata: {reply}\n\n");
        for text in [json_answer(200, &reply), open, events(&format!("data: {reply}\n\n"))] {
            let (harness, _) = harness(move |_| text.clone()).await;
            let mut request = outbound("tools/call", &json!({"name": "t", "arguments": {}}));
            request.timeout = Duration::from_secs(3600);
            let key = key("s", Era::Legacy);
            let sent = harness.pool.send(&key, request, harness.recorder.clone());
            let failure = tokio::time::timeout(Duration::from_secs(20), sent).await.expect("no silence").unwrap_err();
            assert!(matches!(failure.reason(), "wrong_id" | "malformed"), "{id}: {failure:?}");
        }
    }
}

#[tokio::test]
async fn attack_21_framing_around_a_message_is_removed_and_anything_else_is_not() {
    let reply = |seen: &Seen| format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"ok":1}}}}"#, seen.body["id"]);
    for (before, after) in [("\u{feff}", ""), ("\u{feff}\r\n\r\n", "\r\n"), ("\n \t", "\n\n"), ("", " \r\n\r\n")] {
        let (harness, _) = harness(move |seen| json_answer(200, &format!("{before}{}{after}", reply(seen)))).await;
        let result = harness.call(&key("s", Era::Legacy), "t", json!({})).await;
        assert_eq!(result.unwrap(), json!({"ok": 1}), "{before:?} {after:?}");
    }
    let stream = move |seen: &Seen| events(&format!("\u{feff}: hi\r\n\r\ndata: \u{feff}{}\r\n\r\n", reply(seen)));
    assert_eq!(harness(stream).await.0.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap(), json!({"ok": 1}));
    for (before, after) in [("\u{feff}\u{feff}", ""), ("", "x"), ("", "{}"), ("", "\0"), ("x", ""), (")]}'\n", "")] {
        let broken = outcome(move |seen| json_answer(200, &format!("{before}{}{after}", reply(seen)))).await;
        assert_eq!(broken, "malformed", "{before:?} {after:?}");
    }
}

#[tokio::test]
async fn a_result_over_the_limit_names_size_and_limit_and_keeps_the_session() {
    fn large(seen: &Seen) -> String {
        let text = "x".repeat(300 << 10);
        match seen.body["params"]["name"].as_str() {
            Some("json") => seen.result(&format!(r#""{text}""#)),
            Some("stream") => {
                events(&format!("data: {{\"jsonrpc\":\"2.0\",\"result\":\"{text}\",\"id\":{}}}\n\n", seen.body["id"]))
            }
            Some("noise") => events(&format!(
                "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":\"{text}\"}}\n\n\
                 data: {{\"jsonrpc\":\"2.0\",\"result\":{{}},\"id\":{}}}\n\n",
                seen.body["id"]
            )),
            _ => seen.result("{}"),
        }
    }
    let (harness, record) = harness(large).await;
    let key = key("s", Era::Legacy);
    for tool in ["json", "stream"] {
        let failure = harness.call(&key, tool, json!({})).await.unwrap_err();
        assert_eq!(failure.reason(), "too_large", "{tool}");
        let text = failure.to_string();
        assert!(text.contains("3072") && text.contains("262144 bytes"), "{tool}: {text}");
        assert!(failure.next_step("s").contains("briefcase server set s --message-limit"));
    }
    assert_eq!(harness.call(&key, "noise", json!({})).await.unwrap(), json!({}), "another message was too long");
    assert_eq!(harness.call(&key, "small", json!({})).await.unwrap(), json!({}));
    assert_eq!(record.lock().unwrap().iter().filter(|seen| seen.method() == "initialize").count(), 1);
    assert!(record.lock().unwrap().iter().all(|seen| !seen.head.starts_with("DELETE ")), "the session stays");
    // The limit is the server's own.
    let (url, _) = serve(|seen| legacy(seen, large)).await;
    harness.http("s", &url);
    harness.raise_limit("s", 1 << 20);
    harness.pool.forget_server(&"s".parse().unwrap());
    for tool in ["json", "stream"] {
        assert!(harness.call(&key, tool, json!({})).await.unwrap().is_string(), "{tool}");
    }
}

#[tokio::test]
async fn a_cursor_that_repeats_ends_the_list_with_a_note() {
    async fn list(page: impl Fn(&Seen) -> String + Send + Sync + 'static) -> (Vec<String>, Option<&'static str>) {
        let (harness, _) = harness(move |seen| seen.result(&page(seen))).await;
        let listing = harness.pool.list_tools(&key("s", Era::Legacy)).await.unwrap();
        (listing.tools.iter().map(|tool| tool.name.clone()).collect(), listing.note)
    }
    let ignored = list(|_| r#"{"tools":[{"name":"a"}],"nextCursor":"x"}"#.into()).await;
    assert_eq!(ignored.0, ["a"], "the first page is not read twice");
    assert!(ignored.1.is_some_and(|note| note.contains("cursor repeats")));
    let circle = list(|seen| match seen.body["params"]["cursor"].as_str() {
        None => r#"{"tools":[{"name":"a"}],"nextCursor":"1"}"#.to_owned(),
        Some("1") => r#"{"tools":[{"name":"b"}],"nextCursor":"2"}"#.to_owned(),
        _ => r#"{"tools":[{"name":"c"}],"nextCursor":"1"}"#.to_owned(),
    })
    .await;
    assert_eq!(circle.0, ["a", "b", "c"]);
    assert!(circle.1.is_some());
    assert_eq!(list(|_| r#"{"tools":[{"name":"a"}],"nextCursor":null}"#.into()).await, (vec!["a".to_owned()], None));
}

#[tokio::test]
async fn a_session_that_a_restarted_server_does_not_know_is_opened_again() {
    // Widely used servers answer 400 and -32000 where the specification says 404.
    let restarted = Mutex::new(true);
    let (harness, record) = harness(move |seen| {
        let first = std::mem::take(&mut *restarted.lock().unwrap());
        if first {
            json_answer(400, r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session"}}"#)
        } else {
            seen.result(r#"{"tools":[]}"#)
        }
    })
    .await;
    assert!(harness.pool.list_tools(&key("s", Era::Legacy)).await.unwrap().tools.is_empty());
    assert_eq!(record.lock().unwrap().iter().filter(|seen| seen.method() == "initialize").count(), 2);
}

#[tokio::test]
async fn a_subscription_of_a_legacy_client_becomes_a_stream_of_a_modern_server() {
    let (url, record) = serve(|seen| match seen.method() {
        "subscriptions/listen" => events("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"x:1\"}}\n\n"),
        _ => modern(seen),
    })
    .await;
    let harness = Harness::new();
    harness.http("s", &url);
    let key = key("s", Era::Legacy);
    harness.send(&key, "resources/subscribe", json!({"uri": "x:1"})).await.unwrap();
    eventually(|| harness.recorder.has_event(&ServerEvent::ResourceUpdated { uri: "x:1".into() })).await;
    let record = record.lock().unwrap();
    let listen = record.iter().find(|seen| seen.method() == "subscriptions/listen").unwrap();
    assert_eq!(listen.body["params"]["notifications"], json!({"resourceSubscriptions": ["x:1"]}));
}

#[tokio::test]
async fn a_plain_read_is_sent_again_once() {
    let (harness, record) = harness(|_| answer(404, "text/plain", "")).await;
    let key = key("s", Era::Legacy);
    assert!(harness.send(&key, "resources/read", json!({"uri": "x:1"})).await.is_err());
    let reads = record.lock().unwrap().iter().filter(|seen| seen.method() == "resources/read").count();
    assert_eq!(reads, 2);
}

#[tokio::test]
async fn a_broken_stream_is_resumed_at_its_last_event() {
    let (url, record) = serve(|seen| {
        if let Some(last) = seen.header("last-event-id") {
            assert_eq!(last, "e-1");
            return events("id: e-2\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"ok\":1}}\n\n");
        }
        legacy(seen, |_| events("id: e-1\nretry: 20\ndata: \n\n"))
    })
    .await;
    let harness = Harness::new();
    harness.http("s", &url);
    assert_eq!(harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap(), json!({"ok": 1}));
    assert_eq!(record.lock().unwrap().iter().filter(|seen| seen.method() == "tools/call").count(), 1);
}

#[tokio::test]
async fn lists_have_limits_and_lose_only_broken_items() {
    async fn list(page: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Result<Vec<String>, &'static str> {
        let (harness, _) = harness(move |seen| seen.result(&page(seen))).await;
        let listing = harness.pool.list_tools(&key("s", Era::Legacy)).await.map_err(|failure| failure.reason())?;
        Ok(listing.tools.iter().map(|tool| tool.name.clone()).collect())
    }
    let mixed = format!(
        r#"{{"tools":[{{"name":"a"}},7,{{"name":8}},null,{{"x":1}},{{"name":"big","d":"{}"}},{{"name":"b"}}]}}"#,
        "x".repeat(70_000)
    );
    assert_eq!(
        list(move |_| mixed.clone()).await.unwrap(),
        ["a", "", "", "big", "b"],
        "a definition without a readable name is kept, so that a person learns of it"
    );
    let paged = |seen: &Seen| match seen.body["params"]["cursor"].as_str() {
        None => r#"{"tools":[{"name":"a"}],"nextCursor":"\u0031"}"#.to_owned(),
        Some("1") => r#"{"tools":[{"name":"b"}],"nextCursor":"2"}"#.to_owned(),
        _ => r#"{"tools":[{"name":"c"}]}"#.to_owned(),
    };
    assert_eq!(list(paged).await.unwrap(), ["a", "b", "c"]);
    let endless = |seen: &Seen| {
        let number = seen.body["id"].as_u64().unwrap();
        format!(r#"{{"tools":[],"nextCursor":"{number}"}}"#)
    };
    assert_eq!(list(endless).await, Err("too_many_pages"));
    let many = format!(r#"{{"tools":[{}{{"name":"z"}}]}}"#, r#"{"name":"a"},"#.repeat(512));
    assert_eq!(list(move |_| many.clone()).await.unwrap().len(), 513, "the surplus is known by its names");
    let flood = format!(r#"{{"tools":[{}{{"name":"z"}}],"nextCursor":"1"}}"#, r#"{"name":"a"},"#.repeat(10_000));
    assert_eq!(list(move |_| flood.clone()).await.unwrap().len(), 4096, "no further page is requested");
    assert_eq!(list(|_| r#"{"tools":{}}"#.into()).await, Err("malformed_list"));
}

/// A server that speaks only the modern era.
fn modern(seen: &Seen) -> String {
    let (params, meta) = (&seen.body["params"], &seen.body["params"]["_meta"]);
    let version = meta["io.modelcontextprotocol/protocolVersion"].as_str();
    if version.is_none()
        || version != seen.header("mcp-protocol-version")
        || seen.header("mcp-method") != Some(seen.method())
    {
        return json_answer(400, r#"{"jsonrpc":"2.0","error":{"code":-32020,"message":"headers"}}"#);
    }
    match seen.method() {
        "server/discover" => seen.result(r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"#),
        "tools/list" => seen.result(
            r#"{"tools":[{"name":"t","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"Region"}}}},
                {"name":"bad","inputSchema":{"properties":{"r":{"type":"number","x-mcp-header":"R"}}}}]}"#,
        ),
        "tools/call" if seen.header("mcp-name") != Some("t") || seen.header("mcp-param-region") != Some("eu") => {
            json_answer(400, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"mirror"}}"#)
        }
        "tools/call" => match (params["requestState"].as_str(), &params["inputResponses"]["who"]["content"]["name"]) {
            (Some("st"), Value::String(name)) => seen.result(&format!(r#"{{"resultType":"complete","name":"{name}"}}"#)),
            _ => seen.result(
                r#"{"resultType":"input_required","requestState":"st","inputRequests":{"who":{"method":"elicitation/create","params":{"message":"?"}}}}"#,
            ),
        },
        _ => answer(404, "text/plain", ""),
    }
}

#[tokio::test]
async fn a_legacy_client_uses_a_modern_server() {
    let (url, record) = serve(modern).await;
    let harness = Harness::new();
    harness.http("s", &url);
    let key = key("s", Era::Legacy);
    let listing = harness.pool.list_tools(&key).await.unwrap();
    assert_eq!(listing.tools.len(), 1, "a definition with an invalid header is left out");
    let result = harness.call(&key, "t", json!({"r": "eu"})).await.unwrap();
    assert_eq!(result["name"], "Ada");
    assert_eq!(
        harness.recorder.requests.lock().unwrap().as_slice(),
        [("elicitation/create".to_owned(), json!({"message": "?"}))]
    );
    assert_eq!(
        harness.send(&key, "ping", json!({})).await.unwrap(),
        json!({}),
        "a request that modern servers lack is answered locally"
    );
    let calls: Vec<_> = record.lock().unwrap().iter().map(|seen| seen.method().to_owned()).collect();
    assert_eq!(calls, ["initialize", "server/discover", "tools/list", "tools/call", "tools/call"]);
}

#[tokio::test]
async fn a_server_that_requires_input_without_end_is_stopped() {
    let (url, record) = serve(|seen| match seen.method() {
        "tools/call" => seen.result(r#"{"resultType":"input_required","requestState":"again"}"#),
        _ => modern(seen),
    })
    .await;
    let harness = Harness::new();
    harness.http("s", &url);
    assert_eq!(harness.failure(&key("s", Era::Legacy), "t").await, "too_many_rounds");
    assert!(record.lock().unwrap().len() < 20);
}

#[tokio::test]
async fn a_modern_client_falls_back_to_a_legacy_server() {
    let (harness, record) = harness(|seen| {
        let meta = &seen.body["params"]["_meta"];
        assert!(
            meta.as_object().is_none_or(|meta| meta.keys().all(|key| !key.starts_with("io.modelcontextprotocol/")))
        );
        seen.result("{\"legacy\":true}")
    })
    .await;
    let key = key("s", Era::Modern);
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let result = harness.send(&key, "tools/call", json!({"name": "t", "arguments": {}, "_meta": meta})).await.unwrap();
    assert_eq!(result["legacy"], true);
    assert!(
        harness.pool.list(&key, ListKind::Resources).await.is_err(),
        "a malformed list is an error, not an empty list"
    );
    harness.pool.close_session(key.session);
    eventually(|| record.lock().unwrap().iter().any(|seen| seen.head.starts_with("DELETE "))).await;
}

#[tokio::test]
async fn one_connection_serves_many_calls_in_a_row() {
    let connections = Arc::new(Mutex::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let counted = Arc::clone(&connections);
    let server: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            let answer = |seen: &Seen| legacy(seen, |seen| seen.result("{}"));
            tokio::spawn(connection(stream, Record::default(), Arc::new(answer)));
        }
    });
    tokio::spawn(server);
    let harness = Harness::new();
    harness.http("s", &url);
    for _ in 0..50 {
        harness.call(&key("s", Era::Legacy), "t", json!({})).await.unwrap();
    }
    assert!(*connections.lock().unwrap() <= 5, "{}", connections.lock().unwrap());
}
