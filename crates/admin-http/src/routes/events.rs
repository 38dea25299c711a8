//! Events: notifications that something changed. They carry no data; the listener reads the resource again.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use briefcase_engine::approvals::QueueChanged;
use briefcase_store::Reader;
use futures_util::{StreamExt as _, stream};
use tokio::{sync::broadcast, time::Instant};

use crate::{
    Briefcase,
    connections::{ConnectionHandle, StreamPermit},
    error::ApiError,
    state::AdminState,
};

/// The interval between two checks of what has no event of its own.
const POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The time without an event after which a comment keeps the connection alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `GET /v1/events`
pub async fn events(
    State(admin): State<Arc<AdminState>>,
    Extension(connection): Extension<ConnectionHandle>,
) -> Result<Response, ApiError> {
    let briefcase = admin.briefcase()?;
    let listener = Listener {
        changes: briefcase.engine.approvals().subscribe(),
        authority: briefcase.engine.authority().version(),
        receipts: size(&briefcase).await,
        last_sent: Instant::now(),
        first: true,
        permit: connection.stream(),
        briefcase,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((text, listener))
    });
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// One listener, and the versions that it was notified of.
struct Listener {
    briefcase: Arc<Briefcase>,
    changes: broadcast::Receiver<QueueChanged>,
    authority: u64,
    receipts: u64,
    last_sent: Instant,
    first: bool,
    permit: StreamPermit,
}

impl Listener {
    /// The next line of the stream, or `None` once the briefcase is locked or another stream needs the place.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.first) {
            return Some(event("approvals"));
        }
        loop {
            let changed = tokio::select! {
                () = self.briefcase.ended.cancelled() => return None,
                () = self.permit.ended().cancelled() => return None,
                _ = self.changes.recv() => true,
                () = tokio::time::sleep(POLL_INTERVAL) => false,
            };
            let line = if changed { Some(event("approvals")) } else { self.poll().await };
            let comment = (self.last_sent.elapsed() >= KEEP_ALIVE).then(|| Bytes::from_static(b": still here\n\n"));
            if let Some(line) = line.or(comment) {
                self.last_sent = Instant::now();
                return Some(line);
            }
        }
    }

    async fn poll(&mut self) -> Option<Bytes> {
        let (authority, receipts) = (self.briefcase.engine.authority().version(), size(&self.briefcase).await);
        if authority != self.authority {
            self.authority = authority;
            return Some(event("authority"));
        }
        if receipts != self.receipts {
            self.receipts = receipts;
            return Some(event("receipts"));
        }
        None
    }
}

async fn size(briefcase: &Briefcase) -> u64 {
    briefcase.reader().spawn(Reader::size).await.unwrap_or_default()
}

fn event(name: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata:\n\n"))
}
