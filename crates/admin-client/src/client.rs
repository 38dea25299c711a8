//! The connection, and one method per route.

use std::path::PathBuf;

use briefcase_api::{
    AgentView, Backup, BudgetView, Check, ConsoleLogin, Decide, Decided, Evidence, FactorView, GrantView, Look,
    PasskeyOfferView, PolicyReport, PolicyTest, PolicyTestReport, PolicyText, Probe, Problem, ReceiptDetail,
    ReceiptPage, ReceiptQuery, SecretView, ServerSpec, ServerView, Status, ToolView, Why,
};
use briefcase_ipc::Peer;
use briefcase_types::{ApprovalRequest, Decision, LoopbackOwner, ReceiptIndex, SecretString, ServerId, Settings};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use zeroize::Zeroize as _;

use crate::{
    AdminEvents, ClientError, UnlockBody,
    body::{self, collect, read},
    receipts,
};

/// Sends requests to the daemon at one socket, a connection each.
#[derive(Clone, Debug)]
pub struct AdminClient {
    socket: PathBuf,
}

/// A response that is too long for memory.
#[derive(Debug)]
pub struct Download(Incoming);

impl Download {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// The connection ended early.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.0.frame().await {
            let frame = frame.map_err(|error| ClientError::Connection(error.to_string()))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// The routes of the contract. Every method fails with [`ClientError`]: the daemon refused, or was not reached.
impl AdminClient {
    /// The client of the daemon that serves this socket, now or later.
    #[must_use]
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The daemon's process.
    pub async fn peer(&self) -> Result<Peer, ClientError> {
        Ok(briefcase_ipc::connect(&self.socket).await?.1)
    }

    /// The daemon's state. Answered while locked too.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get("/v1/status").await
    }

    /// Opens the vault.
    pub async fn unlock(&self, body: &UnlockBody) -> Result<Status, ClientError> {
        self.post("/v1/unlock", body.contract()).await
    }

    /// Removes secrets from the daemon's memory.
    pub async fn lock(&self) -> Result<Status, ClientError> {
        self.post("/v1/lock", &json!({})).await
    }

    /// Findings about protections.
    pub async fn doctor(&self) -> Result<Vec<Check>, ClientError> {
        self.get("/v1/doctor").await
    }

    /// Notifications of changes.
    pub async fn events(&self) -> Result<AdminEvents, ClientError> {
        Ok(AdminEvents::new(self.send(Method::GET, "/v1/events", Bytes::new()).await?))
    }

    /// Open approval requests.
    pub async fn approvals(&self) -> Result<Vec<ApprovalRequest>, ClientError> {
        self.get("/v1/approvals").await
    }

    /// Records a decision about exactly the approval request that was shown.
    pub async fn decide(
        &self,
        shown: &ApprovalRequest,
        decision: Decision,
        evidence: Evidence,
    ) -> Result<Decided, ClientError> {
        let body = Decide { shown: shown.digest, decision, evidence };
        let decided = self.post(&format!("/v1/approvals/{}/decide", shown.id), &body).await;
        body::wipe(body.evidence);
        decided
    }

    /// Registered agents.
    pub async fn agents(&self) -> Result<Vec<AgentView>, ClientError> {
        self.get("/v1/agents").await
    }

    /// Registered servers.
    pub async fn servers(&self) -> Result<Vec<ServerView>, ClientError> {
        self.get("/v1/servers").await
    }

    /// Tools of all servers.
    pub async fn tools(&self) -> Result<Vec<ToolView>, ClientError> {
        self.get("/v1/tools").await
    }

    /// The settings of the whole briefcase.
    pub async fn settings(&self) -> Result<Settings, ClientError> {
        self.get("/v1/settings").await
    }

    /// Saved approvals.
    pub async fn grants(&self) -> Result<Vec<GrantView>, ClientError> {
        self.get("/v1/grants").await
    }

    /// Budgets and what was spent.
    pub async fn budgets(&self) -> Result<Vec<BudgetView>, ClientError> {
        self.get("/v1/budgets").await
    }

    /// Names of secrets.
    pub async fn secrets(&self) -> Result<Vec<SecretView>, ClientError> {
        self.get("/v1/secrets").await
    }

    /// Authentication methods.
    pub async fn factors(&self) -> Result<Vec<FactorView>, ClientError> {
        self.get("/v1/factors").await
    }

