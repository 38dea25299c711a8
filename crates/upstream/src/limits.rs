//! The structural limits of one message.

use briefcase_ports::ServerLimits;

/// The longest message that a setting can allow.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// The limits of one message of a server: the server's own length, and the structure that every upstream is held to.
pub(crate) fn message(limits: &ServerLimits) -> briefcase_json::JsonLimits {
    briefcase_json::JsonLimits { bytes: limits.message.min(MAX_MESSAGE_BYTES), ..briefcase_json::JsonLimits::UPSTREAM }
}
