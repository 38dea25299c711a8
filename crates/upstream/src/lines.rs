//! Messages on a pipe: one per line, with an end to how long a line may be.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Why no more lines come.
#[derive(Debug)]
pub(crate) enum End {
    /// The pipe was closed.
    Closed,
    /// The pipe was closed in the middle of a line, which is lost.
    Cut,
    /// A line grew past the limit.
    TooLong,
}

/// Reads lines.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: BytesMut,
    scanned: usize,
    longest: usize,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R, longest: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), scanned: 0, longest }
    }

    /// The next line that is not empty, without its end.
    pub(crate) async fn next(&mut self) -> Result<Bytes, End> {
        loop {
            while let Some(line) = self.cut() {
                if line.len() > self.longest {
                    return Err(End::TooLong);
                }
                if !line.is_empty() {
                    return Ok(line);
                }
            }
            if self.buffer.len() > self.longest {
                return Err(End::TooLong);
            }
            self.buffer.reserve(16 * 1024);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) if self.buffer.is_empty() => return Err(End::Closed),
                Ok(0) | Err(_) => return Err(End::Cut),
                Ok(_) => {}
            }
        }
    }

    fn cut(&mut self) -> Option<Bytes> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', fresh) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.scanned + end + 1).freeze();
        self.scanned = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8], longest: usize) -> (Vec<Bytes>, End) {
        let mut lines = Lines::new(bytes, longest);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => read.push(line),
                Err(end) => return (read, end),
            }
        }
    }

    #[tokio::test]
    async fn attack_41_lines_end_where_they_should() {
        let (read, end) = lines(b"a\r\n\n\nbb\n", 2).await;
        assert_eq!((read, matches!(end, End::Closed)), (vec![Bytes::from("a"), Bytes::from("bb")], true));
        assert!(matches!(lines(b"a\nbb", 2).await.1, End::Cut));
        assert!(matches!(lines(b"a\nbbb\n", 2).await.1, End::TooLong));
        assert!(matches!(lines(&[b'x'; 100_000], 1000).await.1, End::TooLong));
    }
}
