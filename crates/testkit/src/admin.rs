//! A client of `admin.sock` for tests: any request, and the setup steps that every test needs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::{WAIT, eventually};

/// The polling interval of a simulated person.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The admin socket of one home.
#[derive(Clone)]
pub struct AdminSocket {
    socket: PathBuf,
}

impl AdminSocket {
    /// Names the socket in this runtime folder.
    pub fn new(runtime: &Path) -> Self {
        Self { socket: runtime.join("admin.sock") }
    }

    /// Sends one request. Returns status and body; an error means that no response came.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(u16, Bytes), String> {
        let exchange = async {
            let stream = UnixStream::connect(&self.socket).await.map_err(|error| error.to_string())?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            let mut request = Request::builder().method(method).uri(path);
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
                request = request.header("host", "localhost");
            }
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok((status, body.to_bytes()))
        };
        match tokio::time::timeout(WAIT, exchange).await {
            Ok(answer) => answer,
            Err(_) => panic!("the daemon did not answer {path} within {WAIT:?}"),
        }
    }

    /// Sends JSON. Returns status and JSON (null for an empty body).
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let answered = self.raw(method, path, &[("content-type", "application/json")], bytes).await;
        let (status, body) = answered.unwrap_or_else(|error| panic!("{path}: {error}"));
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Sends a `GET` that must succeed.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, body) = self.send(Method::GET, path, None).await;
        assert_eq!(status, 200, "GET {path}: {body}");
        serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("GET {path}: {error}: {body}"))
    }

    /// Sends a `POST` that must succeed.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> T {
        let (status, answer) = self.send(Method::POST, path, Some(body)).await;
        assert!((200..300).contains(&status), "POST {path}: {status} {answer}");
        serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("POST {path}: {error}: {answer}"))
    }

    /// Previews a change and applies it with the PIN.
    pub async fn change(&self, change: &Value, pin: &str) -> Value {
        let preview: Value = self.post("/v1/changes/preview", &without_secrets(change)).await;
        let apply = json!({ "change": change, "digest": preview["digest"], "evidence": { "pin": pin } });
        self.post("/v1/changes", &apply).await
    }

    /// Registers an agent and returns its token.
    pub async fn add_agent(&self, name: &str, pin: &str) -> String {
        let applied = self.change(&json!({ "change": "add_agent", "name": name }), pin).await;
        applied["token"].as_str().expect("a token").to_owned()
    }

    /// Registers a server with all its tools, resources and prompts. The tools in `reads` get the class `read`.
    pub async fn add_server(&self, name: &str, spec: &Value, reads: &[&str], pin: &str) -> Value {
        let look = json!({ "spec": spec, "evidence": { "pin": pin } });
        let probe: Value = self.post("/v1/servers/probe", if names_secret(spec) { &look } else { spec }).await;
        let change = json!({
            "change": "add_server", "name": name, "spec": spec, "probe": probe["digest"],
            "reads": reads, "reads_granted": true
        });
        self.change(&change, pin).await;
        probe
    }

    /// Waits for a pending approval.
    pub async fn question(&self) -> Value {
        eventually("a question", async || self.get::<Vec<Value>>("/v1/approvals").await.into_iter().next()).await
    }

    /// Decides an approval with the PIN: `{"decision":"allow","scope":"once"}`, `{"decision":"deny"}`, …
    pub async fn decide(&self, question: &Value, decision: &Value, pin: &str) -> (u16, Value) {
        let id = question["id"].as_str().expect("an id");
        let evidence = json!({ "pin": pin });
        let body = json!({ "shown": question["digest"], "decision": decision, "evidence": evidence });
        self.send(Method::POST, &format!("/v1/approvals/{id}/decide"), Some(&body)).await
    }

    /// Simulates a person who allows every approval once, until the handle is aborted or the runtime ends.
    pub fn allow_everything(&self, pin: &str) -> JoinHandle<()> {
        let (admin, pin) = (self.clone(), pin.to_owned());
        tokio::spawn(async move {
            let allow = json!({ "decision": "allow", "scope": "once" });
            loop {
                let (status, open) = admin.send(Method::GET, "/v1/approvals", None).await;
                if status != 200 {
                    return;
                }
                for question in open.as_array().into_iter().flatten() {
                    // Another client may have decided first, or the caller may be gone.
                    admin.decide(question, &allow, &pin).await;
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        })
    }
}

/// Whether a server's specification uses a secret.
fn names_secret(spec: &Value) -> bool {
    let in_headers = spec["headers"].as_array().into_iter().flatten().any(|header| !header["secret"].is_null());
    in_headers || spec["secret_env"].as_object().is_some_and(|names| !names.is_empty())
}

/// The form of a change for its preview: each confidential text replaced by its digest.
pub fn without_secrets(change: &Value) -> Value {
    let mut change = change.clone();
    for member in ["value", "pin", "passphrase"] {
        let secret = ["set_secret", "set_pin", "set_passphrase"].iter().any(|kind| change["change"] == **kind);
        if let Some(text) = change.get(member).and_then(Value::as_str).filter(|_| secret) {
            change[member] = confidential_digest(text).into();
        }
    }
    change
}

/// SHA-256 over label, zero byte, length and text, as base64url: written again here, as another client would.
fn confidential_digest(text: &str) -> String {
    use base64::Engine as _;
    let length = u64::try_from(text.len()).expect("a short text");
    let bytes = [b"briefcase/confidential/1\0".as_slice(), &length.to_be_bytes(), text.as_bytes()].concat();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}
