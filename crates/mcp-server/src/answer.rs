//! The answer to one request.

use briefcase_mcp::{ErrorCode, RequestId, error_response, response};
use briefcase_ports::RpcError;
use bytes::Bytes;

/// What a request is answered with.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// `result`, raw.
    Result(Bytes),
    /// `error`.
    Error(RpcError),
}

impl Answer {
    /// A result of ours.
    pub(crate) fn result(raw: impl Into<Bytes>) -> Self {
        Self::Result(raw.into())
    }

    /// An error of ours.
    pub(crate) fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error(RpcError { code: code.0, message: message.into(), data: None })
    }

    /// `-32602`.
    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self::error(ErrorCode::INVALID_PARAMS, message)
    }

    /// `-32601`.
    pub(crate) fn unknown_method() -> Self {
        Self::error(ErrorCode::METHOD_NOT_FOUND, "this method is not served here")
    }

    /// `-32021` with what the client would have to declare.
    pub(crate) fn missing_capability(required: &str) -> Self {
        let data = format!(r#"{{"requiredCapabilities":{required}}}"#);
        Self::Error(RpcError {
            code: ErrorCode::MISSING_CLIENT_CAPABILITY.0,
            message: "the client did not declare a capability that this request needs".to_owned(),
            data: Some(data.into()),
        })
    }

    /// The whole message.
    pub(crate) fn to_message(&self, id: &RequestId) -> Bytes {
        match self {
            Self::Result(raw) => response(id, raw),
            Self::Error(error) => {
                error_response(Some(id), ErrorCode(error.code), &error.message, error.data.as_deref())
            }
        }
    }
}
