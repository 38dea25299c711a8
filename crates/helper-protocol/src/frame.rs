//! Frames: four bytes of length, then JSON.

use serde::Serialize;

/// The length of a frame's header.
pub const HEADER: usize = 4;
/// The maximum payload of a frame. Linux itself accepts at most 2 MiB of arguments and environment.
pub const FRAME_MAX: usize = 4 << 20;
/// The maximum number of descriptors of one frame.
pub const DESCRIPTORS_MAX: usize = 8;

/// A message cannot be framed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperFrameError {
    /// The payload is longer than [`FRAME_MAX`].
    #[error("a message of {0} bytes is longer than the protocol allows ({FRAME_MAX})")]
    TooLong(usize),
    /// The message cannot be written as JSON.
    #[error("a message cannot be encoded: {0}")]
    Encoding(serde_json::Error),
}

/// Appends the message's frame to `out`. The caller owns the buffer, so it can wipe a secret afterwards.
pub fn encode(message: &impl Serialize, out: &mut Vec<u8>) -> Result<(), HelperFrameError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    serde_json::to_writer(&mut *out, message).map_err(HelperFrameError::Encoding)?;
    let length = out.len().saturating_sub(start).saturating_sub(HEADER);
    let header = u32::try_from(length).ok().filter(|_| length <= FRAME_MAX).ok_or(HelperFrameError::TooLong(length))?;
    if let Some(place) = out.get_mut(start..start.saturating_add(HEADER)) {
        place.copy_from_slice(&header.to_be_bytes());
    }
    Ok(())
}

/// Returns the length of the payload that follows this header.
pub fn payload_length(header: [u8; HEADER]) -> Result<usize, HelperFrameError> {
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length > FRAME_MAX { Err(HelperFrameError::TooLong(length)) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_length_and_json() {
        let mut out = Vec::new();
        encode(&["a"], &mut out).unwrap();
        encode(&1, &mut out).unwrap();
        assert_eq!(out, b"\0\0\0\x05[\"a\"]\0\0\0\x011");
        assert_eq!(payload_length([0, 0, 0, 5]).unwrap(), 5);
    }

    #[test]
    fn a_long_frame_is_rejected_on_both_sides() {
        let long = "x".repeat(FRAME_MAX);
        assert!(matches!(encode(&long, &mut Vec::new()), Err(HelperFrameError::TooLong(_))));
        assert!(matches!(payload_length([0xff; 4]), Err(HelperFrameError::TooLong(_))));
    }
}
