//! What Briefcase costs: latency and throughput beside a direct connection, bytes written, start, memory, sizes, and the
//! same calls through other bridges that record nothing. Prints a table, then one line of JSON.
//!
//! `bench [--quick] [--peers FOLDER]`: FOLDER holds `npm/` and `pip/` with the other bridges (`cargo xtask bench` makes it).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench: what cannot go on ends it, and figures are printed"
)]

mod figures;
mod http;
mod peers;
mod place;
mod stdio;
mod table;

use std::path::PathBuf;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let peers = args.iter().position(|arg| arg == "--peers").and_then(|at| args.get(at + 1)).map(PathBuf::from);
    let mut table = table::Table::default();
    figures::latency(&mut table, quick);
    figures::throughput(&mut table, quick);
    figures::start_and_memory(&mut table);
    figures::sizes(&mut table);
    figures::verify(&mut table);
    peers::beside(&mut table, peers.as_deref(), quick);
    table.print();
}
