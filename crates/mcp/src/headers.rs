//! Headers that mirror the body, and the rule that they never decide anything by themselves.
//!
//! Since 2026-07-28 a request repeats its version, method and name in headers so that proxies can route. A server that
//! believed them could be told one thing by the header and do another by the body, so both are compared here and a
//! difference is refused. Decisions are made on the body.

mod param;
mod value;

use http::{HeaderMap, HeaderName};

pub use param::{PARAM_PREFIX, ParamHeaders, ParamHeadersError};
pub use value::decode_header_value;

use crate::{Envelope, RequestParams};

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// How header and body disagree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderMismatch {
    /// A required header is absent.
    #[error("the `{0}` header is missing, but the body has a value for it")]
    Missing(String),
    /// A header without its counterpart in the body.
    #[error("the `{0}` header has a value, but the body has none")]
    Unexpected(String),
    /// The same header more than once.
    #[error("the `{0}` header appears more than once")]
    Repeated(String),
    /// Bytes or an encoding that a header must not have.
    #[error("the `{0}` header has invalid characters or an invalid `=?base64?…?=` encoding")]
    Malformed(String),
    /// Different values.
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
