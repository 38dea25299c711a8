//! The approval queue's own source under `shuttle`. Callers, deciders, a cancelling client, an observer and a clock run
//! as threads, in thousands of schedules. The program fails, and prints the schedule, when an approval has two effects,
//! two decisions, an effect without an approval, or never ends.
//!
//! Invariant: production code is unchanged. `std` and `tokio` are modules of this program, so the locks and waits of
//! the included module are those of shuttle.
// The unit tests of the included module do not run here.
#![cfg(not(test))]
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a failed step fails the test, which reads the output")]

extern crate self as std;
extern crate self as tokio;
extern crate std as real_std;
extern crate tokio as real_tokio;

#[allow(dead_code, unused_imports, reason = "not all of the module is raced")]
#[path = "../../../../../crates/engine/src/approvals/mod.rs"]
mod approvals;
mod notify;
mod race;

/// `std::collections`.
pub mod collections {
    pub use real_std::collections::*;
}

/// `std::sync` and `tokio::sync`: the locks are shuttle's.
pub mod sync {
    pub use real_std::sync::PoisonError;
    pub use real_tokio::sync::broadcast;
    pub use shuttle::sync::{Arc, Mutex, MutexGuard};

    pub use crate::notify::Notify;
}

/// `std::time`.
pub mod time {
    pub use real_std::time::Duration;
}

pub use real_tokio::select;

/// `tokio::pin!`.
#[macro_export]
macro_rules! pin {
    ($name:ident) => {
        let mut $name = real_std::pin::pin!($name);
    };
}

fn main() {
    let rounds = real_std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5_000);
    shuttle::check_random(race::run, rounds);
    shuttle::check_pct(race::run, rounds, 4);
    println!("{}", race::told());
}
