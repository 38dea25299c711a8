//! A JSON-RPC client that sends any message and keeps everything received: notifications, and the server's requests. It
//! validates nothing, so a test can send anything.

mod http;
mod inbox;
mod stdio;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::{ChildProcess, WAIT};
use http::HttpTransport;
use inbox::Inbox;
use stdio::StdioTransport;

/// The era that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientEra {
    /// Legacy: `initialize`, sessions, requests from the server.
    Legacy,
    /// Modern: `2026-07-28` with stateless requests.
    Modern,
}

impl ClientEra {
    /// The era's protocol version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Legacy => "2025-11-25",
            Self::Modern => "2026-07-28",
        }
    }
}

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorResponse {
    /// The error's code.
    pub code: i64,
    /// The error's message.
    pub message: String,
    /// The error's data, or null.
    pub data: Value,
}

/// A handler of server requests. `None` leaves a request unanswered.
pub type RequestHandler = Box<dyn Fn(&Value) -> Option<Value> + Send + Sync>;

enum ClientTransport {
    Stdio(Box<StdioTransport>),
    Http(Arc<HttpTransport>),
}

/// A connection to a server.
pub struct McpClient {
    wire: ClientTransport,
    inbox: Arc<Inbox>,
    era: ClientEra,
    next: AtomicU64,
    capabilities: Value,
}

impl McpClient {
    /// Starts a program and uses its stdin and stdout.
    pub fn stdio(command: Command, era: ClientEra) -> Self {
        let inbox = Arc::<Inbox>::default();
        let wire = ClientTransport::Stdio(Box::new(StdioTransport::start(command, &inbox)));
        Self::new(wire, inbox, era)
    }

    /// Connects to a Streamable HTTP endpoint, with these headers on every request.
    pub fn http(url: &str, headers: BTreeMap<String, String>, era: ClientEra) -> Self {
        let inbox = Arc::<Inbox>::default();
        let wire = ClientTransport::Http(Arc::new(HttpTransport::new(url, headers, era, Arc::clone(&inbox))));
        Self::new(wire, inbox, era)
    }

    fn new(wire: ClientTransport, inbox: Arc<Inbox>, era: ClientEra) -> Self {
        let capabilities = json!({ "elicitation": {}, "sampling": {}, "roots": {} });
        Self { wire, inbox, era, next: AtomicU64::new(1), capabilities }
    }

    /// Declares these capabilities instead of elicitation, sampling and roots. Call it before [`Self::open`].
    pub fn declaring(mut self, capabilities: Value) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets the handler for the server's requests. Without it they stay unanswered.
    pub fn answering(self, server: RequestHandler) -> Self {
        self.inbox.answer_with(server);
        self
    }

    /// Sends the era's first messages: `initialize`, or `server/discover`.
    pub async fn open(&self) -> Result<Value, ErrorResponse> {
        match self.era {
            ClientEra::Modern => self.request("server/discover", json!({})).await,
            ClientEra::Legacy => {
                let opened = self
                    .request(
                        "initialize",
                        json!({
                            "protocolVersion": self.era.version(),
                            "capabilities": self.capabilities,
                            "clientInfo": { "name": "testkit", "version": "1" }
                        }),
                    )
                    .await?;
                self.notify("notifications/initialized", json!({})).await;
                Ok(opened)
            }
        }
    }

