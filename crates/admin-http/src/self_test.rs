//! The self-test of the console's port: the daemon sends itself hostile requests before it reports that it is ready.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The port answered a hostile request.
#[derive(Debug, thiserror::Error)]
#[error(
    "the console's port answered a hostile request ({what}); it is not served. Report this, and do not use this build"
)]
pub struct HostileRequestAccepted {
    what: &'static str,
}

/// Sends the requests of a DNS rebinding and of a foreign page, and expects 401 or 403 for each.
///
/// # Errors
/// One of them was answered otherwise.
pub async fn probe_port(address: SocketAddr, authority: &str) -> Result<(), HostileRequestAccepted> {
    let ours = authority.to_owned();
    let hostile = [
        ("a foreign Host", format!("GET / HTTP/1.1\r\nHost: evil.example:{}\r\n\r\n", address.port())),
        (
            "a foreign Origin",
            format!(
                "POST /v1/console/session HTTP/1.1\r\nHost: {ours}\r\nOrigin: http://evil.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
        ),
        (
            "a cross-site request",
            format!("GET /v1/status HTTP/1.1\r\nHost: {ours}\r\nSec-Fetch-Site: cross-site\r\n\r\n"),
        ),
        ("no session", format!("GET /v1/approvals HTTP/1.1\r\nHost: {ours}\r\n\r\n")),
    ];
    for (what, request) in hostile {
        let refused = matches!(status(address, &request).await, Some(401 | 403));
        if !refused {
            return Err(HostileRequestAccepted { what });
        }
    }
    Ok(())
}

async fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.ok()?;
        std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), exchange).await.ok().flatten()
}
