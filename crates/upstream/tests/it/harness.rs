//! A pool with a catalog, an observer and clients that tests can inspect.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use briefcase_egress::{Egress, EgressSettings};
use briefcase_launcher::{JAIL, JailLauncher};
use briefcase_ports::{
    BoxFuture, ClientFeatures, ClientPeer, ClientProfile, ConnectionKey, NotReady, Outbound, Reply, RpcError,
    SecretSource, SendGate, ServerCatalog, ServerEvent, ServerLimits, ServerObserver, Sharing, UpstreamFailure,
    UpstreamSpec, Upstreams, Waiting,
};
use briefcase_types::{EnvValue, Era, HeaderTemplate, SecretName, ServerId, SessionId, Transport};
use briefcase_upstream::{ChildEnvironment, Pool, PoolParts};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub const SECRET: &str = "canary-7c1f";

#[derive(Default)]
pub struct TestCatalog(Mutex<HashMap<ServerId, Arc<UpstreamSpec>>>);

impl ServerCatalog for TestCatalog {
    fn spec(&self, server: &ServerId) -> Result<Arc<UpstreamSpec>, NotReady> {
        self.0.lock().unwrap().get(server).cloned().ok_or_else(|| NotReady("no such server".into()))
    }
}

impl SecretSource for TestCatalog {
    fn with_secret(&self, _: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        visit(SECRET);
        Ok(())
    }
}

/// Records events and notifications, and answers a server's requests, for the session or for one call.
#[derive(Default)]
pub struct Recorder {
    pub events: Mutex<Vec<ServerEvent>>,
    pub notifications: Mutex<Vec<(String, Value)>>,
    pub requests: Mutex<Vec<(String, Value)>>,
    /// Never answers a request.
    pub silent: bool,
}

impl Recorder {
    async fn answer(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        self.requests.lock().unwrap().push((method.to_owned(), serde_json::from_slice(&params).unwrap()));
        if self.silent {
            std::future::pending::<()>().await;
        }
        Ok(match method {
            "elicitation/create" => r#"{"action":"accept","content":{"name":"Ada"}}"#.into(),
            "roots/list" => r#"{"roots":[]}"#.into(),
            _ => r#"{"role":"assistant","model":"m","content":{"type":"text","text":"Paris"}}"#.into(),
        })
    }

    pub fn has_event(&self, event: &ServerEvent) -> bool {
        self.events.lock().unwrap().contains(event)
    }
}

impl ServerObserver for Recorder {
    fn event(&self, _: &ServerId, _: SessionId, event: ServerEvent) {
        self.events.lock().unwrap().push(event);
    }

    fn request<'a>(
        &'a self,
        _: &'a ServerId,
        _: SessionId,
        method: &'a str,
        params: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(self.answer(method, params))
    }
}

impl ClientPeer for Recorder {
    fn notify(&self, method: &str, params: Bytes) {
        self.notifications.lock().unwrap().push((method.to_owned(), serde_json::from_slice(&params).unwrap()));
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(self.answer(method, params))
    }

    fn waiting(&self, _: &Waiting) {}
}

pub struct Harness {
    pub pool: Arc<Pool>,
    pub catalog: Arc<TestCatalog>,
    pub recorder: Arc<Recorder>,
}

pub fn limits() -> ServerLimits {
    ServerLimits {
        message: 256 * 1024,
        open: Duration::from_secs(10),
        first_open: Duration::from_secs(10),
        list: Duration::from_secs(10),
        probe: Duration::from_secs(3),
    }
}

impl Harness {
    pub fn new() -> Self {
        Self::with_jail(briefcase_testkit::program(JAIL))
    }

