//! The proof of presence: a value that one successful check makes and one decision spends.

use std::{fmt, str::FromStr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::{Digest, Entropy, FactorKind, UnixMillis};
use serde::{Deserialize, Serialize};

/// A factor's id: 128 random bits, as 22 characters of unpadded base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FactorId([u8; 16]);

/// The part of a proof that receipts may record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorUse {
    /// The factor's kind.
    pub kind: FactorKind,
    /// The factor's id.
    pub factor: FactorId,
    /// The time of the check.
    pub at: UnixMillis,
}

/// Proof that a person was present for one decision. Only a successful check makes it, and [`spend`](Self::spend) consumes it.
#[must_use = "a proof that is not spent decides nothing"]
pub struct Present {
    used: FactorUse,
    bound_to: Digest,
}

/// The proof belongs to another decision, or is too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotForThis {
    /// The proof belongs to another decision.
    #[error("this proof of presence was given for another decision")]
    OtherDecision,
    /// The proof is older than two minutes.
    #[error("this proof of presence is too old; give it again")]
    TooOld,
}

impl Present {
    /// The lifetime of an unspent proof.
    pub const LIFE: Duration = Duration::from_secs(120);

    pub(crate) const fn new(kind: FactorKind, factor: FactorId, at: UnixMillis, bound_to: Digest) -> Self {
        Self { used: FactorUse { kind, factor, at }, bound_to }
    }

    /// The factor, and the time of the check.
    #[must_use]
    pub const fn used(&self) -> &FactorUse {
        &self.used
    }

    /// The digest of the decision that the proof belongs to.
    #[must_use]
    pub const fn bound_to(&self) -> &Digest {
        &self.bound_to
    }

    /// Spends the proof on `decision`.
    ///
    /// # Errors
    /// The proof belongs to another decision, or is older than [`Self::LIFE`]. It is consumed in that case too.
    pub fn spend(self, decision: &Digest, now: UnixMillis) -> Result<FactorUse, NotForThis> {
        if self.bound_to != *decision {
            Err(NotForThis::OtherDecision)
        } else if now.since(self.used.at) > Self::LIFE {
            Err(NotForThis::TooOld)
        } else {
            Ok(self.used)
        }
    }
}

impl FactorId {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Display for FactorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The text is not a factor's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a factor's name is 22 characters of unpadded base64url")]
pub struct FactorIdError;

impl FromStr for FactorId {
    type Err = FactorIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| FactorIdError)?;
        bytes.try_into().map(Self).map_err(|_| FactorIdError)
    }
}

impl TryFrom<String> for FactorId {
    type Error = FactorIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<FactorId> for String {
    fn from(id: FactorId) -> Self {
        id.to_string()
    }
}
