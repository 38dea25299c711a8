//! The limit for open descriptors of this process.
//!
//! The usual soft limit of a login is 1,024, for programs that use `select`. A program that serves many connections raises
//! it, and gives its children the old limit back.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit before and after it was raised. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The limit that children should get.
    pub was: Option<u64>,
    /// The limit in force.
    pub now: Option<u64>,
}

/// Raises the soft limit to the hard limit.
///
/// # Errors
/// The system refuses it. The old limit stays in force.
pub fn raise() -> io::Result<DescriptorLimit> {
    let Rlimit { current: was, maximum } = getrlimit(Resource::Nofile);
    if was != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(DescriptorLimit { was, now: maximum })
}

/// Returns the soft limit in force; `None` means no limit.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
