//! Tells a listener that something changed, so that it looks again. Carries no data.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
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
    admin::{error::ApiError, state::Admin},
    startup::UnlockedState,
};

/// Between two looks at what has no event of its own.
const LOOK: Duration = Duration::from_secs(2);
/// A line now and then keeps the connection known to be alive.
const QUIET: Duration = Duration::from_secs(15);

/// `GET /v1/events`
pub async fn events(State(admin): State<Arc<Admin>>) -> Result<Response, ApiError> {
    let open = admin.open()?;
    let listener = Listener {
        changes: open.engine.approvals().subscribe(),
        authority: open.engine.authority().version(),
        receipts: size(&open).await,
        told: Instant::now(),
        first: true,
        open,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((text, listener))
    });
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

/// One listener and what it knows.
struct Listener {
    open: Arc<UnlockedState>,
    changes: broadcast::Receiver<QueueChanged>,
    authority: u64,
    receipts: u64,
    told: Instant,
    first: bool,
}

impl Listener {
    /// The next line for the listener; `None` when the briefcase was locked.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.first) {
            return Some(event("approvals"));
        }
        loop {
            let heard = tokio::select! {
                () = self.open.ended.cancelled() => return None,
                _ = self.changes.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let line = if heard { Some(event("approvals")) } else { self.look().await };
            let quiet = (self.told.elapsed() >= QUIET).then(|| Bytes::from_static(b": still here\n\n"));
            if let Some(line) = line.or(quiet) {
                self.told = Instant::now();
                return Some(line);
            }
        }
    }

    async fn look(&mut self) -> Option<Bytes> {
        let (authority, receipts) = (self.open.engine.authority().version(), size(&self.open).await);
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

async fn size(open: &UnlockedState) -> u64 {
    open.reader.spawn(Reader::size).await.unwrap_or_default()
}

fn event(name: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata:\n\n"))
}
