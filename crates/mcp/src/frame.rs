//! One message, one line: what both stdio and server-sent events need.

use bytes::Bytes;

/// The message without line breaks. In JSON text they can only be white space between tokens, so that a space in their
/// place changes nothing. Costs nothing when there are none.
#[must_use]
pub fn single_line(message: Bytes) -> Bytes {
    if !message.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return message;
    }
    message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect::<Vec<u8>>().into()
}
