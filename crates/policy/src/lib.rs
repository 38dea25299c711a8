//! The rules: the permissions of agents, the budgets, and the accepted tool definitions.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no I/O. The same state and the same call
//! give the same decision on every machine and in every replay (promise P4). A call that cannot be decided is refused
//! (P5).
//!
//! - [`authority`]: the document that gives all power, and its changes.
//! - [`pin`]: the digest of a tool's definition, and the checks of a server's list of tools.
//! - [`decision`]: allow, ask or deny, by the person's Cedar policies. [`label`]: the kinds of data that a session has
//!   read.
//! - [`label_book`]: the labels of all agents, and how long they last.
//! - [`ledger`]: the amounts reserved and spent. [`uri`]: the spellings in which a server may read a URI.

pub mod authority;
pub mod decision;
pub mod label;
pub mod label_book;
pub mod ledger;
pub mod pin;
pub mod uri;