    /// Connects to a server that is not registered yet. A spec that names a secret needs evidence.
    pub async fn probe(&self, spec: &ServerSpec, evidence: Option<Evidence>) -> Result<Probe, ClientError> {
        const PATH: &str = "/v1/servers/probe";
        let Some(evidence) = evidence else { return self.post(PATH, spec).await };
        let look = Look::Proven { spec: spec.clone(), evidence };
        let probe = self.post(PATH, &look).await;
        if let Look::Proven { evidence, .. } = look {
            body::wipe(evidence);
        }
        probe
    }

    /// Connects to a registered server and compares its tools with the accepted ones.
    pub async fn test_server(&self, server: &ServerId) -> Result<Probe, ClientError> {
        self.post(&format!("/v1/servers/{server}/test"), &json!({})).await
    }

    /// The process that listens now on the port of a server on this machine; `None` when it cannot be found out.
    pub async fn listener(&self, server: &ServerId) -> Result<Option<LoopbackOwner>, ClientError> {
        self.get(&format!("/v1/servers/{server}/listener")).await
    }

    /// The policy in force.
    pub async fn policy(&self) -> Result<PolicyText, ClientError> {
        self.get("/v1/policy").await
    }

    /// Validates a policy text and replays recent calls with it.
    pub async fn check_policy(&self, text: &PolicyText) -> Result<PolicyReport, ClientError> {
        self.post("/v1/policy/check", text).await
    }

    /// Runs a person's own cases.
    pub async fn test_policy(&self, test: &PolicyTest) -> Result<PolicyTestReport, ClientError> {
        self.post("/v1/policy/test", test).await
    }

    /// Explains the decision about a call.
    pub async fn why(&self, receipt: ReceiptIndex) -> Result<Why, ClientError> {
        self.get(&format!("/v1/why/{receipt}")).await
    }

    /// The passkey that waits for consent, if one does.
    pub async fn passkey_offer(&self) -> Result<Option<PasskeyOfferView>, ClientError> {
        self.bytes("/v1/passkey/offer").await?.map(|bytes| read(&bytes)).transpose()
    }

    /// Receipts, newest first.
    pub async fn receipts(&self, query: &ReceiptQuery) -> Result<ReceiptPage, ClientError> {
        self.get(&format!("/v1/receipts?{}", receipts::query(query))).await
    }

    /// One receipt with its proof.
    pub async fn receipt(&self, receipt: ReceiptIndex) -> Result<ReceiptDetail, ClientError> {
        self.get(&format!("/v1/receipts/{receipt}")).await
    }

    /// A file of the receipt log (C2SP tlog-tiles), such as `checkpoint`; `None` where the log has no such file.
    pub async fn log_file(&self, name: &str) -> Result<Option<Bytes>, ClientError> {
        self.bytes(&format!("/v1/log/{name}")).await
    }

    /// A sealed backup.
    pub async fn backup(&self, passphrase: &SecretString, evidence: Evidence) -> Result<Download, ClientError> {
        let mut backup = Backup { passphrase: passphrase.expose(str::to_owned), evidence };
        let encoded = body::json(&backup);
        backup.passphrase.zeroize();
        body::wipe(backup.evidence);
        Ok(Download(self.send(Method::POST, "/v1/backup", encoded?).await?))
    }

    /// A one-time address of the console.
    pub async fn console_login(&self) -> Result<ConsoleLogin, ClientError> {
        self.post("/v1/console/login", &json!({})).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(&collect(self.send(Method::GET, path, Bytes::new()).await?).await?)
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let response = self.send(Method::POST, path, body::json(body)?).await?;
        read(&collect(response).await?)
    }

    /// The bytes of a response; `None` where the daemon has no such resource.
    async fn bytes(&self, path: &str) -> Result<Option<Bytes>, ClientError> {
        match self.send(Method::GET, path, Bytes::new()).await {
            Ok(response) => collect(response).await.map(Some),
            Err(error) if error.code() == "not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Bytes) -> Result<Incoming, ClientError> {
        let broken = |error: &dyn std::fmt::Display| ClientError::Connection(error.to_string());
        let (stream, _) = briefcase_ipc::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        let mut request = Request::builder().method(method.clone()).uri(path).header("host", "localhost");
        if method != Method::GET {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|error| broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.into_body());
        }
        let body = collect(response.into_body()).await.unwrap_or_default();
        Err(refused(status, &body))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> ClientError {
    serde_json::from_slice::<Problem>(body).map_or(ClientError::Status(status), ClientError::Refused)
}
