//! A scripted call handler, and a client that keeps the messages it gets.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use briefcase_mcp::{ParamHeaders, RequestId};
use briefcase_mcp_server::{ClientConnection, ClientSink, Config, McpServer, Route, View};
use briefcase_ports::{
    BoxFuture, CallHandler, CallOutcome, CallRequest, ClientPeer, ClientProfile, ConnectionKey, ContinuedCall,
    ListKind, Operation, Reply, RpcError, ServerEvent, ServerInfo, Waiting,
};
use briefcase_types::{
    AgentId, ApprovalId, Entropy, Era, ReceiptIndex, Refusal, ServerId, SessionId, ToolName, UnixMillis,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

pub type Handler =
    Arc<dyn Fn(CallRequest, Arc<dyn ClientPeer>) -> BoxFuture<'static, Result<Outcome, Refusal>> + Send + Sync>;

/// The scripted outcome of a call. The number names its continuation.
pub struct Outcome {
    pub reply: Reply,
    pub continuation: Option<u32>,
}

/// One server of the script.
#[derive(Clone)]
pub struct Server {
    pub era: Era,
    pub capabilities: Value,
    pub instructions: Option<String>,
    pub tools: Vec<String>,
    pub lists: HashMap<&'static str, Vec<String>>,
    pub down: Option<Refusal>,
    pub slow: Option<Duration>,
    pub handler: Handler,
}

impl Default for Server {
    fn default() -> Self {
        let resources = json!({"subscribe": true, "listChanged": true});
        Self {
            era: Era::Legacy,
            capabilities: json!({
                "tools": {"listChanged": true}, "prompts": {"listChanged": true}, "resources": resources,
                "completions": {}, "logging": {},
            }),
            instructions: None,
            tools: vec![r#"{"name":"echo","description":"d","inputSchema":{"type":"object"}}"#.into()],
            lists: HashMap::new(),
            down: None,
            slow: None,
            handler: answering(json!({"content": []})),
        }
    }
}

/// A call as it reached the handler.
#[derive(Clone, Debug)]
pub struct Seen {
    pub server: String,
    pub operation: Operation,
    pub meta: Option<Value>,
    pub client: ClientProfile,
    pub members: Value,
    pub approval_timeout: Duration,
    pub continuation: Option<u32>,
}

#[derive(Default)]
pub struct Script {
    servers: Mutex<Vec<(ServerId, Server)>>,
    pub seen: Mutex<Vec<Seen>>,
    pub refused: Mutex<Vec<(String, &'static str)>>,
    pub notified: Mutex<Vec<&'static str>>,
}

impl Script {
    fn server(&self, id: &ServerId) -> Server {
        self.servers.lock().unwrap().iter().find(|(name, _)| name == id).map(|(_, server)| server.clone()).unwrap()
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }

    pub fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

/// A continuation that records itself when it is spent.
#[derive(Debug)]
struct Continued {
    script: Arc<Script>,
    number: u32,
}

impl ContinuedCall for Continued {
    fn run(
        self: Box<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>> {
        Box::pin(run(self.script, request, Some(self.number), peer))
    }
}

async fn run(
    script: Arc<Script>,
    request: CallRequest,
    continuation: Option<u32>,
    peer: Arc<dyn ClientPeer>,
) -> Result<CallOutcome, Refusal> {
    let members = request.members.iter();
    let members: serde_json::Map<String, Value> =
        members.map(|(name, raw)| ((*name).to_owned(), serde_json::from_slice(raw).unwrap())).collect();
    script.seen.lock().unwrap().push(Seen {
        server: request.connection.server.to_string(),
        operation: request.operation.clone(),
        client: (*request.connection.client).clone(),
        meta: request.meta.as_ref().map(|meta| serde_json::from_slice(meta).unwrap()),
        members: Value::Object(members),
        approval_timeout: request.approval_timeout,
        continuation,
    });
    let handler = script.server(&request.connection.server).handler;
    let Outcome { reply, continuation } = handler(request, peer).await?;
    let continuation = continuation.map(|number| -> Box<dyn ContinuedCall> { Box::new(Continued { script, number }) });
    Ok(CallOutcome { reply, continuation })
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl CallHandler for Script {
    fn servers(&self, agent: &AgentId) -> Vec<ServerId> {
        // The agent `poor` has no servers.
        let servers = self.servers.lock().unwrap();
        servers.iter().filter(|_| agent.as_str() != "poor").map(|(name, _)| name.clone()).collect()
    }

    fn server_info<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, Refusal>> {
        let server = self.server(&connection.server);
        Box::pin(async move {
            if let Some(slow) = server.slow {
                tokio::time::sleep(slow).await;
            }
            match server.down {
                Some(refusal) => Err(refusal),
                None => Ok(Arc::new(ServerInfo {
                    era: server.era,
                    version: String::new(),
                    capabilities: server.capabilities.to_string().into(),
                    info: r#"{"name":"liar","version":"1"}"#.into(),
                    instructions: server.instructions,
                    listener: None,
                })),
            }
        })
    }

    fn list_tools<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        let tools = self.server(&connection.server).tools;
        Box::pin(async { Ok(tools.into_iter().map(Bytes::from).collect()) })
    }

    fn list<'a>(&'a self, connection: &'a ConnectionKey, kind: ListKind) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        let key = match kind {
            ListKind::Resources => "resources",
            ListKind::ResourceTemplates => "templates",
            ListKind::Prompts => "prompts",
        };
        let items = self.server(&connection.server).lists.get(key).cloned().unwrap_or_default();
        Box::pin(async move { Ok(items.into_iter().map(Bytes::from).collect()) })
    }

    fn tool_name(&self, _server: &ServerId, called: &str) -> Option<ToolName> {
        called.parse().ok()
    }

    fn accepted_tool(&self, server: &ServerId, tool: &ToolName) -> Option<Bytes> {
        let named = format!(r#""name":"{tool}""#);
        self.server(server).tools.into_iter().find(|raw| raw.contains(&named)).map(Bytes::from)
    }

    fn call(
        self: Arc<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>> {
        Box::pin(run(self, request, None, peer))
    }

    fn refuse<'a>(
        &'a self,
        agent: &'a AgentId,
        _session: SessionId,
        method: &'static str,
        mut refusal: Refusal,
    ) -> BoxFuture<'a, Refusal> {
        self.refused.lock().unwrap().push((agent.to_string(), method));
        refusal.receipt = Some(ReceiptIndex(99));
        Box::pin(async move { refusal })
    }

    fn filter(&self, _agent: &AgentId, _server: &ServerId, raw: Bytes) -> Option<Bytes> {
        let text = String::from_utf8(raw.to_vec()).unwrap();
        (!text.contains("forbidden")).then(|| text.replace("secret", "[redacted]").into())
    }

    fn notify_servers(&self, _session: SessionId, method: &'static str) {
        self.notified.lock().unwrap().push(method);
    }

    fn may_show_client(&self, _agent: &AgentId) -> bool {
        true
    }

    fn may_name_client(&self, _agent: &AgentId, name: &str) -> bool {
        !name.contains("secret")
    }
}

/// Entropy that never repeats.
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(to, from)| *to = *from);
    }
}

