//! The cost of Briefcase: latency and throughput beside a direct connection, bytes written, start, memory, sizes, and
//! the same calls through other bridges, which record nothing. Prints a table, then one line of JSON.
//!
//! `bench [--quick] [--only PART] [--peers FOLDER]`: PART is one of latency, throughput, rest, sizes, verify, storm, peers;
//! FOLDER holds `npm/` and `pip/` with the other bridges (`cargo xtask bench` makes it).
//!
//! `bench --only instructions` counts instructions per call and prints one line of JSON (`cargo xtask instructions` compares it).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench: a failed step ends it, and it prints results"
)]

mod figures;
mod http;
mod instructions;
mod peers;
mod running_briefcase;
mod stdio;
mod storm;
mod table;

use std::path::PathBuf;

/// The name of a part, and its measurement.
type Part<'a> = (&'a str, &'a dyn Fn(&mut table::Table));

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let quick = args.iter().any(|arg| arg == "--quick");
    let (peers, only) = (value("--peers").map(PathBuf::from), value("--only"));
    if only.as_deref() == Some("instructions") {
        return instructions::count();
    }
    let mut table = table::Table::default();
    let parts: [Part<'_>; 7] = [
        ("latency", &|table| figures::latency(table, quick)),
        ("throughput", &|table| figures::throughput(table, quick)),
        ("rest", &figures::start_and_memory),
        ("sizes", &figures::sizes),
        ("verify", &figures::verify),
        ("storm", &storm::storm),
        ("peers", &|table| peers::beside(table, peers.as_deref(), quick)),
    ];
    let load = running_briefcase::load();
    for (name, part) in parts {
        if only.as_deref().is_none_or(|only| only == name) {
            part(&mut table);
        }
    }
    table.note("load of the machine (1 minute), before / after", format!("{load} / {}", running_briefcase::load()));
    table.print();
}
