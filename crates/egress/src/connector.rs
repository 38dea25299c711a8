//! Connects to vetted addresses, with TLS where the target requires it.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{EgressError, EgressTarget, Resolver, resolve::vetted};

/// Opens connections to one target. It ignores the URI that hyper passes.
#[derive(Clone)]
pub(crate) struct Connector(pub(crate) Arc<ConnectSettings>);

pub(crate) struct ConnectSettings {
    pub(crate) target: EgressTarget,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(crate) timeout: Duration,
    pub(crate) check: Option<Arc<dyn PeerCheck>>,
}

/// The future result of a check.
pub type PeerCheckFuture<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Checks the other end of a new connection, before the first byte is sent.
pub trait PeerCheck: Send + Sync {
    /// Accepts or rejects the connection between these addresses: this end's and the other end's. The error says why.
    fn check(&self, own: SocketAddr, peer: SocketAddr) -> PeerCheckFuture<'_>;
}

/// A connection.
pub(crate) enum EgressStream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl ConnectSettings {
    pub(crate) async fn open(&self) -> Result<EgressStream, EgressError> {
        tokio::time::timeout(self.timeout, self.connect()).await.map_err(|_| EgressError::TimedOut("connection"))?
    }

    async fn connect(&self) -> Result<EgressStream, EgressError> {
        let addresses = vetted(&self.target, &*self.resolver).await?;
        let tcp = dial(&addresses, self.timeout / 2).await?;
        if let Some(check) = &self.check {
            let failed = |error: io::Error| EgressError::Connection(error.to_string());
            let (own, peer) = (tcp.local_addr().map_err(failed)?, tcp.peer_addr().map_err(failed)?);
            check.check(own, peer).await.map_err(EgressError::PeerRejected)?;
        }
        if !self.target.is_tls() {
            return Ok(EgressStream::Plain(TokioIo::new(tcp)));
        }
        let name = server_name(&self.target)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await;
        Ok(EgressStream::Tls(Box::new(TokioIo::new(tls.map_err(|error| EgressError::Tls(error.to_string()))?))))
    }
}

fn server_name(target: &EgressTarget) -> Result<ServerName<'static>, EgressError> {
    let name = match target.host() {
        Some(url::Host::Domain(name)) => {
            ServerName::try_from(name.to_owned()).map_err(|error| EgressError::Tls(error.to_string()))?
        }
        Some(url::Host::Ipv4(four)) => ServerName::from(std::net::IpAddr::V4(four)),
        Some(url::Host::Ipv6(six)) => ServerName::from(std::net::IpAddr::V6(six)),
        None => return Err(EgressError::Tls("the target has no host".into())),
    };
    Ok(name)
}

/// Tries the addresses in order, with a timeout for each.
async fn dial(addresses: &[SocketAddr], timeout: Duration) -> Result<TcpStream, EgressError> {
    let mut last = EgressError::Unresolved("the name has no address".into());
    for address in addresses {
        match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return settle(stream, *address),
            Ok(Err(error)) => last = EgressError::Connection(error.to_string()),
            Err(_) => last = EgressError::TimedOut("connection"),
        }
    }
    Err(last)
}

/// Checks that the socket's peer is the vetted address.
fn settle(stream: TcpStream, vetted: SocketAddr) -> Result<TcpStream, EgressError> {
    let failed = |error: io::Error| EgressError::Connection(error.to_string());
    if stream.peer_addr().map_err(failed)?.ip() != vetted.ip() {
        return Err(EgressError::Forbidden(vetted.ip()));
    }
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}

impl tower_service::Service<Uri> for Connector {
    type Response = EgressStream;
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<EgressStream, EgressError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = Arc::clone(&self.0);
        Box::pin(async move { dial.open().await })
    }
}

impl Connection for EgressStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for EgressStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        }
    }
}

impl Write for EgressStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, parts),
        }
    }
}
