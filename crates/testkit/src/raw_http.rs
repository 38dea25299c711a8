//! HTTP as raw bytes: sends what a hostile client may send, and returns the response.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::WAIT;

/// A received response.
#[derive(Clone, Debug)]
pub struct RawResponse {
    /// The status; 0 when the connection was closed without one.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// All bytes after the head.
    pub body: Vec<u8>,
}

impl RawResponse {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, body) = match end {
            Some(end) => (bytes.get(..end).unwrap_or_default(), bytes.get(end + 4..).unwrap_or_default()),
            None => (bytes, &[][..]),
        };
        let head = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self { status: status.unwrap_or(0), headers, body: body.to_vec() }
    }
}

/// Sends exactly these bytes to `address` and closes the sending half. Reads until the other side closes, or until
/// nothing came for a second.
pub async fn raw_http(address: &str, bytes: &[u8]) -> RawResponse {
    const QUIET: std::time::Duration = std::time::Duration::from_secs(1);
    let mut stream = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    // The other side may close early; the response is then what came before.
    let _ = stream.write_all(bytes).await;
    let mut got = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut timeout = WAIT;
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(timeout, stream.read(&mut buffer)).await {
        got.extend(buffer.iter().take(read));
        timeout = QUIET;
    }
    RawResponse::parse(&got)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_parsed() {
        let answer = RawResponse::parse(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\r\nno");
        assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(RawResponse::parse(b"").status, 0);
    }
}
