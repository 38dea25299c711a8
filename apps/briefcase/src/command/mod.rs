//! One command per file.

pub mod agent;
pub mod approvals;
pub mod backup;
pub mod budget;
pub mod clock;
pub mod completions;
pub mod console;
pub mod daemon;
pub mod decide;
pub mod demo;
pub mod doctor;
pub mod enclave;
pub mod factor;
pub mod fsck;
pub mod grants;
pub mod lock;
pub mod man;
pub mod policy;
pub mod receipts;
pub mod secret;
pub mod server;
pub mod settings;
pub mod setup;
pub mod status;
pub mod tools;
pub mod why;
