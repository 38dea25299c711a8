//! Reasons to reject a release: the layer that found the fault, one stable code and one sentence.

use briefcase_sigstore::SigstoreError;
use briefcase_tlog::{CheckpointError, LogPolicyError, LogProofError};

/// The layer of verification that rejected the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layer {
    /// The verifier's own policy.
    Policy,
    /// The Sigstore bundle over the manifest.
    Signature,
    /// The release log: its checkpoint and the manifest's place in it.
    Log,
    /// The witnesses of the log's checkpoint.
    Witness,
    /// The manifest's format.
    Manifest,
    /// The manifest's expiry.
    Expiry,
    /// The state from earlier verifications.
    Rollback,
    /// The module's bytes.
    Module,
    /// The page's bytes.
    Page,
    /// The headers, as a file or as sent.
    Headers,
}

impl Layer {
    /// The layer's stable name.
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

/// A release was rejected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The policy is malformed.
    #[error("the release policy is invalid: {0}")]
    Policy(String),
    /// The manifest's signature is invalid.
    #[error("the manifest's signature: {0}")]
    Signature(#[from] SigstoreError),
    /// The bundle signs a statement about the manifest instead of the manifest.
    #[error("the manifest's signature: the bundle signs a statement about the manifest, not the manifest itself")]
    Statement,
    /// The signature's time is in the future.
    #[error("the manifest's signature has a time in the future; check this machine's clock")]
    Future,
    /// The manifest's log proof is invalid.
    #[error("the manifest's log proof: {0}")]
    Log(LogProofError),
    /// Too few witnesses cosigned the log's checkpoint, or a cosignature is invalid.
    #[error("the manifest's log proof: {0}")]
    Witness(LogPolicyError),
    /// The bytes are not a manifest.
    #[error("this is not a release manifest: {0}")]
    Manifest(String),
    /// The manifest has expired.
    #[error("the manifest expired at {expires} (seconds since 1970); fetch a newer one")]
    Expired {
        /// The expiry time.
        expires: u64,
    },
    /// The manifest is older than one used before.
    #[error("the manifest is older than one seen before: {what} was {seen} and is {now}")]
    OlderManifest {
        /// The number that decreased.
        what: &'static str,
        /// The number from before.
        seen: u64,
        /// The number in this manifest.
        now: u64,
    },
    /// The module is allowed, but older than the one used before.
    #[error("the module is release {now}, and release {seen} was used before")]
    OlderModule {
        /// The release used before.
        seen: u64,
        /// This module's release.
        now: u64,
    },
    /// The manifest does not list the module.
    #[error("the module {digest} is not in the manifest")]
    UnknownModule {
        /// The module's digest.
        digest: String,
    },
    /// The manifest lists the module as deprecated.
    #[error("the module is release {version}, which is deprecated")]
    Deprecated {
        /// The module's release.
        version: u64,
    },
    /// The page does not belong to the release.
    #[error("the page `kms.html` does not belong to release {version}")]
    Page {
        /// The release.
        version: u64,
    },
    /// The headers file does not belong to the release.
    #[error("the headers file does not belong to release {version}")]
    HeadersFile {
        /// The release.
        version: u64,
    },
    /// The bytes are not a headers file.
    #[error("the headers file is invalid in line {line}")]
    HeadersForm {
        /// The line number, from 1.
        line: usize,
    },
    /// A response header differs from the headers file.
    #[error("`{path}` was sent with {header}: {problem}")]
    Header {
        /// The response's path.
        path: String,
        /// The header's name.
        header: String,
        /// A description of the difference.
        problem: &'static str,
    },
}

impl ReleaseError {
    /// The layer that rejected the release.
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

    /// The stable code of the reason.
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