    /// Sends a request and waits for its response.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, ErrorResponse> {
        let id = self.start(method, params).await;
        self.answer(id).await
    }

    /// Sends a request and returns its id without waiting.
    pub async fn start(&self, method: &str, params: Value) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let params = self.dressed(params);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    /// Waits for the response to a request.
    pub async fn answer(&self, id: u64) -> Result<Value, ErrorResponse> {
        let message = self.inbox.answer(&json!(id), &self.told()).await;
        match message.get("error") {
            None => Ok(message.get("result").cloned().unwrap_or_default()),
            Some(error) => Err(ErrorResponse {
                code: error.get("code").and_then(Value::as_i64).unwrap_or_default(),
                message: error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
                data: error.get("data").cloned().unwrap_or_default(),
            }),
        }
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Value, ErrorResponse> {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// The names of the tools, all pages.
    pub async fn tool_names(&self) -> Vec<String> {
        self.tools().await.iter().map(|tool| tool["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The definitions of the tools, all pages.
    pub async fn tools(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let mut params = json!({});
        loop {
            let page = self.request("tools/list", params).await.expect("a list of tools");
            found.extend(page["tools"].as_array().cloned().unwrap_or_default());
            match page.get("nextCursor") {
                Some(cursor) => params = json!({ "cursor": cursor }),
                None => return found,
            }
        }
    }

    /// Sends a notification.
    pub async fn notify(&self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Sends a message unchanged.
    pub async fn send(&self, message: &Value) {
        self.send_bytes(message.to_string().into_bytes()).await;
    }

    /// Sends raw bytes: one line on stdio, or one body of a POST.
    pub async fn send_bytes(&self, bytes: Vec<u8>) {
        match &self.wire {
            ClientTransport::Stdio(wire) => wire.send(&bytes).await,
            ClientTransport::Http(wire) => wire.post(bytes),
        }
    }

    /// Opens the stream for a legacy server's own messages. HTTP only.
    pub fn listen(&self) {
        if let ClientTransport::Http(wire) = &self.wire {
            wire.listen();
        }
    }

    /// Waits for the first notification of this method.
    pub async fn notification(&self, method: &str) -> Value {
        self.inbox.notification(method, 0, &self.told()).await
    }

    /// Waits for the `n`-th notification of this method, from 0.
    pub async fn notification_at(&self, method: &str, n: usize) -> Value {
        self.inbox.notification(method, n, &self.told()).await
    }

    /// The notifications received so far.
    pub fn notifications(&self) -> Vec<Value> {
        self.inbox.notifications()
    }

    /// The server's requests received so far.
    pub fn server_requests(&self) -> Vec<Value> {
        self.inbox.requests()
    }

    /// All received bytes, for canaries.
    pub fn received(&self) -> Vec<u8> {
        self.inbox.received()
    }

    /// The process at the other end of stdio.
    pub fn process(&mut self) -> &mut ChildProcess {
        match &mut self.wire {
            ClientTransport::Stdio(wire) => &mut wire.process,
            ClientTransport::Http(_) => panic!("there is no process behind HTTP"),
        }
    }

    /// Closes stdin, as a departing client does, and waits for the program to end.
    pub async fn close(self) {
        if let ClientTransport::Stdio(wire) = self.wire {
            let StdioTransport { mut process, stdin } = *wire;
            drop(stdin);
            process.exited().await;
        }
    }

    /// The session id, over HTTP in the legacy era.
    pub fn session(&self) -> Option<String> {
        match &self.wire {
            ClientTransport::Stdio(_) => None,
            ClientTransport::Http(wire) => wire.session(),
        }
    }

    /// Adds the client's identity, which each modern request carries.
    pub fn dressed(&self, mut params: Value) -> Value {
        if self.era == ClientEra::Legacy {
            return params;
        }
        let Some(members) = params.as_object_mut() else { return params };
        let meta = members.entry("_meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            let mut set = |name: &str, value: Value| {
                meta.entry(format!("io.modelcontextprotocol/{name}")).or_insert(value);
            };
            set("protocolVersion", json!(self.era.version()));
            set("clientInfo", json!({ "name": "testkit", "version": "1" }));
            set("clientCapabilities", self.capabilities.clone());
        }
        params
    }

    fn told(&self) -> String {
        match &self.wire {
            ClientTransport::Stdio(wire) => wire.process.errors(),
            ClientTransport::Http(_) => String::new(),
        }
    }
}

/// Runs `wait` for at most [`WAIT`].
async fn bounded<T>(what: &str, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(WAIT, wait).await {
        Ok(done) => done,
        Err(_) => panic!("no {what} within {WAIT:?}"),
    }
}
