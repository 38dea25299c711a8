//! Streamable HTTP: each message in its own POST, responses as JSON or as an event stream.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::ClientEra;
use super::inbox::Inbox;

pub struct HttpTransport {
    authority: String,
    path: String,
    headers: BTreeMap<String, String>,
    era: ClientEra,
    session: Mutex<Option<String>>,
    inbox: Arc<Inbox>,
}

impl HttpTransport {
    pub fn new(url: &str, headers: BTreeMap<String, String>, era: ClientEra, inbox: Arc<Inbox>) -> Self {
        let rest = url.strip_prefix("http://").expect("an http address");
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let session = Mutex::default();
        Self { authority: authority.to_owned(), path: format!("/{path}"), headers, era, session, inbox }
    }

    pub fn session(&self) -> Option<String> {
        self.session.lock().expect("not poisoned").clone()
    }

    /// Sends one message. Responses arrive in the inbox.
    pub fn post(self: &Arc<Self>, bytes: Vec<u8>) {
        let wire = Arc::clone(self);
        tokio::spawn(async move {
            let id = serde_json::from_slice::<Value>(&bytes).ok().and_then(|message| message.get("id").cloned());
            if let Err(why) = wire.exchange(Method::POST, bytes).await {
                wire.failed(id, &why);
            }
        });
    }

    /// Opens the server's own stream.
    pub fn listen(self: &Arc<Self>) {
        let wire = Arc::clone(self);
        tokio::spawn(async move {
            let _ = wire.exchange(Method::GET, Vec::new()).await;
        });
    }

    /// Records a failed exchange as an error response with the transport's error.
    fn failed(&self, id: Option<Value>, why: &str) {
        if let Some(id) = id {
            let answer = json!({ "id": id, "error": { "code": 0, "message": why } });
            self.inbox.take(answer.to_string().as_bytes());
        }
    }

    async fn exchange(self: &Arc<Self>, method: Method, body: Vec<u8>) -> Result<(), String> {
        let stream = TcpStream::connect(&self.authority).await.map_err(|error| error.to_string())?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        let request = self.request(method, body);
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        if let Some(session) = response.headers().get("mcp-session-id") {
            let session = session.to_str().expect("a printable session").to_owned();
            *self.session.lock().expect("not poisoned") = Some(session);
        }
        self.read(response).await
    }

    fn request(&self, method: Method, body: Vec<u8>) -> Request<Full<Bytes>> {
        let message: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut request = Request::builder()
            .method(method)
            .uri(&self.path)
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if message["method"] != "initialize" {
            request = request.header("mcp-protocol-version", self.era.version());
        }
        if self.era == ClientEra::Modern {
            request = request.header("mcp-method", message["method"].as_str().unwrap_or_default());
            let named = message.pointer("/params/name").or_else(|| message.pointer("/params/uri"));
            if let Some(name) = named.and_then(Value::as_str) {
                request = request.header("mcp-name", name);
            }
        }
        if let Some(session) = self.session() {
            request = request.header("mcp-session-id", session);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(body.into())).expect("a request")
    }

    async fn read(self: &Arc<Self>, response: Response<Incoming>) -> Result<(), String> {
        let status = response.status();
        let is_stream = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        let mut body = response.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| error.to_string())?;
            pending.extend(frame.data_ref().into_iter().flat_map(|data| data.iter().copied()));
            if is_stream {
                self.events(&mut pending);
            }
        }
        if is_stream {
            return Ok(());
        }
        match serde_json::from_slice::<Value>(&pending) {
            Ok(message) if message.get("jsonrpc").is_some() => self.take(&pending),
            _ if status.is_success() => {}
            _ => return Err(format!("HTTP {status}: {}", String::from_utf8_lossy(&pending))),
        }
        Ok(())
    }

    /// Removes the complete events from the front of `pending`.
    fn events(self: &Arc<Self>, pending: &mut Vec<u8>) {
        while let Some(end) = pending.windows(2).position(|window| window == b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            let text = String::from_utf8_lossy(&event).into_owned();
            let data: Vec<&str> =
                text.lines().filter_map(|line| line.strip_prefix("data:")).map(|data| data.trim_start()).collect();
            let data = data.join("\n");
            if !data.is_empty() {
                self.take(data.as_bytes());
            }
        }
    }

    fn take(self: &Arc<Self>, bytes: &[u8]) {
        if let Some(reply) = self.inbox.take(bytes) {
            self.post(reply.to_string().into_bytes());
        }
    }
}
