use crate::{ErrorCode, RequestId};

/// The reason a message was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeErrorKind {
    /// Not strict JSON, or beyond a structural limit.
    #[error("the message is not valid JSON: {0}")]
    Json(String),
    /// A JSON array.
    #[error("batches are not part of MCP: send one message at a time")]
    Batch,
    /// JSON, but not an object.
    #[error("a message must be a JSON object")]
    NotAnObject,
    /// A member that routing needs appears twice.
    #[error("a member of the message appears twice")]
    Duplicate,
    /// `jsonrpc` is missing or not `"2.0"`.
    #[error("`jsonrpc` must be \"2.0\"")]
    Version,
    /// `id` is neither a string nor an integer.
    #[error("`id` must be a string or an integer")]
    Id,
    /// `method` is not a usable string.
    #[error("`method` must be a string of 1 to 256 bytes")]
    Method,
    /// `params` is not an object.
    #[error("`params` must be an object")]
    Params,
    /// The message is neither a request nor a notification nor a response.
    #[error("the message is neither a request nor a notification nor a response")]
    Shape,
}

/// A rejected message, with its id if readable, so that an error response can be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct EnvelopeError {
    /// The reason.
    pub error: EnvelopeErrorKind,
    /// The id for the error response.
    pub id: Option<RequestId>,
}

impl EnvelopeErrorKind {
    pub(super) const fn without_id(self) -> EnvelopeError {
        EnvelopeError { error: self, id: None }
    }

    pub(super) const fn about(self, id: Option<RequestId>) -> EnvelopeError {
        EnvelopeError { error: self, id }
    }
}

impl EnvelopeError {
    /// The JSON-RPC code of the error response.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self.error {
            EnvelopeErrorKind::Json(_) => ErrorCode::PARSE_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        }
    }

    /// Builds the error response.
    #[must_use]
    pub fn to_response(&self) -> bytes::Bytes {
        super::error_response(self.id.as_ref(), self.code(), &self.to_string(), None)
    }
}
