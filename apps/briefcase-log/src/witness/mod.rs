//! A witness: it sees that logs only grow, and says so.

mod server;
mod state;

pub use server::{bind, now, serve};
pub use state::{WitnessService, WitnessState};
