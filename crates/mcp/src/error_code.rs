//! JSON-RPC error codes and their HTTP statuses.

/// A JSON-RPC error code that Briefcase itself sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i64);

impl ErrorCode {
    /// Not JSON, or beyond the limits.
    pub const PARSE_ERROR: Self = Self(-32700);
    /// JSON, but not a JSON-RPC message that MCP allows.
    pub const INVALID_REQUEST: Self = Self(-32600);
    /// Unknown method.
    pub const METHOD_NOT_FOUND: Self = Self(-32601);
    /// Parameters or required `_meta` members are missing or malformed.
    pub const INVALID_PARAMS: Self = Self(-32602);
    /// An internal error.
    pub const INTERNAL_ERROR: Self = Self(-32603);
    /// HTTP headers and body disagree (2026-07-28).
    pub const HEADER_MISMATCH: Self = Self(-32020);
    /// The client did not declare a capability that the request needs (2026-07-28).
    pub const MISSING_CLIENT_CAPABILITY: Self = Self(-32021);
    /// The request's protocol version is not supported (2026-07-28).
    pub const UNSUPPORTED_PROTOCOL_VERSION: Self = Self(-32022);
    /// Legacy: unknown resource. Never sent to modern clients.
    pub const RESOURCE_NOT_FOUND: Self = Self(-32002);
    /// Briefcase cannot serve now (daemon not running, locked, or gone). Outside the ranges that JSON-RPC and MCP
    /// reserve, as MCP requires for custom codes.
    pub const UNAVAILABLE: Self = Self(-31999);

    /// The HTTP status for a modern JSON-RPC error with this code.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::METHOD_NOT_FOUND => 404,
            Self::PARSE_ERROR
            | Self::INVALID_REQUEST
            | Self::HEADER_MISMATCH
            | Self::MISSING_CLIENT_CAPABILITY
            | Self::UNSUPPORTED_PROTOCOL_VERSION => 400,
            _ => 200,
        }
    }
}
