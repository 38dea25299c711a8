//! Headers that repeat parts of the body. They never decide anything by themselves.
//!
//! Since 2026-07-28 a request repeats its version, method and name in headers, so that proxies can route. A server that
//! trusted them could check one thing and do another. So both are compared, a difference is rejected, and all decisions
//! use the body.

mod param;
mod value;

use http::{HeaderMap, HeaderName};

pub use param::{PARAM_PREFIX, ParamHeaders, ParamHeadersError};
pub use value::decode_header_value;

use crate::{Envelope, RequestParams};

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// A difference between a header and the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderMismatch {
    /// A required header is absent.
    #[error("the `{0}` header is missing, but the body has a value for it")]
    Missing(String),
    /// A header is present, but the body has no value for it.
    #[error("the `{0}` header has a value, but the body has none")]
    Unexpected(String),
    /// The same header appears more than once.
    #[error("the `{0}` header appears more than once")]
    Repeated(String),
    /// The header's bytes or encoding are invalid.
    #[error("the `{0}` header has invalid characters or an invalid `=?base64?…?=` encoding")]
    Malformed(String),
    /// The values differ.
    #[error("the `{0}` header does not match the body")]
    Different(String),
}

/// Compares `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name` with the body of a modern message.
pub fn check_headers(headers: &HeaderMap, body: &Envelope, params: &RequestParams) -> Result<(), HeaderMismatch> {
    if let Some(version) = &params.protocol_version {
        require(headers, &VERSION, version, false)?;
    }
    if let Some(method) = body.method() {
        require(headers, &METHOD, method, false)?;
    }
    let required = matches!(body.method(), Some("tools/call" | "prompts/get" | "resources/read"));
    match &params.name {
        Some(name) if required || headers.contains_key(NAME) => require(headers, &NAME, name, true),
        None if required && headers.contains_key(NAME) => Err(HeaderMismatch::Unexpected(NAME.to_string())),
        _ => Ok(()),
    }
}

fn require(headers: &HeaderMap, name: &HeaderName, expected: &str, encoded: bool) -> Result<(), HeaderMismatch> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| HeaderMismatch::Missing(name.to_string()))?;
    if values.next().is_some() {
        return Err(HeaderMismatch::Repeated(name.to_string()));
    }
    let malformed = || HeaderMismatch::Malformed(name.to_string());
    let text = value.to_str().map_err(|_| malformed())?.trim_matches([' ', '\t']);
    let equal = if encoded { decode_header_value(text).ok_or_else(malformed)? == expected } else { text == expected };
    if equal { Ok(()) } else { Err(HeaderMismatch::Different(name.to_string())) }
}

#[cfg(test)]
mod tests;
