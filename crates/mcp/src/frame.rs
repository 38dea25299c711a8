//! One message per line, as stdio and server-sent events need it.

use bytes::Bytes;

/// Returns the message without line breaks. In JSON text they can only be white space between tokens, so a space
/// replaces each without changing the content. Costs nothing without line breaks.
#[must_use]
pub fn single_line(message: Bytes) -> Bytes {
    if !message.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return message;
    }
    message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect::<Vec<u8>>().into()
}
