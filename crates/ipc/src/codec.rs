//! The framing: `u32 BE length | u8 kind | u32 BE channel | payload`. The length counts kind, channel and payload.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use tokio_util::codec::Decoder;

use crate::ChannelId;

/// The largest frame of most kinds, without its length field.
pub const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
/// The largest frame toward a gateway: a server's result of 64 MiB, which the output filter may lengthen.
pub(crate) const MAX_RESULT_FRAME_BYTES: usize = 80 * 1024 * 1024;

/// The size of kind and channel.
const FIXED_BYTES: usize = 5;

/// The connection must end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The announced length of a frame is too large or too small.
    #[error("a frame of {0} bytes is outside the limits")]
    Length(usize),
    /// This end does not accept this kind of frame.
    #[error("unknown frame kind: {0:#04x}")]
    UnknownKind(u8),
    /// A frame's payload is malformed.
    #[error("a frame's payload is malformed")]
    Malformed,
    /// The connection ended inside a frame.
    #[error("the connection ended inside a frame")]
    Truncated,
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The messages of one direction, as frames.
pub trait Frame: Sized + Send + 'static {
    /// The largest frame of this direction, without its length field.
    const MAX_BYTES: usize = MAX_FRAME_BYTES;

    /// Splits the message for writing. A large tail is written without copying.
    fn into_parts(self) -> FrameParts;

    /// Returns the approximate size, which counts against the limit of queued bytes.
    fn size(&self) -> usize;

    /// Builds the message from a received frame.
    fn from_payload(kind: u8, channel: ChannelId, payload: Bytes) -> Result<Self, FrameError>;
}

/// A frame ready for writing.
#[derive(Debug)]
pub struct FrameParts {
    pub(crate) kind: u8,
    pub(crate) channel: ChannelId,
    pub(crate) prefix: Bytes,
    pub(crate) tail: Bytes,
}

impl FrameParts {
    pub(crate) const fn plain(kind: u8, channel: ChannelId, tail: Bytes) -> Self {
        Self { kind, channel, prefix: Bytes::new(), tail }
    }

    pub(crate) fn json<T: Serialize>(kind: u8, channel: ChannelId, value: &T) -> Self {
        let tail = serde_json::to_vec(value).map(Bytes::from).unwrap_or_default();
        Self::plain(kind, channel, tail)
    }

    /// Writes everything before the tail. On an oversized frame it returns an error and writes nothing.
    pub(crate) fn put_head(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        let length = FIXED_BYTES.saturating_add(self.prefix.len()).saturating_add(self.tail.len());
        let announced = u32::try_from(length).ok().filter(|_| length <= MAX_RESULT_FRAME_BYTES);
        out.put_u32(announced.ok_or(FrameError::Length(length))?);
        out.put_u8(self.kind);
        out.put_u32(self.channel.0);
        out.put_slice(&self.prefix);
        Ok(())
    }

    /// Returns the whole frame as bytes.
    pub fn to_bytes(&self) -> Result<Bytes, FrameError> {
        let mut out = BytesMut::with_capacity(self.tail.len().saturating_add(64));
        self.put_head(&mut out)?;
        out.put_slice(&self.tail);
        Ok(out.freeze())
    }
}

/// Reads frames of one direction. Payloads are slices of the read buffer.
#[derive(Debug)]
pub struct FrameCodec<F> {
    max: usize,
    frames: PhantomData<F>,
}

impl<F: Frame> FrameCodec<F> {
    /// Makes a reader that rejects frames above `max` bytes, and always those above [`Frame::MAX_BYTES`].
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max: max.min(F::MAX_BYTES), frames: PhantomData }
    }
}

impl<F: Frame> Decoder for FrameCodec<F> {
    type Item = F;
    type Error = FrameError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<F>, FrameError> {
        let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if length < FIXED_BYTES || length > self.max {
            return Err(FrameError::Length(length));
        }
        let missing = length.saturating_add(4).saturating_sub(buffer.len());
        if missing > 0 {
            buffer.reserve(missing.min(1024 * 1024));
            return Ok(None);
        }
        buffer.advance(4);
        let mut frame = buffer.split_to(length).freeze();
        let kind = frame.get_u8();
        let channel = ChannelId(frame.get_u32());
        F::from_payload(kind, channel, frame).map(Some)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<F>, FrameError> {
        match self.decode(buffer)? {
            None if !buffer.is_empty() => Err(FrameError::Truncated),
            frame => Ok(frame),
        }
    }
}

#[cfg(test)]
mod tests;
