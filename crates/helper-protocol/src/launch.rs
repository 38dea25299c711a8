//! The messages of `briefcase-jail`: one request, and replies until the program runs.
//!
//! The daemon sends a [`LaunchRequest`] with three descriptors, which become the program's standard input, output and
//! error. The helper replies [`Launching`] right before it runs the program in its own place; the socket then closes by
//! itself. A [`LaunchFailure`] instead of, or after, that reply says which step failed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The name of the helper, and of its program.
pub const JAIL: &str = "briefcase-jail";
/// How many descriptors a request carries.
pub const STREAMS: usize = 3;

/// The program to run. Only what is named here reaches it.
#[derive(Serialize, Deserialize)]
pub struct LaunchRequest<'a> {
    /// Program and arguments, exactly; no shell reads them. A name without a slash is looked for in the `PATH` of `env`.
    pub argv: Vec<Cow<'a, str>>,
    /// The whole environment.
    pub env: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The working directory.
    pub cwd: Cow<'a, str>,
}

/// The helper is about to become the program.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launching {}

/// Why the program does not run: the step that failed, and the number of the operating system's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LaunchFailure {
    /// The request has no program, or not its three descriptors.
    Request,
    /// The new session.
    Session {
        /// The error.
        errno: i32,
    },
    /// The standard streams, and closing every other descriptor.
    Descriptors {
        /// The error.
        errno: i32,
    },
    /// The working directory.
    WorkingDirectory {
        /// The error.
        errno: i32,
    },
    /// The program itself.
    Exec {
        /// The error.
        errno: i32,
    },
}

/// One reply of the helper.
pub type LaunchReply = Result<Launching, LaunchFailure>;
