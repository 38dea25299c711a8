//! The record, as the CLI and the console read it.

use briefcase_types::{Digest, ReceiptIndex, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which receipts, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(default)]
pub struct ReceiptQuery {
    /// Only receipts below this index.
    pub before: Option<u64>,
    /// At most so many (default 50, cap 1000).
    pub limit: Option<u32>,
    /// Only of this agent.
    pub agent: Option<String>,
    /// Only of this server.
    pub server: Option<String>,
    /// Only of this tool.
    pub tool: Option<String>,
    /// `intent`, `outcome`, `refusal`, `approval`, `change`, …
    pub kind: Option<String>,
    /// Only refusals with this code.
    pub code: Option<String>,
    /// Not before.
    pub since: Option<UnixMillis>,
}

/// One receipt in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptRow {
    /// Its index.
    pub id: ReceiptIndex,
    /// The receipt itself, as recorded.
    #[cfg_attr(feature = "typescript", ts(type = "Receipt"))]
    pub receipt: Value,
}

/// A page of receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptPage {
    /// Newest first.
    pub receipts: Vec<ReceiptRow>,
    /// Receipts in the log.
    pub size: u64,
    /// Ask for `before` this for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub next: Option<u64>,
}

/// That a receipt is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Proof {
    /// RFC 6962 leaf hash of the receipt.
    pub leaf: Digest,
    /// Inclusion path, leaf to root.
    pub path: Vec<Digest>,
    /// The signed checkpoint (C2SP signed note).
    pub checkpoint: String,
    /// The whole as C2SP `tlog-proof` text, for `briefcase receipts verify`.
    pub text: String,
}

/// One receipt with everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ReceiptDetail {
    /// Its index.
    pub id: ReceiptIndex,
    /// As recorded.
    #[cfg_attr(feature = "typescript", ts(type = "Receipt"))]
    pub receipt: Value,
    /// What it commits to (arguments, result sizes), if it was kept and the vault is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional, type = "unknown"))]
    pub opening: Option<Value>,
    /// Other receipts of the same call.
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

/// Why a call was allowed, asked or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Why {
    /// The receipt asked about.
    pub id: ReceiptIndex,
    /// One sentence.
    pub summary: String,
    /// The policies that decided.
    pub policies: Vec<DecidingPolicy>,
    /// The approval's receipts, if a person was asked.
    pub approvals: Vec<ReceiptRow>,
}
