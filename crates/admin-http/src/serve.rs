//! Serves the routes at `admin.sock` and at the console's port.

use std::{sync::Arc, time::Duration};

use axum::Router;
use briefcase_ipc::AdminListener;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;

use crate::{router, state::AdminState};

/// Connections at one place; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// The time in which a client must send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `admin.sock` until the token is cancelled.
pub async fn serve_socket(listener: AdminListener, admin: Arc<AdminState>, stop: CancellationToken) {
    let (routes, permits) = (router::at_socket(admin), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        serve_connection(stream, routes.clone(), &permits, &stop);
    }
}

/// Serves the console's port until the token is cancelled.
pub async fn serve_console(listeners: Vec<TcpListener>, admin: Arc<AdminState>, stop: CancellationToken) {
    let (routes, permits) = (router::at_console(admin), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let serve = |listener: TcpListener| {
        let (routes, permits, stop) = (routes.clone(), Arc::clone(&permits), stop.clone());
        async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                match accepted {
                    Ok((stream, _)) => serve_connection(stream, routes.clone(), &permits, &stop),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
    };
    futures_util::future::join_all(listeners.into_iter().map(serve)).await;
}

fn serve_connection<S>(stream: S, routes: Router, permits: &Arc<Semaphore>, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        let service = hyper_util::service::TowerToHyperService::new(routes);
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_headers(64).max_buf_size(64 * 1024);
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = connection => {}
            () = stop.cancelled() => {}
        }
        drop(permit);
    });
}
