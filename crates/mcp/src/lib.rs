//! MCP on the wire: JSON-RPC envelopes, protocol versions, header rules and server-sent events. No I/O.
//!
//! Briefcase relays and hashes what the two sides really said. Typed models drop unknown members and reorder keys, so
//! nothing here builds a tree: an [`Envelope`] is the received bytes plus the places of the few members that routing
//! needs, and building a message splices raw parts together.
//!
//! Invariants: an [`Envelope`] holds one JSON object that passed [`briefcase_json::scan`] and is exactly one of
//! request, notification, response or error response; ids are strings or integers and compare by value; a decision is
//! never made on a header that was not compared with the body.

mod cursor;
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

pub use envelope::{Envelope, EnvelopeError, Kind, MessageError, error_response, notification, request, response};
pub use era::{Era, LEGACY_VERSIONS, MODERN_VERSIONS, PROTOCOL_VERSION_KEY, version_era};
pub use error_code::ErrorCode;
pub use frame::single_line;
pub use headers::{HeaderMismatch, PARAM_PREFIX, ParamHeaders, ParamHeadersError, check_headers, decode_header_value};
pub use id::{RequestId, RequestIdError};
pub use message_kind::MessageKind;
pub use params::{ParamsError, RequestParams};
pub use sse::{SseDecoder, SseError, SseEvent, SseLimits, write_comment, write_event, write_retry};

/// The largest JSON-RPC message taken from an agent (an upstream server may send more, within its own limits).
pub const MAX_MESSAGE_BYTES: usize = briefcase_json::Limits::AGENT.bytes;
