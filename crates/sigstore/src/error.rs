//! Reasons to reject a bundle: a stable code for programs and a sentence for people.

use sigstore_verify::{CertificateError, Error, TimestampError, TransparencyLogError};

/// A bundle was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigstoreError {
    /// The bytes are not a bundle.
    #[error("this is not a Sigstore bundle: {0}")]
    Malformed(String),
    /// The bundle has another version.
    #[error("this is not a Sigstore bundle v0.3 but `{0}`")]
    MediaType(String),
    /// The trusted root is unusable.
    #[error("the trusted root is unusable: {0}")]
    TrustedRoot(String),
    /// Another identity signed.
    #[error("another identity signed: {0}")]
    Identity(String),
    /// Another issuer vouches for the signer's identity.
    #[error("another issuer vouches for the signer: {0}")]
    Issuer(String),
    /// The signature is invalid.
    #[error("the signature is invalid: {0}")]
    Signature(String),
    /// The signature covers another artifact.
    #[error("the signature covers another artifact: {0}")]
    Artifact(String),
    /// The signer's certificate is invalid.
    #[error("the signer's certificate is invalid: {0}")]
    Certificate(String),
    /// The bundle has no proof that the signature was logged.
    #[error("the bundle has no proof that the signature was logged")]
    NoProof,
    /// The log is not in the trusted root.
    #[error("the signature was logged by an unknown log: {0}")]
    UnknownLog(String),
    /// The log's inclusion proof is invalid.
    #[error("the log's proof is invalid: {0}")]
    Inclusion(String),
    /// The log's checkpoint is invalid.
    #[error("the log's checkpoint is invalid: {0}")]
    Checkpoint(String),
    /// The log's signed entry timestamp (its promise) is invalid.
    #[error("the log's signed promise is invalid: {0}")]
    Promise(String),
    /// The log entry covers another signature or artifact.
    #[error("the log's entry covers another signature or artifact: {0}")]
    Entry(String),
    /// No trusted clock or log proves a signing time within the certificate's validity.
    #[error("the signing time is not proven: {0}")]
    Time(String),
}

impl SigstoreError {
    /// The stable code of the reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "bundle_malformed",
            Self::MediaType(_) => "bundle_version",
            Self::TrustedRoot(_) => "trusted_root",
            Self::Identity(_) => "signer_identity",
            Self::Issuer(_) => "signer_issuer",
            Self::Signature(_) => "signature",
            Self::Artifact(_) => "artifact",
            Self::Certificate(_) => "certificate",
            Self::NoProof => "no_log_proof",
            Self::UnknownLog(_) => "unknown_log",
            Self::Inclusion(_) => "log_inclusion",
            Self::Checkpoint(_) => "log_checkpoint",
            Self::Promise(_) => "log_promise",
            Self::Entry(_) => "log_entry",
            Self::Time(_) => "signing_time",
        }
    }
}

impl From<Error> for SigstoreError {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::IdentityMismatch { .. } => Self::Identity(text),
            Error::IssuerMismatch { .. } => Self::Issuer(text),
            Error::SignatureInvalid(_) | Error::Crypto(_) => Self::Signature(text),
            Error::ArtifactMismatch(_) | Error::UnsupportedArtifact(_) | Error::ArtifactRead(_) => Self::Artifact(text),
            Error::Certificate(CertificateError::NoValidAuthority { .. } | CertificateError::NotYetValid { .. })
            | Error::Certificate(CertificateError::Expired { .. }) => Self::Time(text),
            Error::Certificate(_) => Self::Certificate(text),
            Error::TransparencyLog(error) => log(&error, text),
            Error::Timestamp(TimestampError::NoVerifiedTimestamp(_) | _) => Self::Time(text),
            Error::InvalidTrustRoot(_) | Error::TrustRoot(_) | Error::TrustedCertificate(_) => Self::TrustedRoot(text),
            _ => Self::Malformed(text),
        }
    }
}

fn log(error: &TransparencyLogError, text: String) -> SigstoreError {
    match error {
        TransparencyLogError::UnknownLog { .. } => SigstoreError::UnknownLog(text),
        TransparencyLogError::Checkpoint(_) => SigstoreError::Checkpoint(text),
        TransparencyLogError::InclusionPromise(_) => SigstoreError::Promise(text),
        TransparencyLogError::EntryMismatch(_) | TransparencyLogError::MalformedEntry(_) => SigstoreError::Entry(text),
        TransparencyLogError::IntegratedTime(_) => SigstoreError::Time(text),
        _ => SigstoreError::Inclusion(text),
    }
}
