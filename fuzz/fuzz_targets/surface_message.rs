//! A client says anything, one message per line, to a server that hands its arguments back as results: the conversation
//! goes on, and every message to the client is one JSON document.
#![no_main]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

use briefcase_mcp::ParamHeaders;
use briefcase_mcp_server::{
    Core, ListMethod, Operation, Outcome, Outlet, Request, Route, Settings, Surface, UpstreamInfo, Verdict, View, Watch,
};
use briefcase_ports::{BoxFuture, ClientPeer, ConnectionKey, Definition, Era, RpcError};
use briefcase_types::{AgentId, Entropy, ReceiptIndex, Refusal, ServerId, SessionId, ToolName};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const TOOL: &[u8] = br#"{"name":"t","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}}"#;
const CAPABILITIES: &[u8] = br#"{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"logging":{},
    "tasks":{"list":{}},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

struct Mirror;

impl Core for Mirror {
    fn servers(&self, _: &AgentId) -> Vec<ServerId> {
        ["a", "b"].iter().map(|name| name.parse().expect("a name")).collect()
    }

    fn info<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<UpstreamInfo>, Refusal>> {
        let info = UpstreamInfo {
            era: if line.server.as_str() == "a" { Era::Legacy } else { Era::Modern },
            capabilities: Bytes::from_static(CAPABILITIES),
            server_info: Bytes::from_static(b"{}"),
            instructions: None,
        };
        Box::pin(async { Ok(Arc::new(info)) })
    }

    fn tools<'a>(&'a self, _: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Vec<Definition>>, Refusal>> {
        let tool = Definition { name: "t".to_owned(), raw: Bytes::from_static(TOOL) };
        Box::pin(async { Ok(Arc::new(vec![tool])) })
    }

    fn accepted(&self, _: &ConnectionKey, _: &ToolName) -> Option<Bytes> {
        Some(Bytes::from_static(TOOL))
    }

    fn list<'a>(&'a self, _: &'a ConnectionKey, _: ListMethod) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        let item = Bytes::from_static(br#"{"name":"p","uri":"x://y","uriTemplate":"x://{y}"}"#);
        Box::pin(async { Ok(vec![item]) })
    }

    fn call<'a>(&'a self, request: Request, talk: Arc<dyn ClientPeer>) -> BoxFuture<'a, Result<Outcome, Refusal>> {
        Box::pin(async move {
            let raw = match request.operation {
                Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => arguments,
                Operation::Complete { params } | Operation::Follow { params, .. } => params,
                Operation::ReadResource { .. } => Bytes::from_static(br#"{"contents":[{"uri":"x://y"}]}"#),
            };
            talk.notify("notifications/progress", raw.clone());
            talk.notify("notifications/message", raw.clone());
            let answered = talk.ask("elicitation/create", raw.clone()).await;
            let verdict = match answered {
                Err(error) if request.line.server.as_str() == "b" => {
                    Verdict::Error(RpcError { data: Some(raw), ..error })
                }
                _ => Verdict::Result(raw),
            };
            Ok(Outcome { verdict, receipt: ReceiptIndex(1), continuation: None })
        })
    }

    fn refuse<'a>(&'a self, _: &'a AgentId, _: SessionId, _: &'static str, refusal: Refusal) -> BoxFuture<'a, Refusal> {
        Box::pin(async { refusal })
    }

    fn clean(&self, _: &ServerId, raw: Bytes) -> Option<Bytes> {
        Some(raw)
    }

    fn watch(&self, _: &ConnectionKey, _: Watch) {}

    fn tell(&self, _: SessionId, _: &'static str, _: Option<Bytes>) {}
}

/// Few different handles, so that the input can guess them.
struct Low(AtomicU8);

impl Entropy for Low {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed) % 4);
    }
}

struct Kept(Mutex<Vec<Bytes>>);

impl Outlet for Kept {
    fn send(&self, _: Route, message: Bytes) {
        self.0.lock().expect("no panic before").push(message);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let low = Arc::new(Low(AtomicU8::new(0)));
        let surface = Surface::new(Arc::new(Mirror), low.clone(), Settings::default());
        let kept = Arc::new(Kept(Mutex::default()));
        let view = if bytes.first() == Some(&b' ') { View::One("a".parse().expect("a name")) } else { View::All };
        let session = SessionId::random(&*low);
        let conversation = surface.open("agent".parse().expect("a name"), session, view, kept.clone());
        for line in bytes.split(|byte| *byte == b'\n').take(64) {
            let headers = (line.first() == Some(&b' ')).then(ParamHeaders::default);
            conversation.receive(Bytes::copy_from_slice(line), headers);
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        conversation.receive(Bytes::from_static(br#"{"jsonrpc":"2.0","id":"the end","method":"ping"}"#), None);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let kept = kept.0.lock().expect("no panic before");
        for message in kept.iter() {
            let value: Result<serde_json::Value, _> = serde_json::from_slice(message);
            assert!(value.is_ok_and(|value| value["jsonrpc"] == "2.0"), "{}", String::from_utf8_lossy(message));
        }
        assert!(kept.iter().any(|message| message.windows(9).any(|window| window == br#""the end""#)));
    });
});
