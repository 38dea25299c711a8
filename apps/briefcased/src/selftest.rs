//! Before it says that it is ready, the daemon attacks its own port, and stops if the attack is answered.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A hostile request was answered.
#[derive(Debug, thiserror::Error)]
#[error(
    "the console's port answered a hostile request ({what}); it is not served. Report this, and do not use this build"
)]
pub struct Vulnerable {
    what: &'static str,
}

/// Sends requests that a rebinding or a foreign page would send, and expects 403 to each.
pub async fn probe(address: SocketAddr, authority: &str) -> Result<(), Vulnerable> {
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
            return Err(Vulnerable { what });
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
