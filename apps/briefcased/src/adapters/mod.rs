//! Implements the engine's ports with the vault, store and upstream pool, and connects the pool to the MCP server.

pub mod directory;
pub mod document_digest;
pub mod enrolled_factors;
pub mod identity;
pub mod sealed_file;
pub mod sealing;
pub mod secrets;
pub mod slots;
pub mod snapshot;
