//! The witness's door: `POST /add-checkpoint`, and nothing else.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use briefcase_tlog::{
    Refusal,
    witness::{REQUEST_MAX, SIZE_TYPE},
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::Witnessing;
use crate::failure::Failure;

const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listening = TcpListener::bind(address).await;
    listening.map_err(|source| Failure::Listen { address: address.to_string(), source })
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, witnessing: Witnessing) -> Result<(), Failure> {
    let (witnessing, places) = (Arc::new(witnessing), Arc::new(Semaphore::new(CONNECTIONS)));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        // A connection that broke before it was taken is no reason to stop.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let witnessing = Arc::clone(&witnessing);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let witnessing = Arc::clone(&witnessing);
                async move { Ok::<_, Infallible>(answered(request, witnessing).await) }
            });
            let mut http = http1::Builder::new();
            let connection = http
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            // Whoever asked sees how it ended.
            let _ended = connection.await;
            drop(place);
        });
    }
}

async fn answered(request: Request<Incoming>, witnessing: Arc<Witnessing>) -> Response<Full<Bytes>> {
    if request.uri().path() != "/add-checkpoint" {
        return answer(StatusCode::NOT_FOUND, "text/plain", "there is only /add-checkpoint\n".into());
    }
    if request.method() != Method::POST {
        return answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "it takes POST\n".into());
    }
    let body = timeout(PATIENCE, Limited::new(request.into_body(), REQUEST_MAX).collect()).await;
    let Ok(Ok(body)) = body else {
        return answer(StatusCode::BAD_REQUEST, "text/plain", "the request did not come whole\n".into());
    };
    let body = body.to_bytes();
    let judged = tokio::task::spawn_blocking(move || witnessing.add(&body, now())).await;
    match judged {
        Ok(Ok(line)) => answer(StatusCode::OK, "text/plain; charset=utf-8", line),
        Ok(Err(Failure::Refused(Refusal::Conflict { size }))) => {
            answer(StatusCode::CONFLICT, SIZE_TYPE, format!("{size}\n"))
        }
        Ok(Err(Failure::Refused(refusal))) => {
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            answer(status, "text/plain; charset=utf-8", format!("{refusal}\n"))
        }
        Ok(Err(failure)) => {
            failure.report(false);
            answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the witness cannot answer now\n".into())
        }
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the witness cannot answer now\n".into()),
    }
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

/// The time that a cosignature says, in seconds since 1970.
pub fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a cosignature is about the time it was made")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}
