//! Why a command did not do its job: what happened, a code that stays, and what to do next.

use std::{io, io::Write as _, path::Path, process::ExitCode};

use briefcase_tlog::{CheckpointError, CosignRefusal, LogPolicyError, LogProofError, tree::LogError};
use briefcase_types::text::printable;
use serde_json::json;

/// Why a command did not do its job.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{path}: {source}")]
    File { path: String, source: io::Error },
    #[error("{0} is there already")]
    There(String),
    #[error("another program is working in {0}")]
    Busy(String),
    #[error("{path} can be read by others")]
    OpenKey { path: String },
    #[error("{path} is not a key of {wanted}")]
    Key { path: String, wanted: &'static str },
    #[error("the log's files do not hold: {0}")]
    Damaged(String),
    #[error("an entry has 1 to 65535 bytes")]
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
    #[error("the witness `{witness}` cannot be asked: {reason}")]
    Witness { witness: String, reason: String },
    #[error("{0}")]
    Refused(CosignRefusal),
    #[error("the system gives no randomness")]
    Entropy,
    #[error("{address}: {source}")]
    Listen { address: String, source: io::Error },
}

impl CommandError {
    /// For an error over a path.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.display().to_string(), source }
    }

    /// The reason in one word, which stays the same across versions.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
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
            Self::File { .. } => "Check the path and its permissions.",
            Self::There(_) => "Choose another path; nothing is ever overwritten.",
            Self::Busy(_) => "Wait for it, or stop it.",
            Self::OpenKey { .. } => "Run `chmod 600` on it, and make a new key if others could have read it.",
            Self::Key { .. } => "Give the key that belongs to it.",
            Self::Damaged(_) | Self::Log(_) => "Publish nothing. Get the log's folder back from where it is served.",
            Self::EntryLength | Self::NoEntry => "Check which file you gave.",
            Self::Checkpoint(_) => "Publish nothing until you know who wrote it.",
            Self::Policy(LogPolicyError::Quorum { .. }) | Self::Proof(_) => "Run `briefcase-log collect` first.",
            Self::Policy(_) | Self::UnknownLog => "Correct the policy file.",
            Self::Witness { .. } => "Try again; a witness that stays away can be left out if the quorum allows.",
            Self::Refused(_) => "If the log was put back from a copy, get its newest state first. Sign nothing else.",
            Self::Entropy | Self::Listen { .. } => "Try again, or on another address.",
        }
    }

    /// Says it on stderr. 2 is a wrong file or key, 1 anything that did not hold.
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

impl From<CosignRefusal> for CommandError {
    fn from(refusal: CosignRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// For what goes wrong on the way to a witness.
pub fn witness_error(witness: &str) -> impl Fn(&dyn std::error::Error) -> CommandError + '_ {
    move |reason| CommandError::Witness { witness: witness.to_owned(), reason: reason.to_string() }
}
