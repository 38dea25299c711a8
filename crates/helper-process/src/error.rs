//! Why a helper did not do its work.

use std::{path::PathBuf, time::Duration};

use briefcase_helper_protocol::HelperHello;

/// Why a helper did not do its work. Each message names the program; what a person can do is in it where there is
/// something.
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
        /// How it ended, as the operating system reports it.
        status: String,
    },
    /// The program did not reply in time.
    #[error("`{name}` did not reply within {} ms", .after.as_millis())]
    DeadlineExceeded {
        /// The helper's name.
        name: &'static str,
        /// How long the caller waited.
        after: Duration,
    },
    /// The program sent something that is not a message of the protocol, or a request cannot be framed.
    #[error("`{name}` broke the helper protocol: {detail}")]
    Protocol {
        /// The helper's name.
        name: &'static str,
        /// The broken rule.
        detail: String,
    },
}
