//! MCP wire formats: JSON-RPC envelopes, protocol versions, header rules and server-sent events. No I/O.
//!
//! Briefcase relays and hashes the original bytes of both sides. Typed models drop unknown members and reorder keys, so
//! nothing here builds a tree. An [`Envelope`] is the received bytes plus the positions of the few members that routing
//! needs. Building a message joins raw parts.
//!
//! Invariant: an [`Envelope`] holds one JSON object that passed [`briefcase_json::scan`]. It is exactly one of request,
//! notification, response or error response. Ids are strings or integers and compare by value. No decision depends on a
//! header that was not compared with the body.

mod dropped;
mod envelope;
mod era;
mod error_code;
mod frame;
mod headers;
mod id;
mod message_kind;
pub mod method;
mod params;
mod sse;

pub use dropped::DroppedMessage;
pub use envelope::{
    Envelope, EnvelopeError, EnvelopeErrorKind, EnvelopeKind, error_response, notification, request, response,
};
pub use era::{LEGACY_VERSIONS, MODERN_VERSIONS, PROTOCOL_VERSION_KEY, version_era};
pub use error_code::ErrorCode;
pub use frame::{single_line, without_framing};
pub use headers::{HeaderMismatch, PARAM_PREFIX, ParamHeaders, ParamHeadersError, check_headers, decode_header_value};
pub use id::{RequestId, RequestIdError};
pub use message_kind::{MessageKind, request_id};
pub use params::{ParamsError, RequestParams};
pub use sse::{SseDecoder, SseError, SseEvent, SseLimits, write_comment, write_event, write_retry};

/// The largest JSON-RPC message accepted from an agent. An upstream server may send more, within limits of its own.
pub const MAX_MESSAGE_BYTES: usize = briefcase_json::JsonLimits::AGENT.bytes;