pub struct World {
    pub handler: Arc<Script>,
    pub mcp_server: McpServer,
    sessions: Counter,
}

impl World {
    pub fn new(servers: Vec<(&str, Server)>) -> Self {
        Self::with(servers, |_| {})
    }

    pub fn with(servers: Vec<(&str, Server)>, tune: impl FnOnce(&mut Config)) -> Self {
        let handler = Arc::new(Script::default());
        *handler.servers.lock().unwrap() =
            servers.into_iter().map(|(name, server)| (name.parse().unwrap(), server)).collect();
        let mut config = Config::default();
        tune(&mut config);
        let mcp_server = McpServer::new(handler.clone(), Arc::new(Counter(AtomicU64::new(1))), config);
        Self { handler, mcp_server, sessions: Counter(AtomicU64::new(1)) }
    }

    pub fn open(&self, agent: &str, view: View) -> Client {
        self.open_in(SessionId::random(&self.sessions), agent, view)
    }

    /// Another connection of a client's session.
    pub fn beside(&self, client: &Client, server: &str) -> Client {
        self.open_in(client.session, "alice", View::One(server.parse().unwrap()))
    }

    fn open_in(&self, session: SessionId, agent: &str, view: View) -> Client {
        let (sender, inbox) = mpsc::unbounded_channel();
        let connection = self.mcp_server.open(agent.parse().unwrap(), session, view, Arc::new(Pipe(sender)));
        Client { connection, inbox, session }
    }

    pub fn one(&self, server: &str) -> Client {
        self.open("alice", View::One(server.parse().unwrap()))
    }

    /// A legacy client after its handshake.
    pub async fn legacy(&self, view: View, capabilities: Value) -> Client {
        let mut client = self.open("alice", view);
        client.handshake(capabilities).await;
        client
    }

    pub fn event(&self, client: &Client, server: &str, event: ServerEvent) {
        self.mcp_server.event(client.session, &server.parse().unwrap(), event);
    }
}

struct Pipe(mpsc::UnboundedSender<(Route, Bytes)>);

