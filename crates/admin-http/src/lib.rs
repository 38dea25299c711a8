//! The HTTP adapter of the admin API, through which people watch and change a briefcase.
//!
//! One set of routes ([`routes`]) is served at two places: at `admin.sock` for programs of the same user, such as the CLI, and at
//! a loopback port for the console's page. The crate reads the record and the engine directly. Everything else reaches it
//! through [`LockControl`], [`VaultAccess`] and [`ServerConnections`], which the daemon implements.
//!
//! Invariants:
//! - A request passes the checks of its place ([`request_guard`]) before any other code reads it. At the port every API route
//!   also needs a console session, whose token is no cookie ([`console`]).
//! - Whatever gives power needs evidence of a person's presence, bound to the digest of exactly that: a decision, a change, a
//!   backup, or a probe that sends a secret to a server that is not registered.
//! - Secrets, PINs and passphrases only come in. No response contains one; a new agent's token is returned once.
//! - This crate links neither the vault nor a client of upstream servers.

mod body_deadline;
mod briefcase;
mod connections;
mod console;
mod edit;
mod error;
mod evidence;
mod fair_table;
mod lock_control;
mod loopback;
mod pending_passkeys;
mod probe;
mod request_guard;
mod router;
mod routes;
mod self_test;
mod serve;
mod state;
mod tool_views;
mod unlock_pace;

pub use briefcase::{
    Briefcase, PASSPHRASE_SET, ProbeConnections, ProbeError, SealedSecret, ServerConnections, StagedPassphrase,
    VaultAccess, VaultFailure,
};
pub use lock_control::{LockControl, UnlockError};
pub use self_test::{HostileRequestAccepted, probe_port};
pub use serve::{serve_console, serve_socket};
pub use state::{AdminParts, AdminState, DebuggingRule, ProcessProtection};
