//! The messages on a pipe: one per line, and a line has a maximum length.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Why no more lines come.
#[derive(Debug)]
pub(crate) enum LinesEnd {
    /// The pipe was closed.
    Closed,
    /// The pipe was closed in the middle of a line. That line is lost.
    Cut,
    /// A line is longer than the limit.
    TooLong,
}

/// Reads lines.
pub(crate) struct LineReader<R> {
    reader: R,
    buffer: BytesMut,
    scanned: usize,
    max_len: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(reader: R, max_len: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), scanned: 0, max_len }
    }

    /// The next non-empty line, without its line ending.
    pub(crate) async fn next(&mut self) -> Result<Bytes, LinesEnd> {
        loop {
            while let Some(line) = self.cut() {
                if line.len() > self.max_len {
                    return Err(LinesEnd::TooLong);
                }
                if !line.is_empty() {
                    return Ok(line);
                }
            }
            if self.buffer.len() > self.max_len {
                return Err(LinesEnd::TooLong);
            }
            self.buffer.reserve(16 * 1024);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) if self.buffer.is_empty() => return Err(LinesEnd::Closed),
                Ok(0) | Err(_) => return Err(LinesEnd::Cut),
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

    async fn lines(bytes: &[u8], longest: usize) -> (Vec<Bytes>, LinesEnd) {
        let mut lines = LineReader::new(bytes, longest);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(line) => read.push(line),
                Err(end) => return (read, end),
            }
        }
    }

    #[tokio::test]
    async fn attack_41_lines_end_at_newlines_and_have_a_maximum_length() {
        let (read, end) = lines(b"a\r\n\n\nbb\n", 2).await;
        assert_eq!((read, matches!(end, LinesEnd::Closed)), (vec![Bytes::from("a"), Bytes::from("bb")], true));
        assert!(matches!(lines(b"a\nbb", 2).await.1, LinesEnd::Cut));
        assert!(matches!(lines(b"a\nbbb\n", 2).await.1, LinesEnd::TooLong));
        assert!(matches!(lines(&[b'x'; 100_000], 1000).await.1, LinesEnd::TooLong));
    }
}
