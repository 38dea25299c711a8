//! Who may enrol a factor: somebody who has one already; or anybody, while there is none.

use briefcase_types::{Digest, UnixMillis};

use crate::{FactorUse, NotForThis, Present};

/// The right to enrol one factor. Used up by doing so.
#[must_use = "a permit that is not used enrols nothing"]
pub struct EnrolmentPermit(Option<FactorUse>);

/// The first factor can be enrolled only while there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is a factor already: prove your presence with it to enrol another")]
pub struct FactorsExist;

impl EnrolmentPermit {
    /// For set-up, before any agent can connect. `existing` is how many factors there are.
    ///
    /// # Errors
    /// There is one already.
    pub const fn first(existing: usize) -> Result<Self, FactorsExist> {
        if existing == 0 { Ok(Self(None)) } else { Err(FactorsExist) }
    }

    /// Spends a proof of presence, given for `decision`: the digest of this change.
    ///
    /// # Errors
    /// The proof was given for something else, or is too old.
    pub fn by(proof: Present, decision: &Digest, now: UnixMillis) -> Result<Self, NotForThis> {
        proof.spend(decision, now).map(|used| Self(Some(used)))
    }

    /// The factor that allowed it; `None` for the first.
    #[must_use]
    pub const fn allowed_by(&self) -> Option<&FactorUse> {
        self.0.as_ref()
    }
}
