//! The command line `briefcase` as a library: its commands, its output, and the frame of a program that a person types.
//!
//! The program `briefcase` is one `main` over it. `briefcase-demo` and `briefcase-enclave` are programs of their own,
//! built from the same parts, so that `briefcase` links neither a show nor a verifier of releases.
//!
//! Invariant: the command line decides nothing and stores no secret. A PIN typed at the person's own terminal proves
//! every change, and the daemon checks it.

pub mod change;
pub mod cli;
pub mod command;
pub mod context;
pub mod daemon;
pub mod failure;
mod forward;
pub mod output;
pub mod printer;
pub mod program;
pub mod terminal;
pub mod time_format;
