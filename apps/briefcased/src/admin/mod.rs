//! The people's doors: `admin.sock` for programs, a loopback port for the console. One set of routes, two guards.

pub mod console_session;
pub mod error;
pub mod evidence;
pub mod guard;
pub mod pending_passkeys;
pub mod probes;
pub mod routes;
pub mod server;
pub mod state;
