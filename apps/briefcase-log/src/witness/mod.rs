//! A witness: it verifies that logs only grow, and cosigns their checkpoints.

mod server;
mod state;

pub use server::{bind, now, serve};
pub use state::{WitnessService, WitnessState};
