//! A test double of the daemon, with known tokens, a few tools, and a record of every frame.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use briefcase_ipc::{
    AgentListener, ChannelId, ChannelRoute, FrameSender, GatewayConnection, HandshakeRefusal, PROTOCOL, ToDaemon,
    ToGateway, Welcome,
};
use briefcase_types::RefusalCode;
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) const ALICE: &str = "bca_alice_0123456789abcdef";
pub(crate) const BOB: &str = "bca_bob_0123456789abcdefgh";

/// A running test double. Dropping it ends its connections.
pub(crate) struct Daemon {
    pub(crate) socket: PathBuf,
    frames: Mutex<mpsc::Receiver<ToDaemon>>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// A private folder for sockets and tokens.
pub(crate) fn private() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700)).tempdir().unwrap()
}

impl Daemon {
    pub(crate) fn start(dir: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (record, frames) = mpsc::channel();
        let inside = runtime.enter();
        let listener = AgentListener::bind(dir).unwrap();
        let socket = listener.path();
        drop(inside);
        runtime.spawn(async move {
            loop {
                let incoming = listener.accept().await;
                tokio::spawn(serve(incoming, record.clone()));
            }
        });
        Self { socket, frames: Mutex::new(frames), runtime: Some(runtime) }
    }

    /// Waits for the next frame that matches. Fails on a timeout.
    pub(crate) fn expect(&self, what: &str, fits: impl Fn(&ToDaemon) -> bool) -> ToDaemon {
        let frames = self.frames.lock().unwrap();
        loop {
            let frame = frames.recv_timeout(Duration::from_secs(10));
            let frame = frame.unwrap_or_else(|_| panic!("the daemon never got {what}"));
            if fits(&frame) {
                return frame;
            }
        }
    }

