//! Reasons why a request failed, and their form in the contract.

use briefcase_api::Problem;
use briefcase_ipc::SocketError;
use http::StatusCode;

/// A request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The daemon refused the request.
    #[error(transparent)]
    Refused(Problem),
    /// The daemon refused the request without a [`Problem`].
    #[error("briefcased answered {0} without a reason")]
    Status(StatusCode),
    /// The socket was not reached. Nothing was sent.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The connection ended early.
    #[error("the connection to briefcased failed: {0}")]
    Connection(String),
    /// The request has no JSON form.
    #[error("the connection to briefcased failed: {0}")]
    Encoding(#[source] serde_json::Error),
    /// The response is not of the expected form.
    #[error("the response of briefcased is not valid: {0}")]
    InvalidResponse(#[source] serde_json::Error),
    /// The kernel does not report which process serves the socket.
    #[error("the system does not say which process serves the socket")]
    UnknownProcess,
    /// The signal that ends the daemon was not delivered.
    #[error("{0}")]
    Signal(#[source] std::io::Error),
    /// The daemon still ran after the time that it has for ending.
    #[error("briefcased (process {pid}) did not end within {seconds} s")]
    StillRunning {
        /// Its process id.
        pid: i32,
        /// The waiting time.
        seconds: u64,
    },
}

impl ClientError {
    /// The stable code of the problem that this error converts into.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(problem) => &problem.code,
            Self::Status(StatusCode::NOT_FOUND) => "not_found",
            Self::Socket(SocketError::NotRunning(_)) => "not_running",
            Self::Socket(SocketError::Dir(_) | SocketError::Peer(_)) => "unsafe_socket",
            _ => "unavailable",
        }
    }

    /// Whether no daemon serves the socket.
    #[must_use]
    pub fn is_not_running(&self) -> bool {
        self.code() == "not_running"
    }

    fn next_step(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::Status(StatusCode::NOT_FOUND) => "",
            Self::Status(_) | Self::InvalidResponse(_) => {
                "Check that both are of the same version: `briefcase status`."
            }
            Self::Socket(SocketError::NotRunning(_)) => {
                "Start it with `briefcase up`. On a new computer run `briefcase setup` first; `briefcase demo` shows what it does."
            }
            Self::Socket(SocketError::Dir(_) | SocketError::Peer(_)) => {
                "Nothing was sent. Run `briefcase doctor` after fixing it."
            }
            Self::Socket(_) => "Run `briefcase up`, then try again.",
            Self::Connection(_) | Self::Encoding(_) => "Check whether it is running: `briefcase status`.",
            Self::UnknownProcess => "Stop `briefcased` by hand.",
            Self::Signal(_) => "Try again; `briefcase doctor` looks for the cause.",
            Self::StillRunning { .. } => "See its log in the state folder.",
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let message = match &error {
            ClientError::Status(StatusCode::NOT_FOUND) => "Not found.".to_owned(),
            ClientError::Socket(SocketError::NotRunning(_)) => "briefcased is not running.".to_owned(),
            other => sentence(&other.to_string()),
        };
        match error {
            ClientError::Refused(problem) => problem,
            error => Self::new(error.code(), message, error.next_step()),
        }
    }
}

/// An error text as a sentence. The product's own name stays lower-case.
fn sentence(text: &str) -> String {
    match text.strip_prefix("the ") {
        Some(rest) => format!("The {rest}."),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_daemon_leads_to_the_commands_that_start_it() {
        let error = ClientError::from(SocketError::NotRunning("/x/admin.sock".into()));
        assert!(error.is_not_running());
        let problem = Problem::from(error);
        assert_eq!(problem.code, "not_running");
        assert!(problem.next_step.contains("briefcase up") && problem.next_step.contains("briefcase setup"));
    }

    #[test]
    fn a_refusal_keeps_its_code_and_words() {
        let problem = Problem::new("locked", "It is locked.", "Unlock it.");
        let error = ClientError::Refused(problem.clone());
        assert_eq!(error.code(), "locked");
        assert_eq!(Problem::from(error), problem);
    }

    #[test]
    fn every_message_is_a_sentence() {
        let text = Problem::from(ClientError::Connection("it was reset".into()));
        assert_eq!(text.message, "The connection to briefcased failed: it was reset.");
        assert_eq!(Problem::from(ClientError::Status(StatusCode::NOT_FOUND)).message, "Not found.");
        let text = Problem::from(ClientError::Status(StatusCode::BAD_GATEWAY));
        assert_eq!(text.message, "briefcased answered 502 Bad Gateway without a reason.");
    }
}
