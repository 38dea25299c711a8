//! A pool with a directory, a watcher and clients that tests can look into.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use briefcase_egress::{AddressPolicy, Egress, EgressSettings, Target};
use briefcase_ports::{
    BoxFuture, ClientPeer, ClientProfile, ConnectionKey, Outbound, Reply, RpcError, Sharing, UpstreamFailure,
    Upstreams, Waiting,
};
use briefcase_types::{Era, SecretName, ServerId, SessionId};
use briefcase_upstream::{
    Directory, EnvValue, HeaderSpec, NotReady, Pool, PoolParts, ServerEvent, ServerLimits, ServerSpec, Surroundings,
    Transport, Watcher,
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub const SECRET: &str = "canary-7c1f";

#[derive(Default)]
pub struct Book(Mutex<HashMap<ServerId, Arc<ServerSpec>>>);

impl Directory for Book {
    fn spec(&self, server: &ServerId) -> Result<Arc<ServerSpec>, NotReady> {
        self.0.lock().unwrap().get(server).cloned().ok_or_else(|| NotReady("no such server".into()))
    }

    fn with_secret(&self, _: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        visit(SECRET);
        Ok(())
    }
}

/// Hears events and answers questions, for the session or for one call.
#[derive(Default)]
pub struct Ears {
    pub events: Mutex<Vec<ServerEvent>>,
    pub notes: Mutex<Vec<(String, Value)>>,
    pub asked: Mutex<Vec<(String, Value)>>,
    /// Never answers.
    pub silent: bool,
}

impl Ears {
    async fn answer(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        self.asked.lock().unwrap().push((method.to_owned(), serde_json::from_slice(&params).unwrap()));
        if self.silent {
            std::future::pending::<()>().await;
        }
        Ok(match method {
            "elicitation/create" => r#"{"action":"accept","content":{"name":"Ada"}}"#.into(),
            "roots/list" => r#"{"roots":[]}"#.into(),
            _ => r#"{"role":"assistant","model":"m","content":{"type":"text","text":"Paris"}}"#.into(),
        })
    }

    pub fn heard(&self, event: &ServerEvent) -> bool {
        self.events.lock().unwrap().contains(event)
    }
}

impl Watcher for Ears {
    fn event(&self, _: &ServerId, _: SessionId, event: ServerEvent) {
        self.events.lock().unwrap().push(event);
    }

    fn ask<'a>(
        &'a self,
        _: &'a ServerId,
        _: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(self.answer(method, params))
    }
}

impl ClientPeer for Ears {
    fn notify(&self, method: &str, params: Bytes) {
        self.notes.lock().unwrap().push((method.to_owned(), serde_json::from_slice(&params).unwrap()));
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(self.answer(method, params))
    }

    fn waiting(&self, _: &Waiting) {}
}

pub struct Stage {
    pub pool: Arc<Pool>,
    pub book: Arc<Book>,
    pub ears: Arc<Ears>,
}

pub fn limits() -> ServerLimits {
    ServerLimits {
        message: 256 * 1024,
        open: Duration::from_secs(10),
        list: Duration::from_secs(10),
        probe: Duration::from_secs(3),
    }
}

impl Stage {
    pub fn new() -> Self {
        let (book, ears) = (Arc::new(Book::default()), Arc::new(Ears::default()));
        let settings = EgressSettings {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            ..EgressSettings::default()
        };
        let path = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let pool = Pool::new(PoolParts {
            directory: book.clone(),
            watcher: ears.clone(),
            egress: Egress::new(settings).unwrap(),
            surroundings: Surroundings { path, home: std::env::temp_dir(), lang: "C.UTF-8".into() },
        });
        Self { pool: Arc::new(pool), book, ears }
    }

    pub fn put(&self, name: &str, transport: Transport) {
        let spec = ServerSpec { transport, limits: limits() };
        self.book.0.lock().unwrap().insert(name.parse().unwrap(), Arc::new(spec));
    }

    /// Registers an HTTP server with a credential.
    pub fn http(&self, name: &str, url: &str) {
        let target = Target::parse(url, AddressPolicy::Loopback).unwrap();
        let bearer = HeaderSpec::new("authorization", "Bearer {secret}", Some("token".parse().unwrap())).unwrap();
        self.put(name, Transport::Http { target, headers: vec![bearer] });
    }

    pub fn stdio(&self, name: &str, argv: &[&str]) {
        self.stdio_with(name, argv, Vec::new());
    }

    pub fn stdio_with(&self, name: &str, argv: &[&str], env: Vec<(String, EnvValue)>) {
        let argv = argv.iter().map(ToString::to_string).collect();
        self.put(name, Transport::Stdio { argv, env, cwd: None });
    }

    pub async fn call(&self, line: &ConnectionKey, tool: &str, arguments: Value) -> Result<Value, UpstreamFailure> {
        self.send(line, "tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    pub async fn send(
        &self,
        line: &ConnectionKey,
        method: &'static str,
        params: Value,
    ) -> Result<Value, UpstreamFailure> {
        match self.pool.send(line, outbound(method, &params), self.ears.clone()).await? {
            Reply::Result(raw) => Ok(serde_json::from_slice(&raw).unwrap()),
            Reply::Error(error) => Ok(json!({"code": error.code, "message": error.message})),
        }
    }

    pub async fn failure(&self, line: &ConnectionKey, tool: &str) -> &'static str {
        self.call(line, tool, json!({})).await.expect_err("a failure").reason()
    }
}

pub fn outbound(method: &'static str, params: &Value) -> Outbound {
    let params = serde_json::to_vec(params).unwrap().into();
    Outbound { method, params, timeout: Duration::from_secs(10), cancel: CancellationToken::new() }
}

pub fn line(server: &str, era: Era) -> ConnectionKey {
    session_line(server, era, 'A')
}

/// A line of another session for each letter.
pub fn session_line(server: &str, era: Era, session: char) -> ConnectionKey {
    let version = match era {
        Era::Legacy => "2025-11-25",
        Era::Modern => "2026-07-28",
    };
    let client = ClientProfile {
        era,
        version: version.into(),
        capabilities: r#"{"elicitation":{},"sampling":{},"roots":{}}"#.into(),
        info: r#"{"name":"test","version":"1"}"#.into(),
    };
    ConnectionKey {
        agent: "tester".parse().unwrap(),
        session: format!("{}A", session.to_string().repeat(21)).parse().unwrap(),
        server: server.parse().unwrap(),
        client: Arc::new(client),
        sharing: Sharing::Session,
    }
}

/// Waits until something is so.
pub async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it never came to be");
}
