//! The oldest HTTP transport (2024-11-05): one stream down, one address to post to.
//!
//! The stream names the address; it must be on the stream's own origin, so that the credential stays there.

use std::{sync::Arc, time::Duration};

use briefcase_egress::{EgressRequest, OriginClient, PathAndQuery};
use briefcase_ports::UpstreamFailure;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    ServerLimits,
    credentials::Credentials,
    duplex::Duplex,
    http_wire::{
        egress,
        events::{Events, Stop},
    },
    inbound::Inbound,
    related::Failure,
};

const DELIVERY: Duration = Duration::from_secs(15);

/// Opens the stream and waits for the address.
pub(crate) async fn connect(
    client: OriginClient,
    credentials: Arc<Credentials>,
    inbound: Arc<Inbound>,
    limits: &ServerLimits,
) -> Result<Arc<Duplex>, Failure> {
    let mut headers = with_credentials(&credentials)?;
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    let request = EgressRequest {
        method: Method::GET,
        path: None,
        headers,
        body: Bytes::new(),
        timeout: DELIVERY,
        limit: u64::MAX,
    };
    let answer = client.send(request).await.map_err(|error| egress(&error))?;
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !answer.status.is_success() || !kind.starts_with("text/event-stream") {
        return Err(Failure::Status(answer.status.as_u16()));
    }
    let mut events = Events::new(answer.body, limits.json().bytes);
    let address = timeout(DELIVERY, address(&mut events)).await.map_err(|_| UpstreamFailure::TimedOut)??;
    let place = client.target().join(&address).map_err(|_| UpstreamFailure::Protocol("endpoint"))?;
    let (duplex, messages) = Duplex::new(inbound, limits.json());
    tokio::spawn(read(events, Arc::clone(&duplex)));
    tokio::spawn(write(Post { client, place, credentials }, messages, Arc::clone(&duplex)));
    Ok(duplex)
}

async fn address(events: &mut Events) -> Result<String, Failure> {
    let protocol = || Failure::from(UpstreamFailure::Protocol("endpoint"));
    let event = events.next().await.map_err(|_| protocol())?;
    if event.event.as_deref() != Some("endpoint") {
        return Err(protocol());
    }
    String::from_utf8(event.data.to_vec()).map_err(|_| protocol())
}

async fn read(mut events: Events, duplex: Arc<Duplex>) {
    loop {
        let event = tokio::select! {
            () = duplex.closed.cancelled() => return,
            event = events.next() => event,
        };
        match event {
            Ok(event) if event.event.as_deref().is_none_or(|kind| kind == "message") => duplex.receive(&event.data),
            Ok(_) => {}
            Err(Stop::Ended) => {
                return duplex.close(&UpstreamFailure::Unreachable("the server closed the stream".into()), "ended");
            }
            Err(Stop::Failed(failure)) => return duplex.close(&failure.into(), "event_stream"),
        }
    }
}

/// Where messages go.
struct Post {
    client: OriginClient,
    place: PathAndQuery,
    credentials: Arc<Credentials>,
}

impl Post {
    async fn send(&self, body: Bytes) -> Result<(), Failure> {
        let mut headers = with_credentials(&self.credentials)?;
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let place = Some(self.place.clone());
        let request =
            EgressRequest { method: Method::POST, path: place, headers, body, timeout: DELIVERY, limit: 64 * 1024 };
        let answer = self.client.send(request).await.map_err(|error| egress(&error))?;
        if !answer.status.is_success() {
            return Err(Failure::Status(answer.status.as_u16()));
        }
        Events::new(answer.body, 1024).finish();
        Ok(())
    }
}

async fn write(post: Post, mut messages: mpsc::Receiver<Bytes>, duplex: Arc<Duplex>) {
    let closed: CancellationToken = duplex.closed.clone();
    loop {
        let message = tokio::select! {
            () = closed.cancelled() => return,
            message = messages.recv() => message,
        };
        let Some(message) = message else { return };
        let sent = tokio::select! {
            () = closed.cancelled() => return,
            sent = post.send(message) => sent,
        };
        if let Err(failure) = sent {
            return duplex.close(&failure.into(), "unreachable");
        }
    }
}

fn with_credentials(credentials: &Credentials) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    credentials.add_to(&mut headers).map_err(UpstreamFailure::from)?;
    Ok(headers)
}
