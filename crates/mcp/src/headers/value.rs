use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Decodes a header value: the plain text, or the content of `=?base64?…?=`.
///
/// Returns `None` when the value has bytes other than visible ASCII, space and tab. Also when the encoding is not
/// strict base64 (alphabet, padding, no stray bits) of UTF-8.
#[must_use]
pub fn decode_header_value(value: &str) -> Option<Cow<'_, str>> {
    if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return None;
    }
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}
