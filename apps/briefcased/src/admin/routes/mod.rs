//! One file per room of the contract.

pub mod approvals;
pub mod changes;
pub mod console;
pub mod doctor;
pub mod edits;
pub mod events;
pub mod policy;
pub mod receipts;
pub mod vault;
pub mod views;
