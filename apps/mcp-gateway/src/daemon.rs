//! Connects to the daemon, and reports to the agent when that fails.

use std::path::{Path, PathBuf};

use briefcase_ipc::{AgentToken, ConnectError, DaemonClient, SocketError};
use briefcase_mcp::{ErrorCode, RequestId, error_response};
use briefcase_types::RefusalCode;
use bytes::Bytes;
use serde::Serialize;

const GATEWAY: &str = concat!("mcp-gateway/", env!("CARGO_PKG_VERSION"));

/// The daemon's socket.
#[derive(Clone, Debug)]
pub(crate) struct DaemonEndpoint {
    socket: PathBuf,
}

/// The reason the agent cannot be served, in the same form as every other refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unavailable {
    pub(crate) code: RefusalCode,
    pub(crate) message: String,
    pub(crate) next_step: String,
}

impl DaemonEndpoint {
    pub(crate) const fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Connects on behalf of one agent.
    pub(crate) async fn connect(&self, token: AgentToken) -> Result<DaemonClient, Unavailable> {
        DaemonClient::connect(&self.socket, token, GATEWAY).await.map_err(|error| Unavailable::from(&error))
    }

    /// Connects with the token in a file.
    pub(crate) async fn connect_with(&self, token_file: &Path) -> Result<DaemonClient, Unavailable> {
        let token = AgentToken::read(token_file).map_err(|error| {
            Unavailable::new(error.to_string(), "Make the agent's token with `briefcase agent add NAME`.")
        })?;
        self.connect(token).await
    }
}

impl Unavailable {
    pub(crate) fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { code: RefusalCode::Unavailable, message: message.into(), next_step: next_step.into() }
    }

    /// The reason after a lost connection.
    pub(crate) fn lost() -> Self {
        Self::new(
            "The connection to briefcased ended.",
            "Start it with `briefcase up` if it is not running, then try again.",
        )
    }

    /// The reason for a request that was sent and not answered.
    pub(crate) fn lost_in_flight() -> Self {
        Self::new(
            "The connection to briefcased ended before the response. It is not known whether the request took effect.",
            "Look with `briefcase receipts` before you repeat it. If briefcased is not running, start it with `briefcase up`.",
        )
    }

    /// Whether the credential was refused, so that a retry with it is useless.
    pub(crate) const fn is_credential(&self) -> bool {
        matches!(self.code, RefusalCode::Denied | RefusalCode::Revoked)
    }

    /// Builds the JSON-RPC error response to a request.
    pub(crate) fn answer(&self, id: Option<&RequestId>) -> Bytes {
        let data = serde_json::to_vec(self).ok();
        let message = format!("{}: {} {}", self.code, self.message, self.next_step);
        error_response(id, ErrorCode::UNAVAILABLE, &message, data.as_deref())
    }
}

impl From<&ConnectError> for Unavailable {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Refused(refused) => {
                Self { code: refused.code, message: refused.message.clone(), next_step: refused.next_step.clone() }
            }
            ConnectError::Socket(SocketError::NotRunning(socket)) => Self::new(
                format!("briefcased is not running: nothing listens at {}.", socket.display()),
                "Start it with `briefcase up`. If it runs, `briefcase doctor` shows why it is not found.",
            ),
            error => Self::new(error.to_string(), "Run `briefcase doctor` to find the cause."),
        }
    }
}
