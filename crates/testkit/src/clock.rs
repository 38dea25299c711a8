//! The clock that a whole test run has: libfaketime moves it, and it moves that of every program that loads the library.
//! A program that starts with an emptied environment gets the variables back, else it would live on another day.

use std::ffi::OsString;

/// The variables of libfaketime, as far as they are set.
const VARIABLES: [&str; 3] = ["LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"];

/// The environment that gives another program the clock of this one.
pub fn clock() -> Vec<(&'static str, OsString)> {
    VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}
