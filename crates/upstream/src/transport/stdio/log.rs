//! The log of a child: its standard error, without the secrets that it was given.

use briefcase_output_filter::{Redactor, StreamRedactor};
use briefcase_types::{ServerId, text::printable};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::{log_end::LogEnd, rate_limit::SharedTokenBucket};

/// The longest line of a child's log that is shown in one piece.
const MAX_LINE_LEN: usize = 8 * 1024;
/// Reads a child's log to its end, so that its pipe never fills. Shows some of it.
pub(super) async fn read(server: ServerId, mut stderr: impl AsyncRead + Unpin, redactor: Redactor, end: &LogEnd) {
    let mut log = ChildLog { server, end, rate: SharedTokenBucket::new(10, 50), hidden: 0 };
    let (mut redacted, mut buffer, mut rest) = (StreamRedactor::new(&redactor), vec![0; 8 * 1024], Vec::new());
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        rest.extend(redacted.push(buffer.get(..length).unwrap_or_default()));
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let line: Vec<u8> = rest.drain(..=end).collect();
            log.show(&line);
        }
        if rest.len() > MAX_LINE_LEN {
            log.show(&std::mem::take(&mut rest));
        }
    }
    rest.extend(redacted.finish().0);
    rest.split(|byte| *byte == b'\n').for_each(|line| log.show(line));
    end.finished.cancel();
}

/// The part of a child's log that is shown: at most 10 lines per second, 50 at once.
struct ChildLog<'a> {
    server: ServerId,
    end: &'a LogEnd,
    rate: SharedTokenBucket,
    hidden: u64,
}

impl ChildLog<'_> {
    fn show(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if line.trim().is_empty() {
            return;
        }
        self.end.add(line);
        if self.rate.take() {
            let (server, hidden) = (&self.server, std::mem::take(&mut self.hidden));
            tracing::debug!(%server, hidden, line = printable(line), "server log");
        } else {
            self.hidden = self.hidden.saturating_add(1);
        }
    }
}