impl ClientSink for Pipe {
    fn send(&self, route: Route, message: Bytes) {
        let _ = self.0.send((route, message));
    }
}

pub struct Client {
    pub connection: ClientConnection,
    inbox: mpsc::UnboundedReceiver<(Route, Bytes)>,
    pub session: SessionId,
}

impl Client {
    pub async fn handshake(&mut self, capabilities: Value) -> Value {
        let params =
            json!({"protocolVersion":"2025-11-25","capabilities":capabilities,"clientInfo":{"name":"c","version":"1"}});
        let answer = self.request("init", "initialize", params).await;
        self.send(json!({"jsonrpc":"2.0","method":"notifications/initialized"}));
        answer
    }

    pub fn send(&self, message: Value) {
        self.raw(message.to_string().as_bytes());
    }

    pub fn raw(&self, message: &[u8]) {
        self.connection.receive(Bytes::copy_from_slice(message), None);
    }

    pub fn with_headers(&self, message: Value, headers: &str) {
        let headers = ParamHeaders::from_json(headers.as_bytes()).unwrap();
        self.connection.receive(message.to_string().into(), Some(headers));
    }

    pub fn ask(&self, id: impl Into<Value>, method: &str, params: Value) {
        self.send(json!({"jsonrpc":"2.0","id":id.into(),"method":method,"params":params}));
    }

    /// Sends a request and waits for the next message, which has to be its response.
    pub async fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) -> Value {
        let id = id.into();
        self.ask(id.clone(), method, params);
        let (route, message) = self.next().await;
        assert_eq!(message["id"], id, "{message}");
        assert_eq!(route, related(&id));
        message
    }

    pub async fn next(&mut self) -> (Route, Value) {
        let (route, raw) = self.next_raw().await;
        (route, serde_json::from_str(&raw).unwrap())
    }

    pub async fn next_raw(&mut self) -> (Route, String) {
        let next = tokio::time::timeout(Duration::from_secs(3600), self.inbox.recv());
        let (route, raw) = next.await.expect("a message").unwrap();
        (route, String::from_utf8(raw.to_vec()).unwrap())
    }

    /// Fails when a message comes within two seconds.
    pub async fn silence(&mut self) {
        let next = tokio::time::timeout(Duration::from_secs(2), self.inbox.recv()).await;
        assert!(next.is_err(), "{next:?}");
    }

    /// The messages of the next second.
    pub async fn drain(&mut self) -> Vec<Value> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut all = Vec::new();
        while let Ok((_, raw)) = self.inbox.try_recv() {
            all.push(serde_json::from_slice(&raw).unwrap());
        }
        all
    }
}

pub fn related(id: &Value) -> Route {
    Route::Related(RequestId::from_json(id.to_string().into()).unwrap())
}

/// `_meta` of a modern request.
pub fn meta(capabilities: Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name":"m","version":"1"},
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// Modern `params`: members and a `_meta`.
pub fn modern(mut params: Value, capabilities: Value) -> Value {
    params["_meta"] = meta(capabilities);
    params
}

pub fn result(value: &Value) -> Result<Outcome, Refusal> {
    let continuation = (value["resultType"] == "input_required").then_some(7);
    Ok(Outcome { reply: Reply::Result(value.to_string().into()), continuation })
}

/// A server with one result.
pub fn answering(value: Value) -> Handler {
    Arc::new(move |_, _| {
        let value = value.clone();
        Box::pin(async move { result(&value) })
    })
}

/// A server whose result is exactly these bytes.
pub fn answering_raw(raw: &'static str) -> Handler {
    Arc::new(move |_, _| Box::pin(async move { Ok(Outcome { reply: Reply::Result(raw.into()), continuation: None }) }))
}

pub fn failing(code: i64, message: &'static str, data: Option<Value>) -> Handler {
    Arc::new(move |_, _| {
        let data = data.as_ref().map(|data| data.to_string().into());
        let error = RpcError { code, message: message.into(), data };
        Box::pin(async move { Ok(Outcome { reply: Reply::Error(error), continuation: None }) })
    })
}

/// A server with a function as its behaviour.
pub fn doing<F, Fut>(act: F) -> Handler
where
    F: Fn(CallRequest, Arc<dyn ClientPeer>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Outcome, Refusal>> + Send + 'static,
{
    Arc::new(move |request, peer| Box::pin(act(request, peer)))
}

pub fn notice() -> Waiting {
    Waiting {
        approval: approval(),
        server: "srv".parse().unwrap(),
        tool: Some("pay".parse().unwrap()),
        expires: UnixMillis(1),
    }
}

pub fn approval() -> ApprovalId {
    "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap()
}
