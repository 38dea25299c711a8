//! MCP over Streamable HTTP, both eras on one endpoint, on loopback only.
//!
//! Every local program can reach a loopback port, and so can every web page through a browser. So each request passes
//! these checks in order: [`framing`] (one unambiguous request), [`origin_check`] (Host, Origin, browser headers),
//! [`credential`] and [`agents`] (the daemon identifies the agent), [`limits`] (number and rate), [`content_type`]
//! (types and sizes). Only then is the message read, by [`modern`] or [`legacy`].

mod agent_connection;
mod agents;
mod checked_io;
mod content_type;
mod credential;
mod entropy;
mod event_buffer;
mod events;
mod framing;
mod legacy;
mod limits;
mod modern;
mod origin_check;
mod preauth_limit;
mod reply;
mod self_test;
mod service;
mod session;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use self::{
    agents::Agents,
    checked_io::CheckedIo,
    origin_check::OriginCheck,
    preauth_limit::{PreauthLimit, PreauthPermit},
    self_test::SelfTestError,
    service::{HttpConnection, Service},
};
use crate::{daemon::DaemonEndpoint, options::GatewaySettings};

/// A response becomes an event stream when no message came for this long.
const STREAM_AFTER: Duration = Duration::from_secs(2);
/// The maximum number of connections.
const CONNECTIONS: usize = 1024;
/// The largest read buffer of a connection.
const READ_BUFFER: usize = 64 * 1024;
const SWEEP: Duration = Duration::from_secs(30);
/// The pause when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The HTTP server cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("cannot listen on {address}: {source}. If the port is taken, choose another with --http.")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
}

/// Serves until the process ends.
pub(crate) async fn run(settings: GatewaySettings, address: SocketAddr) -> Result<(), HttpError> {
    allow_many_descriptors();
    let bind = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    let service = Arc::new(Service {
        origin_check: OriginCheck::new(bound, settings.origins),
        agents: Agents::new(DaemonEndpoint::at(settings.socket), settings.view.map(|view| view.to_string())),
    });
    let accepting = tokio::spawn(accept(listener, Arc::clone(&service)));
    if let Err(error) = self_test::run(bound).await {
        accepting.abort();
        return Err(error.into());
    }
    tracing::info!("serving MCP at http://{bound}/mcp (credential: `Authorization: Bearer <agent token>`)");
    loop {
        tokio::time::sleep(SWEEP).await;
        service.agents.sweep();
    }
}

/// Raises the limit of file descriptors for the allowed connections. If the system refuses, fewer connections work.
fn allow_many_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised =
        Rlimit { current: limit.maximum.map_or(Some(4096), |most| Some(most.min(4096))), maximum: limit.maximum };
    if limit.current < raised.current {
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>) {
    let (preauth, slots) = (PreauthLimit::default(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&slots).try_acquire_owned() else { continue };
        let pending = preauth.admit();
        let number = pending.number();
        let task = tokio::spawn(serve(stream, Arc::clone(&service), pending, permit));
        preauth.register(number, task.abort_handle());
    }
}

/// Serves one connection, one request at a time.
async fn serve(stream: TcpStream, service: Arc<Service>, preauth: PreauthPermit, _permit: OwnedSemaphorePermit) {
    // Small responses must not wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let (stream, framing) = CheckedIo::new(stream);
    let connection = Arc::new(HttpConnection::new(service, framing, preauth));
    let answer = service_fn(move |request| {
        let (connection, begun) = (Arc::clone(&connection), connection.begin(&request));
        async move { Ok::<_, Infallible>(connection.answer(request, begun).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .half_close(false)
        .max_buf_size(READ_BUFFER)
        .max_headers(96)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}
