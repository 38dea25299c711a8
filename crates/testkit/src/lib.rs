//! What tests need to drive the real programs: throw-away homes, the daemon and the gateway as processes, a client
//! that sends exactly the bytes it is told to, a server that misbehaves on order, and canaries.
//!
//! For tests only: nothing that ships may depend on this crate (checked by `cargo xtask layers`).
//!
//! Invariants: no wait without an end ([`WAIT`]); no sleeping in the hope that something has happened; every process that
//! is started ends with the value that stands for it; a wait that runs out says what did not come.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test kit what cannot go on fails the test, with its place"
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

pub use admin::AdminSocket;
pub use canary::{Canary, assert_absent, found};
pub use clock::clock;
pub use daemon::{DaemonProcess, SetupResult, SetupOptions};
pub use gateway::GatewayProcess;
pub use home::TempHome;
pub use mock::{MockAction, ReceivedMessage, HttpUpstream, Script, StdioUpstream};
pub use nobody::again_as_nobody;
pub use process::{ChildProcess, output_of};
pub use program::program;
pub use raw_http::{RawResponse, raw_http};
pub use rpc::{McpClient, ClientEra, ErrorResponse, RequestHandler};

/// How long anything may take before a test calls it hung. Generous: the machines that run tests are slow at times.
pub const WAIT: Duration = Duration::from_secs(30);

/// Waits until `look` gives something, looking again whenever a little time has passed, for at most [`WAIT`].
///
/// For states that only polling can see. Prefer waiting for the message that tells.
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
