//! Factors: how a person proves to be present.

use std::time::Duration;

use briefcase_types::{Digest, FactorKind, SecretString, UnixMillis, rough_duration};
use bytes::Bytes;

use crate::BoxFuture;

/// A person's proof of presence, not yet verified.
pub enum FactorEvidence {
    /// A PIN typed at a terminal.
    Pin(SecretString),
    /// A WebAuthn assertion (JSON of `PublicKeyCredential`), made for the digest of the decision.
    Passkey(Box<serde_json::value::RawValue>),
    /// An answer signed elsewhere: a phone, or a second person. No such factor can be enrolled yet.
    Signed(SignedAnswer),
}

/// An answer that a paired device or a second person signed.
pub struct SignedAnswer {
    /// The id of the key that signed.
    pub key: String,
    /// The signed answer, which names the digest of the change or decision. Raw and not yet verified.
    pub answer: Bytes,
    /// The signature over the answer.
    pub signature: Bytes,
}

/// The evidence was rejected.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FactorRefusal {
    /// The PIN is wrong.
    #[error("the PIN is wrong; {left} tries left")]
    WrongPin {
        /// Tries left before the lock-out.
        left: u32,
    },
    /// Too many PINs were wrong.
    #[error("too many wrong PINs; try again in {}, or use a passkey in the console", rough_duration(wait.saturating_add(Duration::from_secs(1))))]
    LockedOut {
        /// The time of the next allowed try.
        until: UnixMillis,
        /// The time until then.
        wait: Duration,
    },
    /// The passkey's answer does not match the challenge, or the challenge is too old.
    #[error("the passkey's answer was not accepted: {0}")]
    Passkey(String),
    /// No factor of this kind is enrolled.
    #[error("no such factor is enrolled; add one with `briefcase factor add`")]
    NotEnrolled,
    /// The attempt could not be recorded, so the evidence was not verified.
    #[error("the attempt could not be recorded: {0}")]
    Unrecorded(String),
}

/// Verifies evidence of presence. The presence adapter is the only implementation.
pub trait Factors: Send + Sync {
    /// Verifies the evidence for exactly the change or decision with the digest `bound_to`.
    ///
    /// Invariant: every attempt is durable before its result is returned.
    fn check<'a>(
        &'a self,
        evidence: FactorEvidence,
        bound_to: Digest,
    ) -> BoxFuture<'a, Result<FactorKind, FactorRefusal>>;
}
