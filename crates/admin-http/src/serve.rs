//! Serves the routes at `admin.sock` and at the console's port.

use std::{sync::Arc, time::Duration};

use axum::Router;
use briefcase_ipc::AdminListener;
use hyper::{
    Request,
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

use crate::{
    body_deadline::BodyDeadline,
    connections::{ConnectionSlot, Connections, Owner},
    router,
    state::AdminState,
};

/// The time in which a client must send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `admin.sock` until the token is cancelled.
pub async fn serve_socket(listener: AdminListener, admin: Arc<AdminState>, stop: CancellationToken) {
    let (routes, connections) = (router::at_socket(admin), Connections::default());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let owner = Owner::Process(peer.pid().unwrap_or_default());
        serve_connection(stream, routes.clone(), connections.admit(owner), &stop);
    }
}

/// Serves the console's port until the token is cancelled.
pub async fn serve_console(listeners: Vec<TcpListener>, admin: Arc<AdminState>, stop: CancellationToken) {
    let (routes, connections) = (router::at_console(admin), Connections::default());
    let serve = |listener: TcpListener| {
        let (routes, connections, stop) = (routes.clone(), connections.clone(), stop.clone());
        async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                match accepted {
                    Ok((stream, _)) => {
                        serve_connection(stream, routes.clone(), connections.admit(Owner::Unproven), &stop);
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
    };
    futures_util::future::join_all(listeners.into_iter().map(serve)).await;
}

fn serve_connection<S>(stream: S, routes: Router, permit: ConnectionSlot, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stop = stop.clone();
    tokio::spawn(async move {
        let (handle, routes) = (permit.handle(), TowerToHyperService::new(routes));
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| BodyDeadline::new(body, &handle));
            request.extensions_mut().insert(handle.clone());
            let busy = handle.busy();
            let answer = routes.call(request);
            async move {
                let answered = answer.await;
                drop(busy);
                answered
            }
        });
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_headers(64).max_buf_size(64 * 1024);
        let served = server.serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = served => {}
            () = permit.ended().cancelled() => {}
            () = stop.cancelled() => {}
        }
    });
}
