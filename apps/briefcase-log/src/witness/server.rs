//! The witness's HTTP server, with `POST /add-checkpoint` as its only endpoint.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use briefcase_tlog::{
    CosignRefusal,
    witness::{REQUEST_MAX, SIZE_TYPE},
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::WitnessService;
use crate::error::CommandError;

const CONNECTIONS: usize = 64;
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Binds the listening socket.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, CommandError> {
    let listening = TcpListener::bind(address).await;
    listening.map_err(|source| CommandError::Listen { address: address.to_string(), source })
}

/// Serves requests until the process ends.
pub async fn serve(listener: TcpListener, witness: WitnessService) -> Result<(), CommandError> {
    let (witness, places) = (Arc::new(witness), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        // A connection that broke before it was accepted does not stop the server.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let witness = Arc::clone(&witness);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let witness = Arc::clone(&witness);
                async move { Ok::<_, Infallible>(respond(request, witness).await) }
            });
            let mut http = http1::Builder::new();
            let connection = http
                .timer(TokioTimer::new())
                .header_read_timeout(READ_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // The client notices the end of its connection.
            let _ended = connection.await;
            drop(place);
        });
    }
}

async fn respond(request: Request<Incoming>, witness: Arc<WitnessService>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return response(StatusCode::NOT_FOUND, "text/plain", "not found: the only path is /add-checkpoint\n".into());
    }
    if request.method() != Method::POST {
        return response(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "use POST\n".into());
    }
    let body = timeout(READ_TIMEOUT, Limited::new(request.into_body(), REQUEST_MAX).collect()).await;
    let Ok(Ok(body)) = body else {
        return response(StatusCode::BAD_REQUEST, "text/plain", "the request is incomplete or too large\n".into());
    };
    let body = body.to_bytes();
    let cosigned = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, now())).await;
    match cosigned {
        Ok(Ok(line)) => response(StatusCode::OK, "text/plain; charset=utf-8", line),
        Ok(Err(CommandError::Refused(CosignRefusal::Conflict { size }))) => {
            response(StatusCode::CONFLICT, SIZE_TYPE, format!("{size}\n"))
        }
        Ok(Err(CommandError::Refused(refusal))) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            response(status, "text/plain; charset=utf-8", format!("{refusal}\n"))
        }
        Ok(Err(failure)) => {
            failure.report(false);
            response(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the witness failed; try again\n".into())
        }
        Err(_) => response(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the witness failed; try again\n".into()),
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// Returns the time for a cosignature, in seconds since 1970.
pub fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a cosignature states the time it was made")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}
