//! The permission to enrol a factor. It requires an existing factor, unless none is enrolled.

use briefcase_types::{Digest, UnixMillis};

use crate::{FactorUse, NotForThis, Present};

/// The permission to enrol one factor. The enrolment consumes it.
#[must_use = "a permit that is not used enrols nothing"]
pub struct EnrolmentPermit(Option<FactorUse>);

/// A factor is already enrolled, so it is not the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is a factor already: prove your presence with it to enrol another")]
pub struct FactorsExist;

impl EnrolmentPermit {
    /// Permits the first factor, at set-up, before any agent can connect. `existing` is the number of enrolled factors.
    ///
    /// # Errors
    /// A factor is already enrolled.
    pub const fn first(existing: usize) -> Result<Self, FactorsExist> {
        if existing == 0 { Ok(Self(None)) } else { Err(FactorsExist) }
    }

    /// Spends a proof of presence for `decision`, the digest of the enrolling change.
    ///
    /// # Errors
    /// The proof belongs to another decision, or is too old.
    pub fn by(proof: Present, decision: &Digest, now: UnixMillis) -> Result<Self, NotForThis> {
        proof.spend(decision, now).map(|used| Self(Some(used)))
    }

    /// The factor that permitted the enrolment; `None` for the first.
    #[must_use]
    pub const fn allowed_by(&self) -> Option<&FactorUse> {
        self.0.as_ref()
    }
}
