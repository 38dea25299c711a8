//! Errors of commands: a message, a stable code and the next step.

use std::{io, io::Write as _, path::Path, process::ExitCode};

use briefcase_private_fs::PrivateFsError;
use briefcase_tlog::{CheckpointError, CosignRefusal, LogPolicyError, LogProofError, merkle::LogError};
use briefcase_types::text::printable;
use serde_json::json;

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error(transparent)]
    FileRule(PrivateFsError),
    #[error("{0} exists already")]
    There(String),
    #[error("another program uses {0}")]
    Busy(String),
    #[error("other users can read {path}")]
    OpenKey { path: String },
    #[error("{path} is not the private key of {wanted}")]
    Key { path: String, wanted: &'static str },
    #[error("the log's files are damaged: {0}")]
    Damaged(String),
    #[error("the entry is empty or larger than 65535 bytes")]
    EntryLength,
    #[error("the log has no such entry")]
    NoEntry,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Policy(#[from] LogPolicyError),
    #[error(transparent)]
    Proof(#[from] LogProofError),
    #[error("the policy does not name this log")]
    UnknownLog,
    #[error("no cosignature from witness `{witness}`: {reason}")]
    Witness { witness: String, reason: String },
    #[error("{0}")]
    Refused(CosignRefusal),
    #[error("the system's random number generator failed")]
    Entropy,
    #[error("{address}: {source}")]
    Listen { address: String, source: io::Error },
}

impl CommandError {
    /// Makes the error for a failed operation on a path.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.display().to_string(), source }
    }

    /// Makes the error for a file that could not be created.
    pub fn creation(error: PrivateFsError) -> Self {
        match error {
            PrivateFsError::Io { path, source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                Self::There(path.display().to_string())
            }
            other => other.into(),
        }
    }

    /// Returns the stable code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::FileRule(_) => "file",
            Self::There(_) => "exists",
            Self::Busy(_) => "busy",
            Self::OpenKey { .. } | Self::Key { .. } => "key",
            Self::Damaged(_) | Self::Log(_) => "damaged",
            Self::EntryLength | Self::NoEntry => "entry",
            Self::Checkpoint(_) => "checkpoint",
            Self::Policy(LogPolicyError::Quorum { .. })
            | Self::Proof(LogProofError::Policy(LogPolicyError::Quorum { .. })) => "quorum",
            Self::Policy(_) | Self::UnknownLog => "policy",
            Self::Proof(_) => "proof",
            Self::Witness { .. } => "witness",
            Self::Refused(_) => "refused",
            Self::Entropy => "entropy",
            Self::Listen { .. } => "listen",
        }
    }

    const fn next(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::FileRule(_) => "Check the path and its permissions.",
            Self::There(_) => "Choose another path; existing files are never overwritten.",
            Self::Busy(_) => "Wait until it finishes, or stop it.",
            Self::OpenKey { .. } => "Run `chmod 600` on the file. If others could have read it, make a new key.",
            Self::Key { .. } => "Pass the right key file.",
            Self::Damaged(_) | Self::Log(_) => "Publish nothing. Restore the log's folder from its published copy.",
            Self::EntryLength | Self::NoEntry => "Check the entry's file.",
            Self::Checkpoint(_) => "Publish nothing until you know who wrote the checkpoint.",
            Self::Policy(LogPolicyError::Quorum { .. }) | Self::Proof(_) => "Run `briefcase-log collect` first.",
            Self::Policy(_) | Self::UnknownLog => "Correct the policy file.",
            Self::Witness { .. } => "Try again; the quorum may be reached without this witness.",
            Self::Refused(_) => "If the log was restored from a copy, fetch its newest state first. Sign nothing else.",
            Self::Entropy | Self::Listen { .. } => "Try again, or use another address.",
        }
    }

    /// Prints the error on stderr. The exit code is 2 for a wrong file, key, entry or policy, and 1 for any other
    /// failure.
    pub fn report(&self, json: bool) -> ExitCode {
        let (code, message, next) = (self.code(), printable(&self.to_string()), self.next());
        let text = if json {
            json!({ "code": code, "message": message, "next_step": next }).to_string()
        } else {
            format!("error: {message} ({code})\n→ {next}")
        };
        let _nobody_reads = writeln!(io::stderr().lock(), "{text}");
        ExitCode::from(if matches!(code, "file" | "exists" | "key" | "entry" | "policy") { 2 } else { 1 })
    }
}

impl From<PrivateFsError> for CommandError {
    fn from(error: PrivateFsError) -> Self {
        match error {
            PrivateFsError::Io { path, source, .. } => Self::file(&path)(source),
            PrivateFsError::NotPrivate { path, fault } => Self::file(&path)(io::Error::other(fault)),
            other => Self::FileRule(other),
        }
    }
}

impl From<CosignRefusal> for CommandError {
    fn from(refusal: CosignRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Makes the error for a failed request to a witness.
pub fn witness_error(witness: &str) -> impl Fn(&dyn std::error::Error) -> CommandError + '_ {
    move |reason| CommandError::Witness { witness: witness.to_owned(), reason: reason.to_string() }
}
