//! The structural limits of one message.

use briefcase_ports::ServerLimits;

/// The limits of one message of a server: the server's own length, and the structure that every upstream is held to.
pub(crate) fn message(limits: &ServerLimits) -> briefcase_json::JsonLimits {
    let upstream = briefcase_json::JsonLimits::UPSTREAM;
    briefcase_json::JsonLimits { bytes: limits.message.min(upstream.bytes), ..upstream }
}
