//! The rules: who may do what, what it may cost, and what may come back.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no I/O. The same state and the same call
//! give the same decision on every machine and in every replay (promise P4), and everything that cannot be decided is
//! refused (P5).
//!
//! - [`authority`]: the document that gives all power, and its changes.
//! - [`pin`]: a tool is what its definition says; [`schema`]: what its arguments have to be.
//! - [`decision`]: allow, ask or deny, by the person's Cedar policies; [`label`]: what a session has seen.
//! - [`ledger`]: what was reserved and spent.
//! - [`firewall`]: what may reach the agent of what a server answered.

pub mod authority;
pub mod decision;
pub mod label;
pub mod ledger;
pub mod pin;
