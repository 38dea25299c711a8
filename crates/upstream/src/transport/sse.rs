//! The HTTP+SSE transport of 2024-11-05: one event stream from the server, and one URL to post to.
//!
//! The stream names the URL. It must be on the stream's own origin, so that the credential stays there.

use std::{sync::Arc, time::Duration};

use briefcase_egress::PathAndQuery;
use briefcase_mcp::without_framing;
use briefcase_ports::{ServerLimits, UpstreamFailure};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    http_client::{HttpClient, HttpRequest},
    multiplexed::Multiplexed,
    sse_stream::{SseStream, StreamEnd},
};
use crate::{
    failure::{TransportFailure, protocol, refused},
    limits,
    server_messages::IncomingMessages,
};

/// The time to open the stream, to receive the URL, and to post a message.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Opens the stream and waits for the URL.
pub(crate) async fn connect(
    client: HttpClient,
    messages: Arc<IncomingMessages>,
    server_limits: &ServerLimits,
) -> Result<Arc<Multiplexed>, TransportFailure> {
    let request =
        HttpRequest { method: Method::GET, path: None, body: Bytes::new(), timeout: TIMEOUT, limit: u64::MAX };
    let accept = |headers: &mut HeaderMap| {
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    };
    let response = client.send(&request, accept).await?;
    let kind = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !response.status.is_success() {
        return Err(refused(response.status, &response.headers, b""));
    }
    if !kind.starts_with("text/event-stream") {
        return Err(protocol("content_type"));
    }
    let limits = limits::message(server_limits);
    let mut events = SseStream::new(response.body, limits.bytes);
    let url = timeout(TIMEOUT, endpoint(&mut events)).await.map_err(|_| UpstreamFailure::TimedOut)??;
    let path = client.origin.target().join(&url).map_err(|_| protocol("endpoint"))?;
    let (multiplexed, queue) = Multiplexed::new(messages, limits, Arc::default());
    tokio::spawn(read(events, Arc::clone(&multiplexed)));
    tokio::spawn(write(Sender { client, path }, queue, Arc::clone(&multiplexed)));
    Ok(multiplexed)
}

/// The URL in the stream's first event.
async fn endpoint(events: &mut SseStream) -> Result<String, TransportFailure> {
    let malformed = || protocol("endpoint");
    let event = events.next().await.map_err(|_| malformed())?;
    if event.event.as_deref() != Some("endpoint") {
        return Err(malformed());
    }
    String::from_utf8(event.data.to_vec()).map_err(|_| malformed())
}

async fn read(mut events: SseStream, multiplexed: Arc<Multiplexed>) {
    loop {
        let event = tokio::select! {
            () = multiplexed.closed.cancelled() => return,
            event = events.next() => event,
        };
        match event {
            Ok(event) if event.event.as_deref().is_none_or(|kind| kind == "message") => match &event.dropped {
                Some(message) => multiplexed.dropped(message),
                None => multiplexed.receive(&without_framing(&event.data)),
            },
            Ok(_) => {}
            Err(StreamEnd::Ended) => {
                return multiplexed
                    .close(&UpstreamFailure::Unreachable("the server closed the stream".into()), "ended");
            }
            Err(StreamEnd::Failed(failure)) => return multiplexed.close(&failure.into(), "event_stream"),
        }
    }
}

/// Posts messages to the URL.
struct Sender {
    client: HttpClient,
    path: PathAndQuery,
}

impl Sender {
    async fn send(&self, body: Bytes) -> Result<(), TransportFailure> {
        let path = Some(self.path.clone());
        let request = HttpRequest { method: Method::POST, path, body, timeout: TIMEOUT, limit: 64 * 1024 };
        let json = |headers: &mut HeaderMap| {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        };
        let response = self.client.send(&request, json).await?;
        if !response.status.is_success() {
            return Err(refused(response.status, &response.headers, b""));
        }
        SseStream::new(response.body, 1024).finish();
        Ok(())
    }
}

async fn write(sender: Sender, mut queue: mpsc::Receiver<Bytes>, multiplexed: Arc<Multiplexed>) {
    let closed: CancellationToken = multiplexed.closed.clone();
    loop {
        let message = tokio::select! {
            () = closed.cancelled() => return,
            message = queue.recv() => message,
        };
        let Some(message) = message else { return };
        let sent = tokio::select! {
            () = closed.cancelled() => return,
            sent = sender.send(message) => sent,
        };
        if let Err(failure) = sent {
            return multiplexed.close(&failure.into(), "unreachable");
        }
    }
}
