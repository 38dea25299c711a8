//! Canaries: secrets that a test plants and then searches for where they must not be, in every encoding.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A unique secret. Every encoding changes its printable ASCII text.
#[derive(Clone)]
pub struct Canary {
    first: String,
    second: String,
}

impl Canary {
    /// Makes a new canary.
    pub fn new() -> Self {
        Self { first: format!("cnry{}", random_hex()), second: random_hex() }
    }

    /// The secret itself.
    pub fn value(&self) -> String {
        format!("{}\"&<+/={}", self.first, self.second)
    }

    /// The secret in every encoding that counts as a leak: the encoding's name and the bytes to search for.
    pub fn encodings(&self) -> Vec<(&'static str, Vec<u8>)> {
        let value = self.value();
        let bytes = value.as_bytes();
        let mut found = vec![
            ("raw", bytes.to_vec()),
            ("percent-encoded", percent(&value).into_bytes()),
            ("JSON-escaped", value.replace('"', "\\\"").into_bytes()),
            (
                "JSON-escaped, < and &",
                value.replace('"', "\\\"").replace('&', "\\u0026").replace('<', "\\u003c").into_bytes(),
            ),
            ("hex", hex(bytes).into_bytes()),
            ("HTML entities", html(&value).into_bytes()),
            ("UTF-16LE", value.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            ("UTF-16BE", value.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            ("reversed", value.chars().rev().collect::<String>().into_bytes()),
            ("first half", self.first.clone().into_bytes()),
            ("second half", self.second.clone().into_bytes()),
        ];
        for offset in 0..3 {
            found.push(("base64", inner_base64(&STANDARD_NO_PAD, bytes, offset)));
            found.push(("base64url", inner_base64(&URL_SAFE_NO_PAD, bytes, offset)));
        }
        found
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

/// The name of the encoding in which `bytes` contain the canary, if any. Case, line breaks, splitting and compression
/// do not hide it.
pub fn found(canary: &Canary, bytes: &[u8]) -> Option<&'static str> {
    let shapes = canary.encodings();
    let look = |hay: &[u8]| {
        let hay = hay.to_ascii_lowercase();
        shapes.iter().find(|(_, needle)| contains(&hay, &needle.to_ascii_lowercase())).map(|(name, _)| *name)
    };
    if let Some(shape) = look(bytes) {
        return Some(shape);
    }
    let squeezed: Vec<u8> = bytes.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
    let whole: Vec<u8> = canary.value().bytes().filter(u8::is_ascii_alphanumeric).collect();
    if contains(&squeezed.to_ascii_lowercase(), &whole.to_ascii_lowercase()) {
        return Some("split");
    }
    inflated(bytes).iter().find_map(|inner| look(inner)).map(|_| "compressed")
}

/// Fails the test when the canary is in `bytes`.
pub fn assert_absent(canary: &Canary, surface: &str, bytes: &[u8]) {
    if let Some(shape) = found(canary, bytes) {
        panic!("the secret is in {surface}, as {shape}");
    }
}

fn random_hex() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).expect("random bytes");
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(value: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric();
    value.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn html(value: &str) -> String {
    value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

/// The part of the base64 text that does not depend on the surrounding bytes, when the secret starts `offset` bytes
/// into a group of three.
fn inner_base64(engine: &impl Engine, bytes: &[u8], offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend(bytes);
    let text = engine.encode(&padded).into_bytes();
    let (before, after) = (if offset == 0 { 0 } else { 4 }, 4);
    text.get(before..text.len().saturating_sub(after)).unwrap_or_default().to_vec()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && memchr::memmem::find(hay, needle).is_some()
}

/// The content of every gzip and zlib stream that starts anywhere in `bytes`.
fn inflated(bytes: &[u8]) -> Vec<Vec<u8>> {
    const LIMIT: u64 = 16 << 20;
    let mut found = Vec::new();
    for (at, start) in bytes.windows(2).enumerate() {
        let rest = bytes.get(at..).unwrap_or_default();
        let mut inner = Vec::new();
        // An error ends the stream; the output before it counts.
        let _ = match start {
            [0x1f, 0x8b] => flate2::read::GzDecoder::new(rest).take(LIMIT).read_to_end(&mut inner),
            [0x78, 0x01 | 0x5e | 0x9c | 0xda] => {
                flate2::read::ZlibDecoder::new(rest).take(LIMIT).read_to_end(&mut inner)
            }
            _ => continue,
        };
        found.push(inner);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn every_encoding_is_found_anywhere() {
        let canary = Canary::new();
        for (name, shape) in canary.encodings() {
            let mut bytes = b"before ".to_vec();
            bytes.extend(shape);
            bytes.extend(b" after");
            assert!(found(&canary, &bytes).is_some(), "{name}");
        }
    }

    #[test]
    fn base64_is_found_at_each_of_the_three_offsets() {
        let canary = Canary::new();
        for before in ["", "a", "ab", "abc", "abcd"] {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{}xyz", canary.value()));
            assert_eq!(found(&canary, text.as_bytes()), Some("base64"), "{before:?}");
        }
    }

    #[test]
    fn case_splitting_and_compression_do_not_hide_it() {
        let canary = Canary::new();
        let value = canary.value();
        assert!(found(&canary, value.to_uppercase().as_bytes()).is_some());
        let split: String = value.chars().flat_map(|c| [c, '\n', ' ']).collect();
        assert_eq!(found(&canary, split.as_bytes()), Some("split"));
        let mut gzip = flate2::write::GzEncoder::new(b"head".to_vec(), flate2::Compression::fast());
        gzip.write_all(format!("{{\"a\":{value:?}}}").as_bytes()).unwrap();
        assert!(found(&canary, &gzip.finish().unwrap()).is_some());
    }

    #[test]
    fn another_canary_is_not_found() {
        let (one, two) = (Canary::new(), Canary::new());
        assert_eq!(found(&one, two.value().as_bytes()), None);
    }
}
