//! The clock that a whole test run has: a library moves it, and moves that of every program that loads the library. A
//! program that starts with an emptied environment gets the variables back, else it would have another day.

use std::ffi::OsString;

/// The library, and the file with the seconds that it adds.
const VARIABLES: [&str; 2] = ["LD_PRELOAD", "MOVED_CLOCK"];

/// The environment that gives another program the clock of this one.
pub fn clock() -> Vec<(&'static str, OsString)> {
    VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}
