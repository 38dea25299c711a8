//! A server that runs as a child and speaks in lines on its standard input and output.

use std::sync::Arc;

use briefcase_output_filter::{Redactor, StreamRedactor};
use briefcase_ports::UpstreamFailure;
use briefcase_types::{ServerId, text::printable};
use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStderr, ChildStdin},
    sync::mpsc,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ServerLimits,
    child::{Pipes, Running, Start},
    duplex::Duplex,
    inbound::Inbound,
    lines::{End, Lines},
    meter::Meter,
};

const LONGEST_LOG_LINE: usize = 8 * 1024;

/// Starts the child and connects it.
pub(crate) fn connect(
    start: &Start<'_>,
    inbound: Arc<Inbound>,
    limits: &ServerLimits,
    redactor: Redactor,
) -> Result<Arc<Duplex>, UpstreamFailure> {
    let server = inbound.origin.server.clone();
    let (running, Pipes { stdin, stdout, stderr }) = start.spawn()?;
    let (duplex, messages) = Duplex::new(inbound, limits.json());
    tokio::spawn(write(stdin, messages, duplex.closed.clone()));
    tokio::spawn(drain(server, stderr, redactor));
    start.farewells.spawn(read(Lines::new(stdout, limits.json().bytes), running, Arc::clone(&duplex)));
    Ok(duplex)
}

/// Reads until the child ends or breaks the rules. Owns the child: it ends with this task.
async fn read(mut lines: Lines<tokio::process::ChildStdout>, running: Running, duplex: Arc<Duplex>) {
    let end = loop {
        let line = tokio::select! {
            biased;
            () = duplex.closed.cancelled() => break None,
            line = lines.next() => line,
        };
        match line {
            Ok(line) => duplex.receive(&line),
            Err(end) => break Some(end),
        }
    };
    let unreachable = || UpstreamFailure::Unreachable("the server's process ended".into());
    match end {
        None => {}
        Some(End::Closed) => duplex.close(&unreachable(), "ended"),
        Some(End::Cut) => {
            duplex.inbound.drop_one("half a message at the end");
            duplex.close(&unreachable(), "ended");
        }
        Some(End::TooLong) => duplex.close(&UpstreamFailure::Protocol("too_large"), "too_large"),
    }
    drop(running);
}

/// Writes whole messages; what waits goes out together.
async fn write(mut stdin: ChildStdin, mut messages: mpsc::Receiver<Bytes>, closed: CancellationToken) {
    loop {
        let first = tokio::select! {
            biased;
            () = closed.cancelled() => return,
            message = messages.recv() => message,
        };
        let Some(first) = first else { return };
        let mut batch = Vec::with_capacity(first.len().saturating_add(1));
        push(&mut batch, &first);
        while batch.len() < 64 * 1024
            && let Ok(more) = messages.try_recv()
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

/// Keeps the child's log from filling its pipe, and shows some of it, without the secrets that the child was given.
async fn drain(server: ServerId, mut stderr: ChildStderr, redactor: Redactor) {
    let mut log = Log { server, meter: Meter::new(10, 50), hidden: 0 };
    let (mut redacted, mut buffer, mut rest) = (StreamRedactor::new(&redactor), vec![0; 8 * 1024], Vec::new());
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        rest.extend(redacted.push(buffer.get(..length).unwrap_or_default()));
        while let Some(end) = memchr::memchr(b'\n', &rest) {
            let line: Vec<u8> = rest.drain(..=end).collect();
            log.show(&line);
        }
        if rest.len() > LONGEST_LOG_LINE {
            log.show(&std::mem::take(&mut rest));
        }
    }
    rest.extend(redacted.finish().0);
    log.show(&rest);
}

/// What of a child's log is shown.
struct Log {
    server: ServerId,
    meter: Meter,
    hidden: u64,
}

impl Log {
    fn show(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if line.trim().is_empty() {
            return;
        }
        if self.meter.take() {
            let (server, hidden) = (&self.server, std::mem::take(&mut self.hidden));
            tracing::debug!(%server, hidden, line = printable(line.trim_end()), "server log");
        } else {
            self.hidden = self.hidden.saturating_add(1);
        }
    }
}
