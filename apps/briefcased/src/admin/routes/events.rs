//! Tells a listener that something changed, so that it looks again. Carries no data.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use crate::admin::{answer::Failure, state::Admin};

/// A line now and then keeps the connection known to be alive.
const QUIET: Duration = Duration::from_secs(15);

/// `GET /v1/events`
pub async fn events(State(admin): State<Arc<Admin>>) -> Result<Response, Failure> {
    let open = admin.open()?;
    let state = (open.engine.desk().watch(), open.ended.clone(), true);
    let events = stream::unfold(state, |(mut changes, ended, first)| async move {
        if first {
            return Some((event("approvals"), (changes, ended, false)));
        }
        let text = tokio::select! {
            () = ended.cancelled() => return None,
            heard = timeout_at(Instant::now() + QUIET, changes.recv()) => match heard {
                Ok(_) => event("approvals"),
                Err(_) => Bytes::from_static(b"event: receipts\ndata:\n\n"),
            },
        };
        Some((text, (changes, ended, false)))
    });
    let body = Body::from_stream(futures_util::StreamExt::map(events, Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

fn event(name: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata:\n\n"))
}
