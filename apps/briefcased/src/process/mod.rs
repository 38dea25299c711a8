//! The process: its protection against other processes of the same user, its clocks and its source of randomness.

pub mod clock;
pub mod hardening;
pub mod installation;
pub mod reexec;
