//! The clock of a whole test run: a library moves it, in every program that loads the library. A program that starts
//! with an emptied environment gets the variables back; otherwise its date would differ.

use std::ffi::OsString;

/// The library, and the file with the offset in seconds.
const VARIABLES: [&str; 2] = ["LD_PRELOAD", "MOVED_CLOCK"];

/// Returns the environment that gives another program this clock.
pub fn clock() -> Vec<(&'static str, OsString)> {
    VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}
