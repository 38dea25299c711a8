//! Decisions on approval requests, and the evidence that decisions and changes take.

use briefcase_types::{Decision, DecisionResult, Digest, ReceiptIndex};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A decision without its evidence, which the person is about to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DecisionOnly {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
}

/// The digest that evidence is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Bound {
    /// The digest.
    pub digest: Digest,
}

/// Evidence that a person is present.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
#[serde(rename_all = "snake_case")]
pub enum Evidence<S = String> {
    /// A PIN typed at a terminal.
    Pin(S),
    /// The JSON of a WebAuthn `PublicKeyCredential` from `navigator.credentials.get`, made with the challenge for the digest.
    Passkey(#[cfg_attr(feature = "typescript", ts(type = "unknown"))] Value),
}

/// A decision with its evidence.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(concrete(S = String)))]
pub struct Decide<S = String> {
    /// The digest of the request that the person was shown.
    pub shown: Digest,
    /// The decision.
    pub decision: Decision,
    /// The evidence, made for the digest that `decision-digest` returned.
    pub evidence: Evidence<S>,
}

/// A recorded decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Decided {
    /// The decision's result.
    pub decision: DecisionResult,
    /// The receipt that records the decision.
    pub receipt: ReceiptIndex,
}
