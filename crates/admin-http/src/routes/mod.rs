//! The routes of the admin API: one file for each resource, with its views and its edits.

pub mod agents;
pub mod approvals;
pub mod backup;
pub mod budgets;
pub mod changes;
pub mod clock;
pub mod console;
pub mod doctor;
pub mod events;
pub mod factors;
pub mod grants;
pub mod lock;
pub mod log;
pub mod passkeys;
pub mod policy;
pub mod receipts;
pub mod secrets;
pub mod servers;
pub mod settings;
pub mod status;
pub mod tools;
pub mod why;

/// A number as the API writes it.
fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
