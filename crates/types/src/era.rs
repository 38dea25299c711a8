//! The two eras of MCP.

/// A family of MCP protocol versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize`, sessions, server-to-client requests (up to 2025-11-25).
    Legacy,
    /// Stateless requests with `_meta`, `server/discover`, `input_required` (2026-07-28 and later).
    Modern,
}
