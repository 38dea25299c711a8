//! The variables that every child process gets.

use std::path::PathBuf;

/// The variables that every child process gets from the machine. Nothing else of the daemon's environment reaches it.
#[derive(Clone, Debug)]
pub struct ChildEnvironment {
    /// `PATH`, also used to find the program.
    pub path: String,
    /// `HOME`, and the default working directory of children.
    pub home: PathBuf,
    /// `LANG`.
    pub lang: String,
}
