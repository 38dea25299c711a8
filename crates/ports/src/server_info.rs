//! Servers as they describe themselves.

use briefcase_types::{Era, LoopbackOwner};
use bytes::Bytes;

/// A list of a server other than its tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    ResourceTemplates,
    /// `prompts/list`.
    Prompts,
}

/// What a server states about itself when a connection opens. Untrusted; never used for routing or names.
#[derive(Clone, Debug)]
pub struct ServerInfo {
    /// The era of the connection.
    pub era: Era,
    /// The protocol version agreed on.
    pub version: String,
    /// `capabilities`, raw.
    pub capabilities: Bytes,
    /// `serverInfo`, raw; `{}` when absent.
    pub info: Bytes,
    /// `instructions`.
    pub instructions: Option<String>,
    /// The listener of a server on this machine that gets a secret, as the daemon found it. Absent for any other server, and
    /// where the listener cannot be found out.
    pub listener: Option<LoopbackOwner>,
}
