//! Receipts, as the CLI and the console read them.

use briefcase_types::{Digest, ReceiptIndex, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A query for receipts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(default)]
pub struct ReceiptQuery {
    /// Only receipts below this index.
    pub before: Option<u64>,
    /// The most receipts in the page: 50 by default, 1000 at most.
    pub limit: Option<u32>,
    /// Only receipts of this agent.
    pub agent: Option<String>,
    /// Only receipts about this server.
    pub server: Option<String>,
    /// Only receipts about this tool.
    pub tool: Option<String>,
    /// Only receipts of this kind: `intent`, `outcome`, `refusal`, `approval`, `change`, …
    pub kind: Option<String>,
    /// Only refusals with this code.
    pub code: Option<String>,
    /// Only receipts from this time on.
    pub since: Option<UnixMillis>,
}

/// One receipt in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptRow {
    /// The receipt's index.
    pub id: ReceiptIndex,
    /// The receipt, as recorded.
    #[cfg_attr(feature = "typescript", ts(type = "Receipt"))]
    pub receipt: Value,
}

/// A page of receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptPage {
    /// The receipts, newest first.
    pub receipts: Vec<ReceiptRow>,
    /// The number of receipts in the log.
    pub size: u64,
    /// The `before` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next: Option<u64>,
}

/// Proof that a receipt is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Proof {
    /// The RFC 6962 leaf hash of the receipt.
    pub leaf: Digest,
    /// The inclusion path, leaf to root.
    pub path: Vec<Digest>,
    /// The signed checkpoint (C2SP signed note).
    pub checkpoint: String,
    /// The whole proof as C2SP `tlog-proof` text, for `briefcase receipts verify`.
    pub text: String,
}

/// One receipt with its opening, its related receipts and its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptDetail {
    /// The receipt's index.
    pub id: ReceiptIndex,
    /// The receipt, as recorded.
    #[cfg_attr(feature = "typescript", ts(type = "Receipt"))]
    pub receipt: Value,
    /// The content that the receipt commits to (arguments, result sizes). Absent when it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub opening: Option<Value>,
    /// The other receipts of the same call.
    pub related: Vec<ReceiptRow>,
    /// The proof.
    pub proof: Proof,
}

/// A policy that decided about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct DecidingPolicy {
    /// The policy's id.
    pub id: String,
    /// The line that the policy begins on, counted from 1. Absent when the policy is no longer in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub line: Option<u64>,
    /// The policy's text.
    pub text: String,
}

/// The explanation of a decision on a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Why {
    /// The receipt that the request named.
    pub id: ReceiptIndex,
    /// The explanation in one sentence.
    pub summary: String,
    /// The policies that decided.
    pub policies: Vec<DecidingPolicy>,
    /// The receipts of the approval, if there was one.
    pub approvals: Vec<ReceiptRow>,
}
