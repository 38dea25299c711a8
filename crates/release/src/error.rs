//! Why something is not a release: which layer caught it, one stable word, one sentence.

use briefcase_sigstore::SigstoreError;
use briefcase_tlog::{CheckpointError, LogPolicyError, LogProofError};

/// The layer that caught it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// The policy that the verifier was given.
    Policy,
    /// The Sigstore bundle over the manifest.
    Signature,
    /// The release log: its head and the manifest's place in it.
    Log,
    /// The witnesses of the log's head.
    Witness,
    /// The manifest's form.
    Manifest,
    /// The manifest's end.
    Expiry,
    /// What was seen before.
    Rollback,
    /// The module's bytes.
    Module,
    /// The page's bytes.
    Page,
    /// The headers, as a file or as they were sent.
    Headers,
}

impl Layer {
    /// The layer's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Signature => "signature",
            Self::Log => "log",
            Self::Witness => "witness",
            Self::Manifest => "manifest",
            Self::Expiry => "expiry",
            Self::Rollback => "rollback",
            Self::Module => "module",
            Self::Page => "page",
            Self::Headers => "headers",
        }
    }
}

/// Why something is not a release.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The policy is none.
    #[error("the release policy is wrong: {0}")]
    Policy(String),
    /// The manifest is not signed as it has to be.
    #[error("the manifest's signature: {0}")]
    Signature(#[from] SigstoreError),
    /// The bundle signs a statement about the manifest, not the manifest.
    #[error("the manifest's signature: a statement about the manifest is signed, not the manifest itself")]
    Statement,
    /// The signature was made after now.
    #[error("the manifest's signature was made after now; is this machine's clock right?")]
    Future,
    /// The manifest is not logged as it has to be.
    #[error("the manifest's log proof: {0}")]
    Log(LogProofError),
    /// The log's head is not witnessed as it has to be.
    #[error("the manifest's log proof: {0}")]
    Witness(LogPolicyError),
    /// Not a manifest.
    #[error("this is not a release manifest: {0}")]
    Manifest(String),
    /// The manifest has ended.
    #[error("the manifest ended at {expires} (seconds since 1970): ask for a newer one")]
    Expired {
        /// When it ended.
        expires: u64,
    },
    /// The manifest is older than one that was seen.
    #[error("the manifest is older than one seen before: {what} was {seen} and is {now}")]
    OlderManifest {
        /// Which number went back.
        what: &'static str,
        /// What it was.
        seen: u64,
        /// What it is.
        now: u64,
    },
    /// The module is allowed, but older than the one used before.
    #[error("the module is release {now}, and release {seen} was used before")]
    OlderModule {
        /// Which release was used.
        seen: u64,
        /// Which one this is.
        now: u64,
    },
    /// The module is in no list.
    #[error("the module {digest} is not in the manifest")]
    UnknownModule {
        /// Its digest.
        digest: String,
    },
    /// The module was taken out of use.
    #[error("the module is release {version}, which is deprecated")]
    Deprecated {
        /// Which release.
        version: u64,
    },
    /// The page is another one.
    #[error("the page `kms.html` is not the one of release {version}")]
    Page {
        /// Which release.
        version: u64,
    },
    /// The headers file is another one.
    #[error("the headers file is not the one of release {version}")]
    HeadersFile {
        /// Which release.
        version: u64,
    },
    /// Not a headers file.
    #[error("the headers file is wrong in line {line}")]
    HeadersForm {
        /// Which line, from 1.
        line: usize,
    },
    /// A header was not sent as the file says.
    #[error("`{path}` was sent with {header}: {problem}")]
    Header {
        /// For which path.
        path: String,
        /// Which header.
        header: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl ReleaseError {
    /// The layer that caught it.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        match self {
            Self::Policy(_) | Self::Signature(SigstoreError::TrustedRoot(_)) => Layer::Policy,
            Self::Signature(_) | Self::Statement | Self::Future => Layer::Signature,
            Self::Log(_) => Layer::Log,
            Self::Witness(_) => Layer::Witness,
            Self::Manifest(_) => Layer::Manifest,
            Self::Expired { .. } => Layer::Expiry,
            Self::OlderManifest { .. } | Self::OlderModule { .. } => Layer::Rollback,
            Self::UnknownModule { .. } | Self::Deprecated { .. } => Layer::Module,
            Self::Page { .. } => Layer::Page,
            Self::HeadersFile { .. } | Self::HeadersForm { .. } | Self::Header { .. } => Layer::Headers,
        }
    }

    /// The reason in one word, which stays the same across versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Policy(_) => "policy",
            Self::Signature(error) => error.code(),
            Self::Statement => "signed_statement",
            Self::Future => "signing_time",
            Self::Log(LogProofError::Malformed) => "proof_malformed",
            Self::Log(LogProofError::Log(_)) => "not_in_log",
            Self::Log(_) => "log_head",
            Self::Witness(LogPolicyError::Cosignature { .. }) => "cosignature",
            Self::Witness(_) => "witness_quorum",
            Self::Manifest(_) => "manifest_malformed",
            Self::Expired { .. } => "expired",
            Self::OlderManifest { .. } => "older_manifest",
            Self::OlderModule { .. } => "older_module",
            Self::UnknownModule { .. } => "unknown_module",
            Self::Deprecated { .. } => "deprecated",
            Self::Page { .. } => "page",
            Self::HeadersFile { .. } => "headers_file",
            Self::HeadersForm { .. } => "headers_malformed",
            Self::Header { .. } => "header",
        }
    }
}

impl From<LogProofError> for ReleaseError {
    fn from(error: LogProofError) -> Self {
        match error {
            LogProofError::Policy(LogPolicyError::Log(error)) => Self::Log(LogProofError::Checkpoint(error)),
            LogProofError::Policy(error) => Self::Witness(error),
            other => Self::Log(other),
        }
    }
}

impl From<CheckpointError> for ReleaseError {
    fn from(error: CheckpointError) -> Self {
        Self::Log(LogProofError::Checkpoint(error))
    }
}
