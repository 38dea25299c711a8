//! The stdio transport: a child process that speaks in lines on its standard input and output.

mod lines;
mod process;

use std::sync::Arc;

use briefcase_output_filter::{Redactor, StreamRedactor};
use briefcase_ports::{LaunchedChild, ServerLimits, UpstreamFailure};
use briefcase_types::{ServerId, text::printable};
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use super::multiplexed::Multiplexed;
use crate::{limits, rate_limit::SharedTokenBucket, server_messages::IncomingMessages};
use lines::{LineReader, LinesEnd};
use process::RunningChild;

pub(crate) use process::ChildStart;

/// The longest line of a child's log that is shown in one piece.
const MAX_LOG_LINE_LEN: usize = 8 * 1024;
/// Waiting messages are written together up to this many bytes.
const MAX_BATCH_LEN: usize = 64 * 1024;

/// Starts the child and connects it.
pub(crate) async fn connect(
    start: &ChildStart<'_>,
    messages: Arc<IncomingMessages>,
    server_limits: &ServerLimits,
    redactor: Redactor,
) -> Result<Arc<Multiplexed>, UpstreamFailure> {
    let server = messages.sink.server.clone();
    let LaunchedChild { stdin, stdout, stderr, process } = start.launch().await?;
    let child = RunningChild::new(process, start.shutdown_tasks.clone());
    let limits = limits::message(server_limits);
    let (multiplexed, queue) = Multiplexed::new(messages, limits);
    tokio::spawn(write(stdin, queue, multiplexed.closed.clone()));
    tokio::spawn(log(server, stderr, redactor));
    start.shutdown_tasks.spawn(read(LineReader::new(stdout, limits.bytes), child, Arc::clone(&multiplexed)));
    Ok(multiplexed)
}

/// Reads until the child ends or breaks the rules. Owns the child, which ends with this task.
async fn read<R: AsyncRead + Unpin>(mut lines: LineReader<R>, child: RunningChild, multiplexed: Arc<Multiplexed>) {
    let end = loop {
        let line = tokio::select! {
            biased;
            () = multiplexed.closed.cancelled() => break None,
            line = lines.next() => line,
        };
        match line {
            Ok(line) => multiplexed.receive(&line),
            Err(end) => break Some(end),
        }
    };
    let ended = || UpstreamFailure::Unreachable("the server's process ended".into());
    match end {
        None => {}
        Some(LinesEnd::Closed) => multiplexed.close(&ended(), "ended"),
        Some(LinesEnd::Cut) => {
            multiplexed.messages.count_dropped("half a message at the end");
            multiplexed.close(&ended(), "ended");
        }
        Some(LinesEnd::TooLong) => multiplexed.close(&UpstreamFailure::Protocol("too_large"), "too_large"),
    }
    drop(child);
}

/// Writes whole messages; waiting ones together.
async fn write(mut stdin: impl AsyncWrite + Unpin, mut queue: mpsc::Receiver<Bytes>, closed: CancellationToken) {
    loop {
        let first = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            message = queue.recv() => message,
        };
        let Some(first) = first else { return };
        let mut batch = Vec::with_capacity(first.len().saturating_add(1));
        push(&mut batch, &first);
        while batch.len() < MAX_BATCH_LEN
            && let Ok(more) = queue.try_recv()
        {
            push(&mut batch, &more);
        }
        let written = tokio::select! {
            () = closed.cancelled() => return,
            written = stdin.write_all(&batch) => written,
        };
        if written.is_err() {
            return;
        }
    }
}

fn push(batch: &mut Vec<u8>, message: &[u8]) {
    batch.extend_from_slice(message);
    batch.push(b'\n');
}

/// Reads the child's log, so that its pipe never fills. Shows some of it, without the secrets that the child was given.
async fn log(server: ServerId, mut stderr: impl AsyncRead + Unpin, redactor: Redactor) {
    let mut log = ChildLog { server, rate: SharedTokenBucket::new(10, 50), hidden: 0 };
    let (mut redacted, mut buffer, mut rest) = (StreamRedactor::new(&redactor), vec![0; 8 * 1024], Vec::new());
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        rest.extend(redacted.push(buffer.get(..length).unwrap_or_default()));
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let line: Vec<u8> = rest.drain(..=end).collect();
            log.show(&line);
        }
        if rest.len() > MAX_LOG_LINE_LEN {
            log.show(&std::mem::take(&mut rest));
        }
    }
    rest.extend(redacted.finish().0);
    log.show(&rest);
}

/// The part of a child's log that is shown: at most 10 lines per second, 50 at once.
struct ChildLog {
    server: ServerId,
    rate: SharedTokenBucket,
    hidden: u64,
}

impl ChildLog {
    fn show(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            return;
        }
        if self.rate.take() {
            let (server, hidden) = (&self.server, std::mem::take(&mut self.hidden));
            tracing::debug!(%server, hidden, line = printable(line.trim_end()), "server log");
        } else {
            self.hidden = self.hidden.saturating_add(1);
        }
    }
}
