//! Builds messages from raw parts. Parts are JSON text and are inserted unchanged.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{ErrorCode, RequestId};

/// Builds a request. `params` is the JSON text of an object.
#[must_use]
pub fn request(id: &RequestId, method: &str, params: Option<&[u8]>) -> Bytes {
    let method = quoted(method);
    let head: [&[u8]; 4] = [br#"{"jsonrpc":"2.0","id":"#, id.as_json(), br#","method":"#, method.as_bytes()];
    with_optional(&head, br#","params":"#, params)
}

/// Builds a notification. `params` is the JSON text of an object.
#[must_use]
pub fn notification(method: &str, params: Option<&[u8]>) -> Bytes {
    let method = quoted(method);
    with_optional(&[br#"{"jsonrpc":"2.0","method":"#, method.as_bytes()], br#","params":"#, params)
}

/// Builds a response. `result` is JSON text.
#[must_use]
pub fn response(id: &RequestId, result: &[u8]) -> Bytes {
    joined(&[br#"{"jsonrpc":"2.0","id":"#, id.as_json(), br#","result":"#, result, b"}"])
}

/// Builds an error response. Without an id (the request was unreadable) the member is omitted, as MCP requires. `data`
/// is JSON text.
#[must_use]
pub fn error_response(id: Option<&RequestId>, code: ErrorCode, message: &str, data: Option<&[u8]>) -> Bytes {
    let (code, message) = (code.0.to_string(), quoted(message));
    let mut parts: Vec<&[u8]> = vec![br#"{"jsonrpc":"2.0","#];
    if let Some(id) = id {
        parts.extend([br#""id":"#.as_slice(), id.as_json(), b","]);
    }
    parts.extend([br#""error":{"code":"#.as_slice(), code.as_bytes(), br#","message":"#, message.as_bytes()]);
    if let Some(data) = data {
        parts.extend([br#","data":"#.as_slice(), data]);
    }
    parts.push(b"}}");
    joined(&parts)
}

/// Replaces `place` in `text` by `part`.
pub(super) fn replace(text: &[u8], place: &Range<usize>, part: &[u8]) -> Bytes {
    let (before, after) = (text.get(..place.start), text.get(place.end..));
    joined(&[before.unwrap_or_default(), part, after.unwrap_or_default()])
}

/// Inserts `key` and `part` into `text` at `at`.
pub(super) fn insert_after(text: &[u8], at: usize, key: &[u8], part: &[u8]) -> Bytes {
    let (before, after) = (text.get(..at), text.get(at..));
    joined(&[before.unwrap_or_default(), key, part, after.unwrap_or_default()])
}

fn with_optional(head: &[&[u8]], key: &[u8], part: Option<&[u8]>) -> Bytes {
    let tail: &[&[u8]] = match &part {
        Some(part) => &[key, part, b"}"],
        None => &[b"}"],
    };
    joined(&[head, tail].concat())
}

fn joined(parts: &[&[u8]]) -> Bytes {
    let mut out = BytesMut::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.put_slice(part);
    }
    out.freeze()
}

/// Encodes a string as JSON text.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
