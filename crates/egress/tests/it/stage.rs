//! Test parts: a client, a server that writes given bytes, and a resolver with given addresses.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use briefcase_egress::{
    AddressPolicy, CertificateDer, Egress, EgressError, EgressRequest, EgressSettings, EgressTarget, OriginClient,
    ResolveFuture, Resolver,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Answers each look-up with the next list of addresses.
#[derive(Default)]
pub struct Told(pub Mutex<VecDeque<Vec<IpAddr>>>);

impl Resolver for Told {
    fn resolve<'a>(&'a self, _: &'a str) -> ResolveFuture<'a> {
        let next = self.0.lock().unwrap().pop_front().unwrap_or_default();
        Box::pin(async move { Ok(next) })
    }
}

pub fn client(
    url: &str,
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    roots: Vec<CertificateDer<'static>>,
) -> OriginClient {
    let (connect, idle) = (Duration::from_secs(2), Duration::from_millis(200));
    let egress = Egress::new(EgressSettings { connect, idle, roots, resolver }).unwrap();
    egress.client(EgressTarget::parse(url, policy).unwrap())
}

pub fn get() -> EgressRequest {
    EgressRequest {
        method: Method::GET,
        path: None,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        timeout: Duration::from_millis(500),
        limit: 1000,
    }
}

/// Sends a request and reads the whole response.
pub async fn fetch(client: &OriginClient) -> Result<Bytes, EgressError> {
    client.send(get()).await?.body.collect().await
}

/// A server that answers every request with these bytes, keeps the connection, and counts connections.
pub async fn serve(answer: impl Into<Vec<u8>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, connections, answer) =
        (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)), Arc::new(answer.into()));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    (address, connections)
}
