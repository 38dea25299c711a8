//! The process itself: what it may leak to others of the same user, time and randomness.

pub mod ambient;
pub mod hardening;
pub mod installation;
pub mod second_life;
