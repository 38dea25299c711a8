//! Requests to briefcased over `admin.sock`: HTTP/1.1 with JSON.
//!
//! Invariant: every connection knows, before a byte is sent, that the other end is a process of this same user in a private
//! folder. Bodies are wiped when they have been sent: some hold a PIN.

use std::path::PathBuf;

use briefcase_api::{Evidence, Problem};
use briefcase_ipc::Peer;
use briefcase_types::SecretString;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::failure::{self, Failure};

/// Longest answer that is held in memory.
const ANSWER_MAX: usize = 64 * 1024 * 1024;
/// Room for a body from the start, so that growing leaves no copies behind.
const BODY_ROOM: usize = 128 * 1024;

/// Talks to the daemon at one socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// The daemon that serves this socket, if there is one.
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Looks something up.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(&collect(self.send(Method::GET, path, Bytes::new()).await?).await?)
    }

    /// Looks something up that may not be there.
    pub async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        self.bytes(path).await?.map(|bytes| read(&bytes)).transpose()
    }

    /// Sends something, and reads the answer.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let answer = self.send(Method::POST, path, json(body)?).await?;
        read(&collect(answer).await?)
    }

    /// The bytes of an answer; `None` where the daemon says that there is no such thing.
    pub async fn bytes(&self, path: &str) -> Result<Option<Bytes>, Failure> {
        match self.send(Method::GET, path, Bytes::new()).await {
            Ok(answer) => collect(answer).await.map(Some),
            Err(failure) if failure.is("not_found") => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Sends something whose answer is too long for memory, or does not end.
    pub async fn stream(&self, method: Method, path: &str, body: Bytes) -> Result<Incoming, Failure> {
        self.send(method, path, body).await
    }

    /// The daemon's process.
    pub async fn peer(&self) -> Result<Peer, Failure> {
        Ok(briefcase_ipc::connect(&self.socket).await?.1)
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Incoming, Failure> {
        let (stream, _) = briefcase_ipc::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", "localhost");
        if method != Method::GET {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|error| broken(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let body = collect(answer.into_body()).await.unwrap_or_default();
        Err(refused(status, &body))
    }
}

/// A body that is wiped when it has been sent.
pub fn json(body: &impl Serialize) -> Result<Bytes, Failure> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(BODY_ROOM));
    serde_json::to_writer(&mut *buffer, body).map_err(|error| broken(&error))?;
    Ok(Bytes::from_owner(buffer))
}

/// Evidence for one request.
pub fn pin_evidence(pin: &SecretString) -> Evidence {
    pin.expose(|pin| Evidence::Pin(pin.to_owned()))
}

/// Wipes what can be wiped of a body after it was sent.
pub fn wipe(evidence: Evidence) {
    if let Evidence::Pin(pin) = evidence {
        drop(Zeroizing::new(pin));
    }
}

async fn collect(body: Incoming) -> Result<Bytes, Failure> {
    Limited::new(body, ANSWER_MAX)
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| broken(&error))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let text = format!("The response of briefcased is not valid: {error}.");
        Failure::new("unavailable", text, "Check that both are of the same version: `briefcase status`.")
    })
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => Failure::Problem(problem),
        Err(_) if status == StatusCode::NOT_FOUND => Failure::new("not_found", "Not found.", ""),
        Err(_) => {
            let text = format!("briefcased answered {status} without a reason.");
            Failure::new("unavailable", text, "Check that both are of the same version: `briefcase status`.")
        }
    }
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    let text = format!("The connection to briefcased failed: {error}.");
    Failure::new("unavailable", text, "Check whether it is running: `briefcase status`.")
}

/// The daemon, or a new one, does not run.
pub fn is_not_running(failure: &Failure) -> bool {
    failure.exit_code() == failure::not_running().exit_code()
}
