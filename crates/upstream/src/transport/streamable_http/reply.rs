//! The messages that answer a request.

use briefcase_mcp::{Envelope, EnvelopeKind, RequestId};
use briefcase_ports::{Reply, RpcError};

use crate::transport::call::rpc_error;

/// The meaning of an event.
pub(super) enum TakenEvent {
    /// The reply to the request of the stream.
    Reply(Reply),
    /// A reply with this id, which is not the request's.
    OtherReply(String),
    /// Any other message, or none.
    Other,
}

/// Whether a reply's id is the request's, perhaps as text.
pub(super) fn answers(about: &RequestId, id: &RequestId) -> bool {
    about.as_number().is_some_and(|about| Some(about) == id.as_number())
}

/// The error of a message that is about this request, or that names no request.
pub(super) fn error_about(envelope: &Envelope, id: &RequestId) -> Option<RpcError> {
    match envelope.kind() {
        EnvelopeKind::ErrorResponse { id: about } if about.as_ref().is_none_or(|about| answers(about, id)) => {
            envelope.error().map(|raw| rpc_error(&raw))
        }
        _ => None,
    }
}

/// The reply, if the message answers exactly this request.
pub(super) fn reply_to(envelope: &Envelope, id: &RequestId) -> Option<Reply> {
    match envelope.kind() {
        EnvelopeKind::Response { id: about } if answers(about, id) => envelope.result().map(Reply::Result),
        EnvelopeKind::ErrorResponse { id: Some(about) } if answers(about, id) => {
            envelope.error().map(|raw| Reply::Error(rpc_error(&raw)))
        }
        _ => None,
    }
}
