//! The way to the daemon, and what to tell an agent when there is none.

use std::path::PathBuf;

use briefcase_ipc::{AgentToken, ConnectError, DaemonClient, SocketError};
use briefcase_mcp::{ErrorCode, RequestId, error_response};
use briefcase_types::RefusalCode;
use bytes::Bytes;
use serde::Serialize;

const GATEWAY: &str = concat!("mcp-gateway/", env!("CARGO_PKG_VERSION"));

/// Where the daemon is.
#[derive(Clone, Debug)]
pub(crate) struct DaemonEndpoint {
    socket: PathBuf,
}

/// Why the agent cannot be served, in the words and the shape of every other refusal.
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

    /// Connects for one agent.
    pub(crate) async fn connect(&self, token: AgentToken) -> Result<DaemonClient, Unavailable> {
        DaemonClient::connect(&self.socket, token, GATEWAY).await.map_err(|error| Unavailable::from(&error))
    }
}

impl Unavailable {
    pub(crate) fn new(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { code: RefusalCode::Unavailable, message: message.into(), next_step: next_step.into() }
    }

    /// The connection to the daemon was there and is gone.
    pub(crate) fn lost() -> Self {
        Self::new(
            "The connection to briefcased ended.",
            "Start it with `briefcase up` if it is not running, then connect again.",
        )
    }

    /// Whether the credential is what is wrong: another try with the same one is pointless.
    pub(crate) const fn is_credential(&self) -> bool {
        matches!(self.code, RefusalCode::Denied | RefusalCode::Revoked)
    }

    /// The JSON-RPC answer to a request.
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
            ConnectError::Socket(SocketError::NotRunning(_)) => {
                Self::new("briefcased is not running.", "Start it with `briefcase up`.")
            }
            error => Self::new(error.to_string(), "Run `briefcase doctor` to see what is wrong."),
        }
    }
}
