//! The messages of `briefcase-jail`: one request, and replies until the program runs.
//!
//! The daemon sends a [`LaunchRequest`] with three descriptors, which become the program's standard input, output and
//! error. The helper replies [`Launching`] right before it executes the program; `exec` then closes the socket. A
//! [`LaunchFailure`] instead of that reply, or after it, names the step that failed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The name of the helper and of its program.
pub const JAIL: &str = "briefcase-jail";
/// The number of descriptors of a request.
pub const STREAMS: usize = 3;

/// The program to run. It receives nothing that is not named here.
#[derive(Serialize, Deserialize)]
pub struct LaunchRequest<'a> {
    /// The exact program and arguments, without a shell. A name without a slash is searched in the `PATH` of `env`.
    pub argv: Vec<Cow<'a, str>>,
    /// The whole environment.
    pub env: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The working directory.
    pub cwd: Cow<'a, str>,
    /// The soft limit for open descriptors. The daemon's own limit is higher than most programs expect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
}

/// The reply right before the helper becomes the program.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launching {}

/// The program does not run: the step that failed, and the number of the operating system's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LaunchFailure {
    /// The request lacks the program or one of its three descriptors.
    Request,
    /// Starting the new session failed.
    Session {
        /// The error.
        errno: i32,
    },
    /// Setting the standard streams or closing all other descriptors failed.
    Descriptors {
        /// The error.
        errno: i32,
    },
    /// Setting the limit for open descriptors failed.
    OpenFiles {
        /// The error.
        errno: i32,
    },
    /// Changing to the working directory failed.
    WorkingDirectory {
        /// The error.
        errno: i32,
    },
    /// Executing the program failed.
    Exec {
        /// The error.
        errno: i32,
    },
}

/// One reply of the helper.
pub type LaunchReply = Result<Launching, LaunchFailure>;
