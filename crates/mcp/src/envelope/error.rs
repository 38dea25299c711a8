use crate::{ErrorCode, RequestId};

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Not strict JSON, or beyond a structural limit.
    #[error("the message is not acceptable JSON: {0}")]
    Json(String),
    /// A JSON array.
    #[error("batches are not part of MCP: send one message at a time")]
    Batch,
    /// JSON, but no object.
    #[error("a message is one JSON object")]
    NotAnObject,
    /// A member that routing needs appears twice.
    #[error("a member of the message appears twice")]
    Duplicate,
    /// `jsonrpc` is missing or not `"2.0"`.
    #[error("`jsonrpc` must be \"2.0\"")]
    Version,
    /// `id` is neither string nor integer.
    #[error("`id` must be a string or an integer")]
    Id,
    /// `method` is no usable text.
    #[error("`method` must be a text of 1 to 256 bytes")]
    Method,
    /// `params` is no object.
    #[error("`params` must be an object")]
    Params,
    /// Neither request nor notification nor response.
    #[error("the message is neither a request nor a notification nor a response")]
    Shape,
}

/// A message that was refused, with its id where one could be read, so that the refusal can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct EnvelopeError {
    /// What is wrong.
    pub error: MessageError,
    /// Whom to answer.
    pub id: Option<RequestId>,
}

impl MessageError {
    pub(super) const fn without_id(self) -> EnvelopeError {
        EnvelopeError { error: self, id: None }
    }

    pub(super) const fn about(self, id: Option<RequestId>) -> EnvelopeError {
        EnvelopeError { error: self, id }
    }
}

impl EnvelopeError {
    /// The JSON-RPC code of the answer.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self.error {
            MessageError::Json(_) => ErrorCode::PARSE_ERROR,
            _ => ErrorCode::INVALID_REQUEST,
        }
    }

    /// The answer to send back.
    #[must_use]
    pub fn to_response(&self) -> bytes::Bytes {
        super::error_response(self.id.as_ref(), self.code(), &self.to_string(), None)
    }
}
