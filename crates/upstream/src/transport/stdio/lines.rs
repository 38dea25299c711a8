//! The messages on a stream: one per line, and a line has a maximum length.
//!
//! A longer line is read to its end and dropped, so that the server can go on. A line without an end stops the reader.

use std::time::Duration;

use briefcase_mcp::{DroppedMessage, without_framing};
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// The longest line that is read to its end.
pub(crate) const MAX_DROPPED_BYTES: u64 = 64 << 20;
/// How long a line that is being dropped may make no progress.
const STALL: Duration = Duration::from_secs(30);
/// The framing that a line may have besides its message: a byte order mark and white space.
const FRAMING_BYTES: usize = 16;

/// One line.
#[derive(Debug)]
pub(crate) enum ReadLine {
    /// A message, without its framing.
    Message(Bytes),
    /// A line beyond the limit, which is gone.
    Dropped(DroppedMessage),
}

/// Why no more lines come.
#[derive(Debug)]
pub(crate) enum LinesEnd {
    /// The stream was closed.
    Closed,
    /// The stream was closed in the middle of a line. That line is lost.
    Cut,
    /// A line is longer than what is read and dropped.
    TooLong,
    /// A line beyond the limit stopped in its middle.
    Stalled,
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

    /// The next line that is not blank.
    pub(crate) async fn next(&mut self) -> Result<ReadLine, LinesEnd> {
        loop {
            while let Some(line) = self.cut() {
                let message = without_framing(&line);
                if message.len() > self.max_len {
                    let mut dropped = DroppedMessage::default();
                    dropped.push(&message);
                    return Ok(ReadLine::Dropped(dropped));
                }
                if !message.is_empty() {
                    return Ok(ReadLine::Message(message));
                }
            }
            if self.buffer.len() > self.max_len.saturating_add(FRAMING_BYTES) {
                return self.drop_line().await.map(ReadLine::Dropped);
            }
            self.buffer.reserve(16 * 1024);
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) if self.buffer.trim_ascii().is_empty() => return Err(LinesEnd::Closed),
                Ok(0) | Err(_) => return Err(LinesEnd::Cut),
                Ok(_) => {}
            }
        }
    }

    /// Reads the line to its end without keeping it.
    async fn drop_line(&mut self) -> Result<DroppedMessage, LinesEnd> {
        let mut dropped = DroppedMessage::default();
        loop {
            if let Some(rest) = self.cut() {
                dropped.push(&rest);
                return Ok(dropped);
            }
            dropped.push(&self.buffer.split());
            self.scanned = 0;
            if dropped.bytes() > MAX_DROPPED_BYTES {
                return Err(LinesEnd::TooLong);
            }
            self.buffer.reserve(64 * 1024);
            match timeout(STALL, self.reader.read_buf(&mut self.buffer)).await {
                Err(_) => return Err(LinesEnd::Stalled),
                Ok(Ok(0) | Err(_)) => return Err(LinesEnd::Cut),
                Ok(Ok(_)) => {}
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
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: impl AsyncRead + Unpin, longest: usize) -> (Vec<String>, LinesEnd) {
        let mut lines = LineReader::new(bytes, longest);
        let mut read = Vec::new();
        loop {
            match lines.next().await {
                Ok(ReadLine::Message(line)) => read.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(ReadLine::Dropped(dropped)) => {
                    let id = dropped.id().and_then(|id| id.as_number());
                    read.push(format!("dropped {} {id:?}", dropped.bytes()));
                }
                Err(end) => return (read, end),
            }
        }
    }

    #[tokio::test]
    async fn attack_41_framing_is_removed_and_blank_lines_are_none() {
        let text = "\u{feff}a\r\n\n \t \r\n\u{feff}bb\n  c  \n\r\n";
        let (read, end) = lines(text.as_bytes(), 2).await;
        assert_eq!(read, ["a", "bb", "c"]);
        assert!(matches!(end, LinesEnd::Closed));
        assert!(matches!(lines(&b"a\nbb"[..], 2).await.1, LinesEnd::Cut));
    }

    #[tokio::test]
    async fn attack_41_a_long_line_is_dropped_and_the_next_is_read() {
        for length in [3, 1_000, 100_000, 5_000_000] {
            let filler = "x".repeat(length);
            let text = format!("a\n{{\"result\":\"{filler}\",\"id\":7}}\nb\n");
            let (read, end) = lines(text.as_bytes(), 16).await;
            assert_eq!(read, ["a".to_owned(), format!("dropped {} Some(7)", length + 20), "b".to_owned()]);
            assert!(matches!(end, LinesEnd::Closed));
        }
        let mut cut = b"{\"id\":1,".to_vec();
        cut.resize(100_000, b'x');
        assert!(matches!(lines(&*cut, 16).await.1, LinesEnd::Cut));
    }

    #[tokio::test]
    async fn attack_41_a_line_without_an_end_stops_the_reader() {
        assert!(matches!(lines(tokio::io::repeat(b'x'), 16).await.1, LinesEnd::TooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn attack_41_a_long_line_that_stalls_stops_the_reader() {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let writer = tokio::spawn(async move {
            tokio::io::AsyncWriteExt::write_all(&mut ours, &[b'x'; 100]).await.unwrap();
            std::future::pending::<()>().await;
        });
        assert!(matches!(lines(theirs, 16).await.1, LinesEnd::Stalled));
        writer.abort();
    }
}
