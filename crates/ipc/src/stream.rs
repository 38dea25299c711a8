//! Frames over a connection: a receiver, and a sender shared by many tasks.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{BufMut, BytesMut};
use futures_util::StreamExt as _;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
};
use tokio_util::codec::FramedRead;

use crate::{
    codec::{Frame, FrameCodec, FrameError},
    connection_limit::ConnectionPermit,
};

/// The limit for queued bytes per connection.
const BUDGET_BYTES: usize = 16 * 1024 * 1024;
/// The cost of a frame in addition to its content.
const FRAME_COST: usize = 256;
/// The maximum number of frames in one write.
const BATCH: usize = 256;
/// Tails up to this size are copied into the write buffer. Larger tails are written without copying.
const COPIED_TAIL: usize = 16 * 1024;
const READ_BUFFER: usize = 64 * 1024;
/// The time limit for the other end to read.
const STALL: Duration = Duration::from_secs(30);

/// A frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection has ended. Nothing more can be sent.
    #[error("the connection between gateway and daemon has ended")]
    Closed,
    /// The message is larger than a frame may be. The connection stays usable.
    #[error("the message is larger than a frame may be")]
    TooLarge,
}

/// The largest size of a frame besides its content.
const FRAME_SLACK: usize = 2 * 1024;

/// The sending half. Clones share one queue, which keeps the order of frames.
pub struct FrameSender<F> {
    queue: mpsc::UnboundedSender<Queued<F>>,
    budget: Arc<Semaphore>,
}

/// A queued frame and its cost.
struct Queued<F> {
    frame: F,
    cost: u32,
}

/// The receiving half.
pub struct FrameReceiver<F> {
    frames: FramedRead<OwnedReadHalf, FrameCodec<F>>,
    permit: Option<ConnectionPermit>,
}

impl<F: Frame> FrameSender<F> {
    /// Sends a frame. Waits while the queue is full.
    pub async fn send(&self, frame: F) -> Result<(), SendError> {
        if frame.size() > F::MAX_BYTES.saturating_sub(FRAME_SLACK) {
            return Err(SendError::TooLarge);
        }
        let cost = cost(&frame);
        let permit = self.budget.acquire_many(cost).await.map_err(|_| SendError::Closed)?;
        permit.forget();
        self.queue.send(Queued { frame, cost }).map_err(|_| SendError::Closed)
    }

    /// Sends a small frame without waiting, such as a cancellation in a destructor. The caller bounds the number of
    /// such frames.
    pub fn send_now(&self, frame: F) -> Result<(), SendError> {
        self.queue.send(Queued { frame, cost: 0 }).map_err(|_| SendError::Closed)
    }

    /// Returns whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    fn spawn(io: OwnedWriteHalf) -> Self {
        let (queue, frames) = mpsc::unbounded_channel();
        let budget = Arc::new(Semaphore::new(BUDGET_BYTES));
        tokio::spawn(write_frames(frames, Arc::clone(&budget), io));
        Self { queue, budget }
    }
}

impl<F> Clone for FrameSender<F> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), budget: Arc::clone(&self.budget) }
    }
}

impl<F> fmt::Debug for FrameSender<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSender").field("free_bytes", &self.budget.available_permits()).finish_non_exhaustive()
    }
}

impl<F: Frame> FrameReceiver<F> {
    /// Receives the next frame; `None` when the other end has closed, or when the connection has to make room for another.
    /// Cancel safe.
    pub async fn recv(&mut self) -> Result<Option<F>, FrameError> {
        let Some(permit) = &self.permit else { return self.frames.next().await.transpose() };
        permit.touch();
        tokio::select! {
            biased;
            () = permit.ended().cancelled() => Ok(None),
            frame = self.frames.next() => frame.transpose(),
        }
    }
}

/// A connection before its handshake. Reads frames of one kind, with a small limit.
pub(crate) struct HandshakeStream<F> {
    frames: FramedRead<OwnedReadHalf, FrameCodec<F>>,
    write: OwnedWriteHalf,
}

impl<F: Frame> HandshakeStream<F> {
    pub(crate) fn new(stream: UnixStream, max_frame: usize) -> Self {
        let (read, write) = stream.into_split();
        Self { frames: FramedRead::with_capacity(read, FrameCodec::new(max_frame), READ_BUFFER), write }
    }

    pub(crate) async fn recv(&mut self) -> Result<Option<F>, FrameError> {
        self.frames.next().await.transpose()
    }

    pub(crate) async fn send(&mut self, frame: impl Frame) -> Result<(), FrameError> {
        let bytes = frame.into_parts().to_bytes()?;
        Ok(self.write.write_all(&bytes).await?)
    }

    /// Continues with other frames. Buffered bytes are kept.
    pub(crate) fn open<In: Frame, Out: Frame>(
        self,
        permit: Option<ConnectionPermit>,
    ) -> (FrameReceiver<In>, FrameSender<Out>) {
        let frames = self.frames.map_decoder(|_| FrameCodec::new(In::MAX_BYTES));
        (FrameReceiver { frames, permit }, FrameSender::spawn(self.write))
    }
}

impl<F> fmt::Debug for FrameReceiver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReceiver").field("permit", &self.permit).finish_non_exhaustive()
    }
}

fn cost<F: Frame>(frame: &F) -> u32 {
    let bytes = frame.size().saturating_add(FRAME_COST).min(BUDGET_BYTES);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Writes queued frames, as many per system call as are queued. Ends with the last sender or with the connection.
async fn write_frames<F: Frame>(
    mut queue: mpsc::UnboundedReceiver<Queued<F>>,
    budget: Arc<Semaphore>,
    mut io: OwnedWriteHalf,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut out = BytesMut::with_capacity(READ_BUFFER);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        let spent = batch.iter().map(|queued| usize::try_from(queued.cost).unwrap_or_default()).sum();
        let written = tokio::time::timeout(STALL, write_batch(&mut batch, &mut out, &mut io)).await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
        budget.add_permits(spent);
    }
    budget.close();
}

async fn write_batch<F: Frame>(
    batch: &mut Vec<Queued<F>>,
    out: &mut BytesMut,
    io: &mut OwnedWriteHalf,
) -> Result<(), FrameError> {
    for queued in batch.drain(..) {
        let parts = queued.frame.into_parts();
        parts.put_head(out)?;
        if parts.tail.len() <= COPIED_TAIL {
            out.put_slice(&parts.tail);
            if out.len() < READ_BUFFER {
                continue;
            }
        }
        io.write_all(out).await?;
        out.clear();
        if parts.tail.len() > COPIED_TAIL {
            io.write_all(&parts.tail).await?;
        }
    }
    io.write_all(out).await?;
    out.clear();
    Ok(())
}
