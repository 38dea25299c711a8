use bytes::{BufMut, BytesMut};

/// Appends one event. `data` may span lines. `id` must not have line breaks or NUL; this program's ids are digits and
/// dashes.
pub fn write_event(out: &mut BytesMut, id: Option<&str>, data: &[u8]) {
    out.reserve(data.len().saturating_add(64));
    if let Some(id) = id {
        out.put_slice(b"id: ");
        out.extend(id.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
        out.put_u8(b'\n');
    }
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.put_slice(if line.is_empty() { b"data:" } else { b"data: " });
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
}

/// Appends the delay before a client should reconnect.
pub fn write_retry(out: &mut BytesMut, millis: u32) {
    out.put_slice(b"retry: ");
    out.put_slice(millis.to_string().as_bytes());
    out.put_slice(b"\n");
}

/// Appends an empty comment, which keeps a quiet connection open.
pub fn write_comment(out: &mut BytesMut) {
    out.put_slice(b":\n\n");
}
