//! The console: its page, and the sessions of those who use it.

pub mod assets;
pub mod sessions;