    /// All frames received so far.
    pub(crate) fn frames(&self) -> Vec<ToDaemon> {
        self.frames.lock().unwrap().try_iter().collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

async fn serve(incoming: briefcase_ipc::IncomingConnection, record: mpsc::Sender<ToDaemon>) {
    let Ok(greeting) = incoming.read_hello().await else { return };
    let agent = greeting.hello.agent_token.expose(|token| match token {
        ALICE => Some("alice"),
        BOB => Some("bob"),
        _ => None,
    });
    let Some(agent) = agent else {
        let refused = HandshakeRefusal {
            code: RefusalCode::Denied,
            message: "This agent is not known.".into(),
            next_step: "Make a token with `briefcase agent add NAME`.".into(),
        };
        let _ = greeting.refuse(refused).await;
        return;
    };
    let welcome = Welcome { protocol: PROTOCOL, agent: agent.into(), daemon: "double/1".into() };
    let GatewayConnection { mut receiver, sender, .. } = greeting.welcome(welcome).await.unwrap();
    let held = Arc::new(Mutex::new(Vec::new()));
    while let Ok(Some(frame)) = receiver.recv().await {
        let _ = record.send(frame.clone());
        if let ToDaemon::Message { channel, json, headers } = frame {
            let Ok(message) = serde_json::from_slice::<Value>(&json) else { continue };
            if message["params"]["name"] == "die" {
                return;
            }
            let said = Said { channel, sender: sender.clone(), message, agent, mirrored: headers };
            said.answer(&held).await;
        }
    }
}

struct Said {
    channel: ChannelId,
    sender: FrameSender<ToGateway>,
    message: Value,
    agent: &'static str,
    mirrored: Option<Bytes>,
}

impl Said {
    async fn answer(self, held: &Arc<Mutex<Vec<(ChannelId, Value)>>>) {
        let id = self.message["id"].clone();
        match self.message["method"].as_str() {
            Some("initialize") => {
                let version = &self.message["params"]["protocolVersion"];
                if version == "refuse" {
                    return self
                        .send(&id, &json!({"jsonrpc":"2.0","id":id,"error":{"code":-32602,"message":"no"}}))
                        .await;
                }
                let info = json!({"name": self.agent, "version": "1"});
                self.result(&id, &json!({"protocolVersion": version, "capabilities": {"tools": {"listChanged": true}, "prompts": {"listChanged": false}}, "serverInfo": info})).await;
            }
            Some("tools/list" | "ping" | "server/discover") => self.result(&id, &json!({"tools": []})).await,
            Some("tools/call") => self.call(&id, held).await,
            Some("notifications/general") => {
                self.general(&json!({"jsonrpc":"2.0","method":"notifications/message"})).await;
            }
            Some("notifications/release") => self.release(held).await,
            Some(_) if !id.is_null() => {
                let error = json!({"code": -32601, "message": "Method not found"});
                self.send(&id, &json!({"jsonrpc":"2.0","id":id,"error":error})).await;
            }
            // The client's answer to a tool's request.
            None if !self.message["result"].is_null() => {
                let asked = id.as_str().and_then(|id| id.strip_prefix("ask-")).unwrap_or_default().to_owned();
                let asked: Value = serde_json::from_str(&asked).unwrap();
                self.result(&asked, &json!({"client_said": self.message["result"]})).await;
            }
            _ => {}
        }
    }

    async fn call(&self, id: &Value, held: &Arc<Mutex<Vec<(ChannelId, Value)>>>) {
        let arguments = &self.message["params"]["arguments"];
        match self.message["params"]["name"].as_str() {
            Some("progress") => {
                for step in 1..=2 {
                    let progress =
                        json!({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":step}});
                    self.send(id, &progress).await;
                }
                self.result(id, &json!({"done": true})).await;
            }
            Some("ask") => {
                let question =
                    json!({"jsonrpc":"2.0","id":format!("ask-{id}"),"method":"sampling/createMessage","params":{}});
                self.send(id, &question).await;
            }
            Some("pretty") => {
                let text = format!("{{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": {id},\n  \"result\": {{\n  }}\n}}");
                self.raw(id, text.into()).await;
            }
            Some("big") => {
                let size = usize::try_from(arguments["bytes"].as_u64().unwrap()).unwrap();
                self.result(id, &json!({"text": "x".repeat(size)})).await;
            }
            Some("hang") => {}
            Some("hold") => {
                self.send(id, &json!({"jsonrpc":"2.0","method":"notifications/progress","params":{}})).await;
                held.lock().unwrap().push((self.channel, id.clone()));
            }
            Some("wait") => held.lock().unwrap().push((self.channel, id.clone())),
            Some("headers") => {
                let mirrored = self.mirrored.as_ref().map(|json| serde_json::from_slice::<Value>(json).unwrap());
                self.result(id, &json!({"mirrored": mirrored})).await;
            }
            Some("missing") => {
                let error = json!({"code": -32021, "message": "sampling"});
                self.send(id, &json!({"jsonrpc":"2.0","id":id,"error":error})).await;
            }
            _ => self.result(id, &json!({"echo": arguments, "agent": self.agent})).await,
        }
    }

    async fn release(&self, held: &Arc<Mutex<Vec<(ChannelId, Value)>>>) {
        let waiting = std::mem::take(&mut *held.lock().unwrap());
        for (channel, id) in waiting {
            let json = json!({"jsonrpc":"2.0","id":id,"result":{"released":true}}).to_string().into();
            let route = ChannelRoute::Related(id.to_string().into());
            self.sender.send(ToGateway::Message { channel, route, json }).await.unwrap();
        }
    }

    async fn result(&self, id: &Value, result: &Value) {
        self.send(id, &json!({"jsonrpc":"2.0","id":id,"result":result})).await;
    }

    async fn send(&self, id: &Value, message: &Value) {
        self.raw(id, message.to_string().into()).await;
    }

    async fn raw(&self, id: &Value, json: Bytes) {
        let route = ChannelRoute::Related(id.to_string().into());
        let _ = self.sender.send(ToGateway::Message { channel: self.channel, route, json }).await;
    }

    async fn general(&self, message: &Value) {
        let json = message.to_string().into();
        let frame = ToGateway::Message { channel: self.channel, route: ChannelRoute::General, json };
        let _ = self.sender.send(frame).await;
    }
}
