//! The one path of a call, and the ports it needs. This is what an auditor reads.
//!
//! Start at [`path`]: it reads top to bottom. [`desk`] is how people are asked, [`change`] how people decide,
//! [`ports`] what the outside has to do for it.
//!
//! Invariants, each kept by a type or one critical section:
//! - nothing executes without a permit, a reservation and an intent receipt ([`path::Funded`]);
//! - nothing is released without a durable outcome receipt ([`call::Released`]);
//! - an approval is spent once, by the call it was asked for, under the authority it was asked under ([`desk`]);
//! - the authority changes only with evidence that a person is there, and only on record ([`change`]).

pub mod active_authority;
pub mod call;
pub mod change;
pub mod desk;
mod engine;
pub mod inward;
mod judge;
pub mod path;
pub mod session;
mod tasks;
pub mod tools;

pub use engine::{Engine, Limits, Parts};
