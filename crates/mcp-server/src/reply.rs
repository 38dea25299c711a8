//! Builds replies to clients.

use briefcase_json::raw;
use briefcase_mcp::{ErrorCode, RequestId, error_response, response};
use briefcase_ports::{Reply, RpcError};
use bytes::Bytes;

/// The name of this server. The upstream server's own name stays behind: it is that server's claim.
pub(crate) fn server_info() -> String {
    raw::object([
        ("name", r#""briefcase""#),
        ("title", r#""Briefcase""#),
        ("version", raw::quote(env!("CARGO_PKG_VERSION")).as_str()),
    ])
}

/// A result made here.
pub(crate) fn result(raw: impl Into<Bytes>) -> Reply {
    Reply::Result(raw.into())
}

/// A modern result that the client may cache for `ttl_ms`, for itself alone.
pub(crate) fn cacheable(ttl_ms: u32, members: &[(&str, &str)]) -> Reply {
    let ttl = ttl_ms.to_string();
    let meta = format!(r#"{{"io.modelcontextprotocol/serverInfo":{}}}"#, server_info());
    let head = [("resultType", r#""complete""#)];
    let tail = [("ttlMs", ttl.as_str()), ("cacheScope", r#""private""#), ("_meta", meta.as_str())];
    result(raw::object(head.into_iter().chain(members.iter().copied()).chain(tail)))
}

/// An error made here.
pub(crate) fn error(code: ErrorCode, message: impl Into<String>) -> Reply {
    Reply::Error(RpcError { code: code.0, message: message.into(), data: None })
}

/// `-32602`.
pub(crate) fn invalid_params(message: impl Into<String>) -> Reply {
    error(ErrorCode::INVALID_PARAMS, message)
}

/// `-32601`.
pub(crate) fn unknown_method() -> Reply {
    error(ErrorCode::METHOD_NOT_FOUND, "unknown method")
}

/// `-32021` with the capability that the client has to declare.
pub(crate) fn missing_capability(required: &str) -> Reply {
    let data = format!(r#"{{"requiredCapabilities":{required}}}"#);
    Reply::Error(RpcError {
        code: ErrorCode::MISSING_CLIENT_CAPABILITY.0,
        message: "the client did not declare a capability that this request needs".to_owned(),
        data: Some(data.into()),
    })
}

/// The whole response message.
pub(crate) fn to_message(reply: &Reply, id: &RequestId) -> Bytes {
    match reply {
        Reply::Result(raw) => response(id, raw),
        Reply::Error(error) => error_response(Some(id), ErrorCode(error.code), &error.message, error.data.as_deref()),
    }
}
