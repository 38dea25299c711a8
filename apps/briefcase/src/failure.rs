//! The failure of a command: a message, a stable code, and a next step.
//!
//! Invariant: each code has one exit code, so that a script can tell the cases apart without reading text.

use std::io;

use briefcase_admin_client::ClientError;
use briefcase_api::Problem;

/// A failure to report, or a reason to stop quietly.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A problem to report.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The person pressed Ctrl-C or closed the input.
    #[error("cancelled")]
    Cancelled,
    /// The reader of the output stopped reading.
    #[error("the output was closed")]
    ClosedPipe,
}

/// The table in `--help` and the manual pages.
pub const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   check failed
  2   usage error, or an invalid file
  3   briefcased is not running
  4   the briefcase is locked
  5   refused: a factor (PIN, passkey) is missing or wrong
  6   not found
  7   conflict, retry
  10  briefcased or a server is unavailable
  130 cancelled";

impl Failure {
    /// A problem that this program found.
    pub fn new(code: &str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::Problem(Problem::new(code, message, next_step))
    }

    /// The command line is invalid.
    pub fn usage(message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new("usage", message, next_step)
    }

    /// A file could not be used.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        let text = format!("{} cannot be used: {error}.", path.display());
        Self::new("file", text, "Check the path and its permissions.")
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(problem) => exit_code_of(&problem.code),
            Self::Cancelled => 130,
            Self::ClosedPipe => 0,
        }
    }
}

fn exit_code_of(code: &str) -> u8 {
    match code {
        "failed" => 1,
        "usage" | "file" | "invalid" | "scope_not_offered" => 2,
        "not_running" => 3,
        "locked" => 4,
        "wrong_pin" | "locked_out" | "factor_required" | "passkey_refused" | "forbidden" | "no_terminal"
        | "wrong_key" | "wrong_passphrase" => 5,
        "not_found" | "no_such_question" => 6,
        "conflict" | "rivals" | "not_what_was_shown" | "already_set_up" | "already_running" => 7,
        _ => 10,
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::new("unavailable", format!("{error}."), "Try again; `briefcase doctor` looks for the cause."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_exit_code_is_given_by_some_failure() {
        let codes = ["failed", "usage", "not_running", "locked", "wrong_pin", "not_found", "conflict", "unavailable"];
        let given: Vec<u8> = codes.iter().map(|code| Failure::new(code, "", "").exit_code()).collect();
        assert_eq!(given, [1, 2, 3, 4, 5, 6, 7, 10]);
        for code in given.iter().chain(&[Failure::Cancelled.exit_code()]) {
            assert!(EXIT_CODES.contains(&format!("\n  {code} ")), "{code} is not documented");
        }
    }
}
