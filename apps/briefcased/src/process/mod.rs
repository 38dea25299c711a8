//! The process itself: what it may leak to others of the same user, where its files are, time and randomness.

pub mod ambient;
pub mod hardening;
pub mod paths;
