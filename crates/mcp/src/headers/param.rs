//! `Mcp-Param-*`: arguments that a tool's schema mirrors into headers (`x-mcp-header`).
//!
//! Only the tool's schema says which headers are required. The gateway collects the headers; the daemon, which has the
//! schema, checks them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::value::RawValue;

use super::{HeaderMismatch, decode_header_value};

/// The prefix of mirrored arguments, lower-case.
pub const PARAM_PREFIX: &str = "mcp-param-";
/// The maximum number of such headers in a request.
const MAX_PARAMS: usize = 64;

/// The `Mcp-Param-*` headers of one request: lower-case names without the prefix, with their values unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamHeaders(BTreeMap<String, String>);

/// The text is not the JSON form of [`ParamHeaders`].
#[derive(Debug, thiserror::Error)]
#[error("not a JSON object of header values")]
pub struct ParamHeadersError;

impl ParamHeaders {
    /// Collects the headers of a request.
    pub fn collect(headers: &HeaderMap) -> Result<Self, HeaderMismatch> {
        let mut found = BTreeMap::new();
        for (name, value) in headers {
            let Some(param) = name.as_str().strip_prefix(PARAM_PREFIX) else { continue };
            let text = value.to_str().map_err(|_| HeaderMismatch::Malformed(name.to_string()))?;
            let repeated = found.insert(param.to_owned(), text.trim_matches([' ', '\t']).to_owned()).is_some();
            if repeated || found.len() > MAX_PARAMS {
                return Err(HeaderMismatch::Repeated(name.to_string()));
            }
        }
        Ok(Self(found))
    }

    /// Encodes the headers for the daemon: `{"region":"us-west1"}`.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        serde_json::to_vec(&self.0).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from)
    }

    /// Reads the output of [`ParamHeaders::to_json`].
    pub fn from_json(text: &[u8]) -> Result<Self, ParamHeadersError> {
        serde_json::from_slice(text).map(Self).map_err(|_| ParamHeadersError)
    }

    /// Compares the headers with the body. For each `x-mcp-header` of the tool's schema, `declared` has its value there
    /// and the argument at that place. Headers that no schema declares are ignored, as the specification requires.
    pub fn check<'a, I>(&self, declared: I) -> Result<(), HeaderMismatch>
    where
        I: IntoIterator<Item = (&'a str, Option<&'a RawValue>)>,
    {
        for (name, argument) in declared {
            let header = self.0.get(&name.to_ascii_lowercase());
            let argument = argument.map(RawValue::get).filter(|raw| *raw != "null");
            let full = || format!("Mcp-Param-{name}");
            match (header, argument) {
                (None, None) => {}
                (None, Some(_)) => return Err(HeaderMismatch::Missing(full())),
                (Some(_), None) => return Err(HeaderMismatch::Unexpected(full())),
                (Some(header), Some(argument)) => {
                    let text = decode_header_value(header).ok_or_else(|| HeaderMismatch::Malformed(full()))?;
                    if !same(&text, argument) {
                        return Err(HeaderMismatch::Different(full()));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a header's text and an argument's JSON text mean the same string, boolean or integer.
fn same(header: &str, argument: &str) -> bool {
    match argument.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(argument).is_ok_and(|text| text == header),
        Some(b't' | b'f') => header == argument,
        _ => integer(header).is_some_and(|number| Some(number) == integer(argument)),
    }
}

/// Reads an integer in plain decimal; `42.0` counts as 42.
fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.starts_with('+') || !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    whole.parse().ok()
}
