//! The path with doubles at its ports: what happens when the record cannot be written, when budgets are at their limit,
//! when things change while a call waits. The same with real ports is in `tests/e2e`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a failed step fails the test"
)]

mod beside;
mod budgets;
mod doubles;
mod looks;
mod people;
mod quotes;
mod record;
mod responses;
mod spans;
mod tasks;
mod undeclared;
