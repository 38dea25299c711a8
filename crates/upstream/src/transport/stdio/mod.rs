//! The stdio transport: a child process that speaks in lines on its standard input and output.

mod lines;
mod log;
mod process;

use std::{process::ExitStatus, sync::Arc, time::Duration};

use briefcase_output_filter::Redactor;
use briefcase_ports::{LaunchedChild, ProgramEnd, ServerLimits, UpstreamFailure};
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::multiplexed::Multiplexed;
use crate::{limits, log_end::LogEnd, server_messages::IncomingMessages};
use lines::{LineReader, LinesEnd, MAX_DROPPED_BYTES, ReadLine};
use process::RunningChild;

pub(crate) use process::ChildStart;

/// Waiting messages are written together up to this many bytes.
const MAX_BATCH_LEN: usize = 64 * 1024;
/// The time to learn a child's status and the end of its log after it closed its output.
const ENDING: Duration = Duration::from_secs(1);

/// Starts the child and connects it.
pub(crate) async fn connect(
    start: &ChildStart<'_>,
    messages: Arc<IncomingMessages>,
    server_limits: &ServerLimits,
    redactor: Redactor,
) -> Result<Arc<Multiplexed>, UpstreamFailure> {
    let server = messages.sink.server.clone();
    let LaunchedChild { stdin, stdout, stderr, process } = start.launch().await?;
    let limits = limits::message(server_limits);
    let log_end = Arc::new(LogEnd::default());
    let (multiplexed, queue) = Multiplexed::new(messages, limits, Arc::clone(&log_end));
    tokio::spawn(write(stdin, queue, multiplexed.closed.clone()));
    let log = tokio::spawn(async move { log::read(server, stderr, redactor, &log_end).await });
    let child = RunningChild::new(process, start.shutdown_tasks.clone());
    let reading = Reading { child, log, pipes: start.pipes, multiplexed: Arc::clone(&multiplexed) };
    start.shutdown_tasks.spawn(reading.read(LineReader::new(stdout, limits.bytes)));
    Ok(multiplexed)
}

/// The task that reads a child's messages. Owns the child, which ends with it.
struct Reading {
    child: RunningChild,
    log: JoinHandle<()>,
    pipes: bool,
    multiplexed: Arc<Multiplexed>,
}

impl Reading {
    /// Reads until the child ends or breaks the rules.
    async fn read<R: AsyncRead + Unpin>(mut self, mut lines: LineReader<R>) {
        let multiplexed = Arc::clone(&self.multiplexed);
        let end = loop {
            let line = tokio::select! {
                biased;
                () = multiplexed.closed.cancelled() => return,
                line = lines.next() => line,
            };
            match line {
                Ok(ReadLine::Message(line)) => multiplexed.receive(&line),
                Ok(ReadLine::Dropped(message)) => multiplexed.dropped(&message),
                Err(end) => break end,
            }
        };
        match end {
            LinesEnd::Closed => multiplexed.close(&self.ended().await, "ended"),
            LinesEnd::Cut => {
                multiplexed.messages.count_dropped("half a message at the end");
                multiplexed.close(&self.ended().await, "ended");
            }
            LinesEnd::TooLong => {
                let failure = UpstreamFailure::TooLarge { bytes: None, limit: MAX_DROPPED_BYTES };
                multiplexed.close(&failure, "too_large");
            }
            LinesEnd::Stalled => multiplexed.close(&UpstreamFailure::Protocol("stalled"), "stalled"),
        }
    }

    /// The failure that says how the child ended, with the last lines of its log.
    async fn ended(&mut self) -> UpstreamFailure {
        let status = timeout(ENDING, self.child.wait()).await.ok().flatten();
        // A grandchild may keep the log open.
        let _open = timeout(ENDING, &mut self.log).await;
        let mut log = self.multiplexed.log_end.last_lines();
        if self.pipes {
            log.opened = None;
        }
        UpstreamFailure::Ended(Box::new(ProgramEnd { status: status_text(status), log }))
    }
}

fn status_text(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => status.to_string().replacen(": ", " ", 1),
        None => "it closed its standard output and still runs".to_owned(),
    }
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
