//! RFC 8785, the JSON Canonicalization Scheme: one encoding for each value.
//!
//! Invariant: equal values give equal bytes, and different values give different bytes. Member names are sorted by
//! UTF-16 code units. Numbers are written as in ECMAScript, and strings with the fewest escapes.
//! [`crate::parse_strict`] rejects integers that a double cannot represent. Integers from other sources (an upstream's
//! schema) are written digit by digit instead of rounded, so two different definitions never share a digest.

use serde_json::{Map, Number, Value};

/// The canonical form of a value, as UTF-8.
#[must_use]
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write_canonical(value, &mut out);
    out
}

/// Appends the canonical form of a value.
pub fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, out),
    }
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    // UTF-8 sorts like UTF-16, except for characters beyond the basic plane (first byte 0xF0 and up).
    if members.keys().any(|name| name.bytes().any(|byte| byte >= 0xf0)) {
        sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    } else {
        sorted.sort_by_key(|(name, _)| *name);
    }
    out.push(b'{');
    for (place, (name, value)) in sorted.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        write_canonical(value, out);
    }
    out.push(b'}');
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if number.is_f64() {
        let double = number.as_f64().unwrap_or_default();
        out.extend_from_slice(ryu_js::Buffer::new().format(double).as_bytes());
    } else {
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

/// Appends a string literal with quotes, as RFC 8785 section 3.2.2.2 writes it.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, special) = rest.split_at(place);
        out.extend_from_slice(plain);
        if let Some((byte, after)) = special.split_first() {
            write_escape(*byte, out);
            rest = after;
        }
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
