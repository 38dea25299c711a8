//! Attack 23, below the programs: the approval queue's own code in every order of steps, and in many interleavings of
//! threads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

use models::lifecycle::Lifecycle;
use stateright::{Checker, Model};

/// Guards D3 and P3: in every order of requests, decisions, expiry, cancellation, failures and crashes, an approval has
/// exactly one end and at most one effect, and each end of the model is reached.
#[test]
fn attack_23_every_order_of_steps_has_one_end_and_at_most_one_effect() {
    let checked = Lifecycle.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} steps, depth {}", checked.unique_state_count(), checked.state_count(), checked.max_depth());
    checked.assert_properties();
    assert!(checked.is_done() && checked.unique_state_count() > 10_000, "{} states", checked.unique_state_count());
}

/// Guards: the same under threads: callers, deciders, a cancelling client and time, in 2,000 random schedules and 2,000
/// schedules chosen to find races.
#[test]
fn attack_23_no_interleaving_of_threads_has_two_effects() {
    let raced = std::process::Command::new(env!("CARGO_BIN_EXE_approval-races")).arg("2000").output().unwrap();
    let (told, errors) = (String::from_utf8_lossy(&raced.stdout), String::from_utf8_lossy(&raced.stderr));
    assert!(raced.status.success(), "{told}\n{errors}");
    println!("{told}");
    for way in told.split_whitespace() {
        let (name, times) = way.split_once('=').unwrap();
        assert!(times.parse::<u64>().unwrap() > 100, "hardly ever: {name}");
    }
}
