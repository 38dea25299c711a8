//! A client sends anything, one message per line, to a server that returns its arguments as results: the connection stays
//! open, and every message to the client is one JSON document.
#![no_main]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

use briefcase_mcp::ParamHeaders;
use briefcase_mcp_server::{ClientSink, Config, McpServer, Route, View};
use briefcase_ports::{
    BoxFuture, CallHandler, CallOutcome, CallRequest, ClientPeer, ConnectionKey, ListKind, Operation, Reply, RpcError,
    ServerInfo,
};
use briefcase_types::{AgentId, Entropy, Era, Refusal, ServerId, SessionId, ToolName};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const TOOL: &[u8] = br#"{"name":"t","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}"#;
const CAPABILITIES: &[u8] = br#"{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"logging":{},
    "tasks":{"list":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// Returns the arguments of a call as its result.
struct Mirror;

impl CallHandler for Mirror {
    fn servers(&self, _: &AgentId) -> Vec<ServerId> {
        ["a", "b"].iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn server_info<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, Refusal>> {
        let info = ServerInfo {
            era: if connection.server.as_str() == "a" { Era::Legacy } else { Era::Modern },
            version: String::new(),
            capabilities: Bytes::from_static(CAPABILITIES),
            info: Bytes::from_static(b"{}"),
            instructions: None,
            listener: None,
        };
        Box::pin(async { Ok(Arc::new(info)) })
    }

    fn list_tools<'a>(&'a self, _: &'a ConnectionKey) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        Box::pin(async { Ok(vec![Bytes::from_static(TOOL)]) })
    }

    fn list<'a>(&'a self, _: &'a ConnectionKey, _: ListKind) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        let item = Bytes::from_static(br#"{"name":"p","uri":"x://y","uriTemplate":"x://{y}"}"#);
        Box::pin(async { Ok(vec![item]) })
    }

    fn tool_name(&self, _: &ServerId, called: &str) -> Option<ToolName> {
        called.parse().ok()
    }

    fn accepted_tool(&self, _: &ServerId, _: &ToolName) -> Option<Bytes> {
        Some(Bytes::from_static(TOOL))
    }

    fn call(
        self: Arc<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>> {
        Box::pin(async move {
            let raw = match request.operation {
                Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => arguments,
                Operation::Complete { params } | Operation::FollowUp { params, .. } => params,
                Operation::ReadResource { .. } => Bytes::from_static(br#"{"contents":[{"uri":"x://y"}]}"#),
            };
            peer.notify("notifications/progress", raw.clone());
            peer.notify("notifications/message", raw.clone());
            let response = peer.ask("elicitation/create", raw.clone()).await;
            let reply = match response {
                Err(error) if request.connection.server.as_str() == "b" => {
                    Reply::Error(RpcError { data: Some(raw), ..error })
                }
                _ => Reply::Result(raw),
            };
            Ok(CallOutcome { reply, continuation: None })
        })
    }

    fn refuse<'a>(&'a self, _: &'a AgentId, _: SessionId, _: &'static str, refusal: Refusal) -> BoxFuture<'a, Refusal> {
        Box::pin(async { refusal })
    }

    fn filter(&self, _: &AgentId, _: &ServerId, raw: Bytes) -> Option<Bytes> {
        Some(raw)
    }

    fn notify_servers(&self, _: SessionId, _: &'static str) {}

    fn may_name_client(&self, _: &AgentId, _: &str) -> bool {
        true
    }

    fn may_show_client(&self, _: &AgentId) -> bool {
        true
    }
}

/// A small number of handles, so that the input can guess them.
struct Low(AtomicU8);

impl Entropy for Low {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) % 4);
    }
}

/// Collects the messages to the client.
struct Kept(Mutex<Vec<Bytes>>);

impl ClientSink for Kept {
    fn send(&self, _: Route, message: Bytes) {
        self.0.lock().expect("no panic before").push(message);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let low = Arc::new(Low(AtomicU8::new(0)));
        let mcp_server = McpServer::new(Arc::new(Mirror), low.clone(), Config::default());
        let kept = Arc::new(Kept(Mutex::default()));
        let view = if bytes.first() == Some(&b' ') { View::One("a".parse().expect("a name")) } else { View::All };
        let session = SessionId::random(&*low);
        let connection = mcp_server.open("agent".parse().expect("a name"), session, view, kept.clone());
        for line in bytes.split(|byte| *byte == b'\n').take(64) {
            let headers = (line.first() == Some(&b' ')).then(ParamHeaders::default);
            connection.receive(Bytes::copy_from_slice(line), headers);
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        connection.receive(Bytes::from_static(br#"{"jsonrpc":"2.0","id":"the end","method":"ping"}"#), None);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let kept = kept.0.lock().expect("no panic before");
        for message in kept.iter() {
            let value: Result<serde_json::Value, _> = serde_json::from_slice(message);
            assert!(value.is_ok_and(|value| value["jsonrpc"] == "2.0"), "{}", String::from_utf8_lossy(message));
        }
        assert!(kept.iter().any(|message| message.windows(9).any(|window| window == br#""the end""#)));
    });
});
