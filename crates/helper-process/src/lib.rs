//! The daemon's end of the helper-process protocol: starts a helper, checks its hello, and exchanges messages with it.
//!
//! [`briefcase_helper_protocol`] describes the protocol. Invariants of this end:
//!
//! - **Nothing is sent before the handshake.** A program of another name or version gets no request.
//! - **Each wait has a deadline**, which the caller passes.
//! - **A crash is an error.** A helper that closes its socket where a reply is due is [`HelperError::Crashed`].
//! - **A helper that failed is killed**, and so is one whose [`HelperProcess`] is dropped.
//! - **A helper dies with the daemon, and not before.** Linux ties that signal to the thread that started the helper, so
//!   a thread of its own starts them all ([`Spawner`]).

mod error;
mod process;
mod spawner;

pub use error::HelperError;
pub use process::{Deadline, HelperProcess, HelperProgram};
pub use spawner::Spawner;
