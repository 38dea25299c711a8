//! A witness: it sees that logs only grow, and says so.

mod memory;
mod server;

pub use memory::{Memory, Witnessing};
pub use server::{bind, now, serve};
