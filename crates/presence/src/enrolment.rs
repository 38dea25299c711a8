//! The right to enrol a factor: a person needs an existing factor, unless there is none yet.

use briefcase_types::{Digest, UnixMillis};

use crate::{FactorUse, NotForThis, Present};

/// The right to enrol one factor. Enrolling consumes it.
#[must_use = "a permit that is not used enrols nothing"]
pub struct EnrolmentPermit(Option<FactorUse>);

/// The first factor can be enrolled only while there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is a factor already: prove your presence with it to enrol another")]
pub struct FactorsExist;

impl EnrolmentPermit {
    /// Permits the first factor, at set-up, before any agent can connect. `existing` is the number of enrolled factors.
    ///
    /// # Errors
    /// A factor is enrolled already.
    pub const fn first(existing: usize) -> Result<Self, FactorsExist> {
        if existing == 0 { Ok(Self(None)) } else { Err(FactorsExist) }
    }

    /// Permits a factor by a proof of presence that was given for `decision`, the digest of the change.
    ///
    /// # Errors
    /// The proof was given for another decision, or is too old.
    pub fn by(proof: Present, decision: &Digest, now: UnixMillis) -> Result<Self, NotForThis> {
        proof.spend(decision, now).map(|used| Self(Some(used)))
    }

    /// The factor that allowed it; `None` for the first.
    #[must_use]
    pub const fn allowed_by(&self) -> Option<&FactorUse> {
        self.0.as_ref()
    }
}
