//! MCP over standard input and output: one message per line, and nothing else on standard output.
//!
//! Two independent loops: [`from_client`] reads the client's messages and sends them to the daemon. [`to_client`] owns
//! the connection and writes the daemon's messages. Many messages may be in flight.
//!
//! The process ends with the client, not with the daemon: clients do not restart a server that exited. Without a daemon each
//! request gets an error with the next step. When the daemon is back, the handshake is repeated and the client lists again.

mod from_client;
mod lines;
mod pipes;
mod state;
mod to_client;

use std::{path::PathBuf, sync::Arc};

use briefcase_ipc::{AgentTransport, OpenChannel};
use tokio::sync::mpsc;

use crate::{
    daemon::{DaemonEndpoint, Unavailable},
    options::GatewaySettings,
};
use pipes::{Input, Output};
use state::StdioState;

/// The maximum number of queued responses of the gateway's own.
const ANSWERS: usize = 64;

/// The gateway stopped before the client did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StdioError {
    #[error("cannot use standard input or output: {0}")]
    Io(#[from] std::io::Error),
}

/// The access to the daemon on behalf of this process's agent.
struct AgentAccess {
    daemon: DaemonEndpoint,
    token_file: PathBuf,
    open: OpenChannel,
}

impl AgentAccess {
    async fn connect(&self) -> Result<briefcase_ipc::DaemonClient, Unavailable> {
        self.daemon.connect_with(&self.token_file).await
    }
}

/// Serves the client until it closes standard input.
pub(crate) async fn run(settings: GatewaySettings) -> Result<(), StdioError> {
    let (input, output) = (Input::open()?, Output::open()?);
    let access = AgentAccess {
        daemon: DaemonEndpoint::at(settings.socket),
        token_file: settings.token_file,
        open: OpenChannel {
            transport: AgentTransport::Stdio,
            view: settings.view.map(|view| view.to_string()),
            stateless: false,
        },
    };
    let state = Arc::new(StdioState::default());
    let (answers, queue) = mpsc::channel(ANSWERS);
    let mut outward = tokio::spawn(to_client::run(access, Arc::clone(&state), queue, output));
    let inward = from_client::run(input, Arc::clone(&state), answers);
    tokio::select! {
        ended = &mut outward => joined(ended),
        read = inward => {
            read?;
            state.client_is_gone();
            joined(outward.await)
        }
    }
}

fn joined(ended: Result<Result<(), StdioError>, tokio::task::JoinError>) -> Result<(), StdioError> {
    ended.unwrap_or_else(|error| Err(StdioError::Io(std::io::Error::other(error))))
}