    /// Starts children with the launcher program at this path.
    pub fn with_jail(path: std::path::PathBuf) -> Self {
        let (catalog, recorder) = (Arc::new(TestCatalog::default()), Arc::new(Recorder::default()));
        let settings = EgressSettings {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(5),
            ..EgressSettings::default()
        };
        let search = std::env::var_os("PATH").unwrap().into_string().unwrap();
        let pool = Pool::new(PoolParts {
            catalog: catalog.clone(),
            secrets: catalog.clone(),
            observer: recorder.clone(),
            launcher: Arc::new(JailLauncher::new(path).unwrap()),
            egress: Egress::new(settings).unwrap(),
            environment: ChildEnvironment { path: search, home: std::env::temp_dir(), lang: "C.UTF-8".into() },
        });
        Self { pool: Arc::new(pool), catalog, recorder }
    }

    pub fn put(&self, name: &str, transport: Transport) {
        self.put_spec(
            name,
            UpstreamSpec { transport, limits: limits(), names_client: false, pipes: false, loopback_owner: None },
        );
    }

    pub fn put_spec(&self, name: &str, spec: UpstreamSpec) {
        self.catalog.0.lock().unwrap().insert(name.parse().unwrap(), Arc::new(spec));
    }

    /// Registers the server with a higher limit for its messages.
    pub fn raise_limit(&self, name: &str, message: usize) {
        self.change(name, |spec| spec.limits.message = message);
    }

    /// Changes the specification of a server.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut UpstreamSpec)) {
        let mut spec = UpstreamSpec::clone(&self.catalog.spec(&name.parse().unwrap()).unwrap());
        change(&mut spec);
        self.put_spec(name, spec);
    }

    /// Registers an HTTP server with a credential.
    pub fn http(&self, name: &str, url: &str) {
        let (header, value, secret) =
            ("authorization".into(), "Bearer {secret}".into(), Some("token".parse().unwrap()));
        let bearer = HeaderTemplate { name: header, value, secret };
        self.put(name, Transport::Http { url: url.to_owned(), headers: vec![bearer] });
    }

    pub fn stdio(&self, name: &str, argv: &[&str]) {
        self.stdio_with(name, argv, Vec::new());
    }

    pub fn stdio_with(&self, name: &str, argv: &[&str], env: Vec<(String, EnvValue)>) {
        let argv = argv.iter().map(ToString::to_string).collect();
        self.put(name, Transport::Stdio { argv, env: env.into_iter().collect(), cwd: None });
    }

    pub async fn call(&self, key: &ConnectionKey, tool: &str, arguments: Value) -> Result<Value, UpstreamFailure> {
        self.send(key, "tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    pub async fn send(
        &self,
        key: &ConnectionKey,
        method: &'static str,
        params: Value,
    ) -> Result<Value, UpstreamFailure> {
        match self.pool.send(key, outbound(method, &params), self.recorder.clone()).await? {
            Reply::Result(raw) => Ok(serde_json::from_slice(&raw).unwrap()),
            Reply::Error(error) => Ok(json!({"code": error.code, "message": error.message})),
        }
    }

    pub async fn failure(&self, key: &ConnectionKey, tool: &str) -> &'static str {
        self.call(key, tool, json!({})).await.expect_err("a failure").reason()
    }
}

pub fn outbound(method: &'static str, params: &Value) -> Outbound {
    let params = serde_json::to_vec(params).unwrap().into();
    Outbound {
        method,
        params,
        timeout: Duration::from_secs(10),
        cancel: CancellationToken::new(),
        gate: SendGate::without_record(),
    }
}

pub fn key(server: &str, era: Era) -> ConnectionKey {
    session_key(server, era, 'A')
}

/// The key of another session for each letter.
pub fn session_key(server: &str, era: Era, session: char) -> ConnectionKey {
    let version = match era {
        Era::Legacy => "2025-11-25",
        Era::Modern => "2026-07-28",
    };
    let client = ClientProfile {
        era,
        version,
        features: ClientFeatures { elicitation: true, sampling: true, roots: true, ..ClientFeatures::default() },
        name: None,
    };
    ConnectionKey {
        agent: "tester".parse().unwrap(),
        session: format!("{}A", session.to_string().repeat(21)).parse().unwrap(),
        server: server.parse().unwrap(),
        client: Arc::new(client),
        sharing: Sharing::Session,
    }
}

/// Waits until the condition is true.
pub async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("the condition stayed false");
}
