//! Request ids: strings or integers. Their text stays unchanged; they compare by value.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use bytes::Bytes;

/// The longest id, in encoded form.
const MAX_ID_BYTES: usize = 1024;

/// The id of a request. `"a"` equals `"\u0061"`; `1` does not equal `"1"`.
#[derive(Clone)]
pub struct RequestId {
    raw: Bytes,
    /// The value of a string with escapes; `None` when the raw form has no escapes.
    decoded: Option<Box<str>>,
}

/// A JSON value cannot be a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request id is a string or an integer from -2^63 to 2^63-1, at most 1024 bytes long")]
pub struct RequestIdError;

impl RequestId {
    /// Reads the JSON text of an id. `null`, fractions and exponents are rejected.
    pub fn from_json(raw: Bytes) -> Result<Self, RequestIdError> {
        match raw.first() {
            _ if raw.len() > MAX_ID_BYTES => Err(RequestIdError),
            Some(b'"') if raw.contains(&b'\\') => {
                let decoded = serde_json::from_slice::<Box<str>>(&raw).map_err(|_| RequestIdError)?;
                Ok(Self { raw, decoded: Some(decoded) })
            }
            Some(b'"') => {
                serde_json::from_slice::<&str>(&raw).map_err(|_| RequestIdError)?;
                Ok(Self { raw, decoded: None })
            }
            Some(_) if is_integer(&raw) => Ok(Self { raw, decoded: None }),
            _ => Err(RequestIdError),
        }
    }

    /// Reads an id that a server echoes. A number with an integer value is that integer: `3.0` is `3`.
    pub fn echoed(raw: Bytes) -> Result<Self, RequestIdError> {
        if let Ok(id) = Self::from_json(raw.clone()) {
            return Ok(id);
        }
        let value: f64 = serde_json::from_slice(&raw).map_err(|_| RequestIdError)?;
        // The shortest text of an integer value has no fraction.
        value.to_string().parse().map(Self::number).map_err(|_| RequestIdError)
    }

    /// The number that the id stands for: `3` and `"3"` are the same to a server that keeps ids as text.
    #[must_use]
    pub fn as_number(&self) -> Option<u32> {
        let (_, text) = self.key();
        let canonical = is_integer(text) && !text.starts_with(b"-");
        std::str::from_utf8(text).ok().filter(|_| canonical)?.parse().ok()
    }

    /// Makes an id for a request of this program.
    #[must_use]
    pub fn number(number: u32) -> Self {
        Self { raw: Bytes::from(number.to_string()), decoded: None }
    }

    /// The id's JSON text, for insertion into a message.
    #[must_use]
    pub const fn as_json(&self) -> &Bytes {
        &self.raw
    }

    /// Returns a copy that does not keep the original message in memory.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self { raw: Bytes::copy_from_slice(&self.raw), decoded: self.decoded.clone() }
    }

    fn key(&self) -> (bool, &[u8]) {
        let is_text = self.raw.first() == Some(&b'"');
        match &self.decoded {
            Some(text) => (is_text, text.as_bytes()),
            None if is_text => (true, self.raw.get(1..self.raw.len().saturating_sub(1)).unwrap_or_default()),
            None => (false, &self.raw),
        }
    }
}

/// Whether the text is a canonical decimal integer within `i64` (no `+`, no leading zero, no `-0`).
fn is_integer(raw: &[u8]) -> bool {
    let digits = raw.strip_prefix(b"-").unwrap_or(raw);
    let canonical = match digits {
        [b'0'] => digits.len() == raw.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical && std::str::from_utf8(raw).is_ok_and(|text| text.parse::<i64>().is_ok())
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", briefcase_types::text::printable(&String::from_utf8_lossy(&self.raw)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn id(raw: &'static str) -> Result<RequestId, RequestIdError> {
        RequestId::from_json(Bytes::from_static(raw.as_bytes()))
    }

    #[test]
    fn ids_compare_by_value_and_keep_their_text() {
        assert_eq!(id(r#""a""#).unwrap(), id(r#""\u0061""#).unwrap());
        assert_ne!(id("1").unwrap(), id(r#""1""#).unwrap());
        assert_eq!(id(r#""\u0061""#).unwrap().as_json(), r#""\u0061""#);
        let seen: HashSet<_> = [id(r#""a""#).unwrap()].into();
        assert!(seen.contains(&id(r#""\u0061""#).unwrap()));
    }

    #[test]
    fn an_echoed_number_is_recognised_in_every_form() {
        let echoed = |raw: &'static str| RequestId::echoed(Bytes::from_static(raw.as_bytes()));
        for raw in ["3", "3.0", "3.000", "3e0", "30e-1", "\"3\"", "\"\\u0033\""] {
            assert_eq!(echoed(raw).unwrap().as_number(), Some(3), "{raw}");
        }
        for raw in ["\"3.0\"", "\" 3\"", "\"03\"", "\"\"", "\"a\"", "-3", "4294967296", "\"-0\""] {
            assert_eq!(echoed(raw).unwrap().as_number(), None, "{raw}");
        }
        for raw in ["3.5", "1e99", "-1.0", "null", "true", "{}", "[3]", "NaN", ""] {
            assert!(echoed(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn only_strings_and_integers_are_accepted() {
        for raw in ["null", "1.0", "1e3", "-0", "01", "true", "{}", "[1]", "", "9223372036854775808", "\"a", "+1", "-"]
        {
            assert!(id(raw).is_err(), "{raw}");
        }
        for raw in ["0", "-1", "9223372036854775807", "-9223372036854775808", r#""""#] {
            assert!(id(raw).is_ok(), "{raw}");
        }
        assert!(RequestId::from_json(Bytes::from(format!("\"{}\"", "x".repeat(2000)))).is_err());
    }
}
