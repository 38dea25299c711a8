//! The pipeline of a call: decide, record, execute, release. Auditors start here.
//!
//! Start at [`pipeline`], which reads from top to bottom. [`approvals`] is the approval queue, [`change`] changes the
//! authority, and the crate `briefcase-ports` has the traits that adapters implement.
//!
//! Invariants, each kept by a type or one critical section:
//! - nothing executes without a permit, a reservation and an intent receipt ([`pipeline::Reserved`]);
//! - nothing is released without a durable outcome receipt ([`call::Released`]);
//! - an approval is spent once, by the call it was opened for, and only if the person was shown what holds now ([`approvals`]);
//! - the authority changes only with evidence of a person's presence, and only on record ([`change`]).

pub mod active_authority;
pub mod agent_labels;
pub mod agent_token;
mod approval_flow;
pub mod approvals;
mod authorize;
pub mod call;
mod call_handler;
pub mod change;
mod client_responses;
pub mod clock;
mod engine;
pub mod pinned_tools;
pub mod pipeline;
mod presentation;
mod secret_requests;
pub mod server_requests;
pub mod server_texts;
pub mod session;
pub mod shared_ledger;
mod tasks;
pub mod tools;

pub use engine::{Engine, Limits, Parts};
