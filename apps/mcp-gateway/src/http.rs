//! MCP over Streamable HTTP, both eras on one endpoint, on loopback only.
//!
//! A loopback port is reachable by every program and, through a browser, by every page. So each request passes, in this
//! order: [`framing`] (is it one request?), [`admission`] (Host, Origin, browser headers), [`credential`] and
//! [`directory`] (which agent? the daemon says), [`quota`] (not too much at once), [`media`] (types and sizes), and only
//! then the message is read and goes to [`modern`] or [`legacy`].

mod admission;
mod credential;
mod directory;
mod entropy;
mod events;
mod framing;
mod guard;
mod legacy;
mod lobby;
mod media;
mod modern;
mod outlet;
mod principal;
mod quota;
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
    admission::Admission,
    directory::Directory,
    guard::Guarded,
    lobby::{Lobby, Place},
    self_test::SelfTestError,
    service::{Connection, Service},
};
use crate::{daemon::Daemon, options::Settings};

/// A response becomes a stream of events when nothing was there to send for this long.
const STREAM_AFTER: Duration = Duration::from_secs(2);
/// Connections in all.
const CONNECTIONS: usize = 1024;
/// The read buffer of a connection grows up to this.
const READ_BUFFER: usize = 64 * 1024;
const SWEEP: Duration = Duration::from_secs(30);
/// How long to wait when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why HTTP is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("cannot listen on {address}: {source}. If the port is taken, choose another with --http.")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
}

/// Serves until the process is ended.
pub(crate) async fn run(settings: Settings, address: SocketAddr) -> Result<(), HttpError> {
    allow_many_descriptors();
    let bind = |source| HttpError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind)?;
    let bound = listener.local_addr().map_err(bind)?;
    let service = Arc::new(Service {
        admission: Admission::new(bound, settings.origins),
        directory: Directory::new(Daemon::at(settings.socket), settings.view.map(|view| view.to_string())),
    });
    let accepting = tokio::spawn(accept(listener, Arc::clone(&service)));
    if let Err(error) = self_test::run(bound).await {
        accepting.abort();
        return Err(error.into());
    }
    tracing::info!("serving MCP at http://{bound}/mcp (credential: `Authorization: Bearer <agent token>`)");
    loop {
        tokio::time::sleep(SWEEP).await;
        service.directory.sweep();
    }
}

/// As many connections as allowed should not fail for want of descriptors; where they cannot be had, fewer do.
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
    let (lobby, places) = (Lobby::default(), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&places).try_acquire_owned() else { continue };
        let place = lobby.enter();
        let number = place.number();
        let task = tokio::spawn(serve(stream, Arc::clone(&service), place, permit));
        lobby.entered(number, task.abort_handle());
    }
}

/// Serves one connection, one request at a time.
async fn serve(stream: TcpStream, service: Arc<Service>, place: Place, _permit: OwnedSemaphorePermit) {
    // Small answers must not wait for acknowledgements.
    let _ = stream.set_nodelay(true);
    let (guarded, watched) = Guarded::new(stream);
    let connection = Arc::new(Connection::new(service, watched, place));
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
        .serve_connection(TokioIo::new(guarded), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!("a connection ended: {error}");
    }
}
