//! The number of one channel inside a gateway's connection.

/// The number of an MCP conversation inside a connection. The gateway chooses it and does not reuse it within a
/// connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);
