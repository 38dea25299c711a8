//! Why a bundle proves nothing: one word per kind of reason, for programs, and a sentence for people.

use sigstore_verify::{CertificateError, Error, TimestampError, TransparencyLogError};

/// Why a bundle proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigstoreError {
    /// Not a bundle.
    #[error("this is not a Sigstore bundle: {0}")]
    Malformed(String),
    /// A bundle of another version.
    #[error("this is not a Sigstore bundle v0.3 but `{0}`")]
    MediaType(String),
    /// The trusted root cannot be used.
    #[error("the trusted root cannot be used: {0}")]
    TrustedRoot(String),
    /// Another identity signed.
    #[error("somebody else signed: {0}")]
    Identity(String),
    /// The identity was given by another issuer.
    #[error("another issuer vouches for the signer: {0}")]
    Issuer(String),
    /// The signature does not hold.
    #[error("the signature does not hold: {0}")]
    Signature(String),
    /// Something else was signed.
    #[error("something else was signed: {0}")]
    Artifact(String),
    /// The signer's certificate does not hold.
    #[error("the signer's certificate does not hold: {0}")]
    Certificate(String),
    /// There is no proof that the signature was logged.
    #[error("there is no proof that the signature was logged")]
    NoProof,
    /// The log is not one of the trusted ones.
    #[error("the signature was logged by an unknown log: {0}")]
    UnknownLog(String),
    /// The entry is not in the log.
    #[error("the log's proof does not hold: {0}")]
    Inclusion(String),
    /// The log's signed head does not hold.
    #[error("the log's checkpoint does not hold: {0}")]
    Checkpoint(String),
    /// The log's promise does not hold.
    #[error("the log's signed promise does not hold: {0}")]
    Promise(String),
    /// The entry is about something else.
    #[error("the log's entry is about something else: {0}")]
    Entry(String),
    /// No trusted clock or log saw the signature while the certificate was valid.
    #[error("the time of signing is not proved: {0}")]
    Time(String),
}

impl SigstoreError {
    /// The reason in one word, which stays the same across versions.
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
