//! A kit for tests with the real programs. It has temporary homes, the daemon and the gateway as processes, a client
//! that sends exact bytes, a scripted server that can misbehave, and canaries.
//!
//! For tests only: nothing that ships may depend on this crate (checked by `cargo xtask layers`).
//!
//! Invariants: every wait has a time limit ([`WAIT`]). No test sleeps in the hope that something has happened. Every
//! process ends when its value is dropped. A wait that times out names what did not happen.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation fails the test and shows its place"
)]

mod admin;
mod canary;
mod clock;
mod daemon;
mod gateway;
mod home;
pub mod mock;
mod nobody;
mod process;
mod program;
mod raw_http;
mod rpc;

use std::time::Duration;

pub use admin::{AdminSocket, without_secrets};
pub use canary::{Canary, assert_absent, found};
pub use clock::clock;
pub use daemon::{DaemonProcess, SetupOptions, SetupResult};
pub use gateway::GatewayProcess;
pub use home::TempHome;
pub use mock::{HttpUpstream, MockAction, ReceivedMessage, Script, StdioUpstream};
pub use nobody::again_as_nobody;
pub use process::{ChildProcess, output_of};
pub use program::program;
pub use raw_http::{RawResponse, raw_http};
pub use rpc::{ClientEra, ErrorResponse, McpClient, RequestHandler};

/// The time after which an operation counts as hung. Generous, because test machines are slow at times.
pub const WAIT: Duration = Duration::from_secs(120);

/// Polls `look` until it returns a value, for at most [`WAIT`].
///
/// For states without a notification. Prefer waiting for a message.
pub async fn eventually<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut look: F) -> T {
    let end = tokio::time::Instant::now() + WAIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < end, "{what} did not happen within {WAIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
