//! Before it serves, the gateway sends itself the requests of a hostile page.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const TIMEOUT: Duration = Duration::from_secs(3);

/// A hostile request was not rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SelfTestError {
    #[error("the self-test failed: a request with {what} was answered with {status}, not 403. Nothing is served.")]
    Answered { what: &'static str, status: String },
    #[error("the self-test failed to run ({0}). Nothing is served.")]
    Io(#[from] std::io::Error),
}

/// Sends each probe to this gateway's port. Each must get status 403.
pub(super) async fn run(address: SocketAddr) -> Result<(), SelfTestError> {
    let host = address.to_string();
    let probes = [
        ("a hostile Host", "evil.example.com".to_owned(), String::new()),
        ("a Host with a foreign port", format!("127.0.0.1:{}", address.port().wrapping_add(1)), String::new()),
        ("a hostile Origin", host.clone(), "Origin: http://evil.example.com\r\n".into()),
        ("an opaque Origin", host.clone(), "Origin: null\r\n".into()),
        ("a cross-site fetch", host.clone(), "Sec-Fetch-Site: cross-site\r\n".into()),
        ("cookies", host, "Cookie: a=b\r\n".into()),
    ];
    for (what, host, header) in probes {
        let request = format!("POST /mcp HTTP/1.1\r\nHost: {host}\r\n{header}Content-Length: 0\r\n\r\n");
        let status = tokio::time::timeout(TIMEOUT, ask(address, &request)).await.map_err(std::io::Error::from)??;
        if status != "403" {
            return Err(SelfTestError::Answered { what, status });
        }
    }
    Ok(())
}

/// Sends a request and returns its status.
async fn ask(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).await?;
    Ok(String::from_utf8_lossy(line.get(9..).unwrap_or_default()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every connection with one status line.
    async fn answering(line: &'static str) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(line.as_bytes()).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn any_status_but_403_stops_the_gateway() {
        run(answering("HTTP/1.1 403 Forbidden\r\n\r\n").await).await.unwrap();
        for line in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.1 202 Accepted\r\n\r\n"] {
            let refused = run(answering(line).await).await;
            assert!(matches!(refused, Err(SelfTestError::Answered { .. })), "{line}");
        }
        assert!(matches!(run(answering("short").await).await, Err(SelfTestError::Io(_))));
    }
}
