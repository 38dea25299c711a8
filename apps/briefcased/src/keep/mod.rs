//! Adapters tied together: what the vault, the store, the servers and the surface are to the engine.

pub mod core;
pub mod directory;
pub mod identity;
pub mod presence;
pub mod sealed_file;
pub mod sealing;
pub mod secrets;
pub mod slots;
pub mod snapshot;
