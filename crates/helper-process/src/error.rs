//! Errors of helper processes.

use std::{path::PathBuf, time::Duration};

use briefcase_helper_protocol::HelperHello;

/// A helper failed. Each message names the program, and the next step if a person can take one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HelperError {
    /// The program is not installed.
    #[error("`{}` is missing; install all Briefcase programs of one version in one folder", .0.display())]
    Missing(PathBuf),
    /// The operating system did not start the program.
    #[error("`{}` cannot be started: {error}", .path.display())]
    NotStarted {
        /// The program's file.
        path: PathBuf,
        /// The operating system's reason.
        error: std::io::Error,
    },
    /// The program is not the expected one, or of another version.
    #[error(
        "`{name}` {expected} is needed, but the installed program is `{}` {} (protocol {}); install all Briefcase \
         programs of one version in one folder", .found.helper, .found.version, .found.protocol
    )]
    VersionMismatch {
        /// The helper's name.
        name: &'static str,
        /// The expected version.
        expected: &'static str,
        /// The program's hello.
        found: Box<HelperHello>,
    },
    /// The program ended, or closed its socket, where a reply was due.
    #[error("`{name}` crashed ({status})")]
    Crashed {
        /// The helper's name.
        name: &'static str,
        /// The exit status that the operating system reports.
        status: String,
    },
    /// The program did not reply in time.
    #[error("`{name}` did not reply within {} ms", .after.as_millis())]
    DeadlineExceeded {
        /// The helper's name.
        name: &'static str,
        /// The time that the caller waited.
        after: Duration,
    },
    /// The program broke the protocol, or a request cannot be framed.
    #[error("`{name}` broke the helper protocol: {detail}")]
    Protocol {
        /// The helper's name.
        name: &'static str,
        /// The broken rule.
        detail: String,
    },
}
