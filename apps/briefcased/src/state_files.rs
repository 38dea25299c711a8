//! Names of files in the state folder.

/// The sealed key that signs the log.
pub const LOG_KEY_FILE: &str = "log-key.sealed";
/// The vault's key slots.
pub const VAULT_FILE: &str = "vault.json";
