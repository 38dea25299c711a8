//! Adapters that connect two crates: ports of one, implemented with another.

pub mod companion_files;
pub mod document_digest;
pub mod enrolled_factors;
pub mod identity;
pub mod sealed_file;
pub mod sealing;
pub mod secrets;
pub mod server_catalog;
pub mod server_connections;
pub mod server_messages;
pub mod slots;
pub mod snapshot;
pub mod vault_access;
