//! The HTTP+SSE transport of 2024-11-05: a stream from the server, and a URL to post to.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::Response,
    routing::{get, post},
};
use briefcase_ports::Upstreams;
use briefcase_types::Era;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Harness, key};

#[derive(Clone)]
struct Old {
    endpoint: &'static str,
    down: Arc<Mutex<Option<mpsc::UnboundedSender<String>>>>,
}

async fn stream(State(old): State<Old>) -> Response {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    sender.send(format!("event: endpoint\ndata: {}\n\n", old.endpoint)).unwrap();
    *old.down.lock().unwrap() = Some(sender);
    let events = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let body = Body::from_stream(futures_util::StreamExt::map(events, Ok::<_, std::io::Error>));
    Response::builder().header(header::CONTENT_TYPE, "text/event-stream").body(body).unwrap()
}

async fn message(State(old): State<Old>, body: Bytes) -> StatusCode {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let result = match message["method"].as_str() {
        Some("initialize") => {
            json!({"protocolVersion": "2024-11-05", "capabilities": {"tools": {}}, "serverInfo": {"name": "old", "version": "1"}})
        }
        Some("tools/list") => json!({"tools": [{"name": "t"}]}),
        _ => json!({"old": true}),
    };
    if let Some(id) = message.get("id") {
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
        let sender = old.down.lock().unwrap().clone().unwrap();
        sender.send(format!("event: message\ndata: {answer}\n\n")).unwrap();
    }
    StatusCode::ACCEPTED
}

async fn harness(endpoint: &'static str) -> Harness {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sse", listener.local_addr().unwrap());
    let old = Old { endpoint, down: Arc::default() };
    let router = Router::new().route("/sse", get(stream)).route("/messages", post(message)).with_state(old);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let harness = Harness::new();
    harness.http("s", &url);
    harness
}

#[tokio::test]
async fn the_oldest_servers_still_work_for_both_eras() {
    for era in [Era::Legacy, Era::Modern] {
        let harness = harness("/messages?session=1").await;
        let key = key("s", era);
        assert_eq!(harness.pool.list_tools(&key).await.unwrap().tools.len(), 1);
        assert_eq!(harness.call(&key, "t", json!({})).await.unwrap(), json!({"old": true}));
    }
}

#[tokio::test]
async fn the_url_to_post_to_must_be_on_the_servers_origin() {
    let harness = harness("http://127.0.0.1:9/messages").await;
    assert_eq!(harness.failure(&key("s", Era::Legacy), "t").await, "endpoint");
}
