//! The content of a receipt.
//!
//! Invariant: a receipt has one encoding, and [`Receipt::decode`] rejects every other. It contains no argument value,
//! no result and no text of an upstream server: only names that a person chose, stable words, numbers, ids and salted
//! commitments.

mod decode;
mod wire;
mod word;

use briefcase_types::{
    AgentId, Amount, ApprovalId, CallId, Digest, Incarnation, Money, ReceiptIndex, RefusalCode, ServerId, SessionId,
    UnixMillis,
};
pub use decode::FormError;
use wire::words;
pub use word::{Text, Word, WordError, Words};

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The time of writing. Earlier than that of the receipt before it only in a [`crate::ClockNotice::Accepted`].
    pub at: UnixMillis,
    /// The event.
    pub kind: Kind,
}

/// The event that a receipt records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The daemon started.
    Start(StartReceipt),
    /// A call is about to have its effect.
    Intent(Intent),
    /// A call had its effect, or failed to.
    Outcome(Outcome),
    /// A call was refused and had no effect.
    Refusal(Refused),
    /// A step of an approval.
    Approval(Approval),
    /// The authority document changed.
    Change(ChangeReceipt),
    /// An intent without an outcome was found on start.
    Reconcile(Reconcile),
    /// The state was restored from a backup.
    Restore(Restore),
    /// An event that belongs to no call.
    Notice(Notice),
}

/// The daemon started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReceipt {
    /// The incarnation of the state that it serves.
    pub incarnation: Incarnation,
    /// The program's version.
    pub program: Word,
    /// The files beside the record that the daemon opened, as `NAME:DIGEST`.
    pub files: Words,
}

/// A call is about to have its effect. Durable before the effect (reads may overlap the two).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The call. Its outcome has the same id.
    pub call: CallId,
    /// The calling agent.
    pub agent: AgentId,
    /// The session of the call.
    pub session: SessionId,
    /// The called server.
    pub server: ServerId,
    /// The operation, such as `tools/call`.
    pub op: Word,
    /// The name of the tool, prompt or resource.
    pub name: Option<Text>,
    /// The accepted definition.
    pub pin: Option<Digest>,
    /// The root of the commitments to the argument values.
    pub args: Option<Digest>,
    /// The reserved price.
    pub cost: Option<Money>,
    /// The reserved amount of an asset.
    pub amount: Option<Amount>,
    /// The version of the authority document that decided.
    pub authority: u64,
    /// The policies that determined the decision.
    pub policies: Words,
    /// The approval that this call consumed.
    pub approval: Option<ApprovalId>,
    /// The reason for permission, such as `allow` or `approved`.
    pub decision: Word,
    /// The labels that the agent has from this call on.
    pub labels: Words,
}

/// A call had its effect, or failed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The call of the intent.
    pub call: CallId,
    /// The index of the intent, when it was known at the time of writing. The call id pairs the two in any case.
    pub intent: Option<ReceiptIndex>,
    /// The result, such as `ok` or `timeout`.
    pub status: Word,
    /// The commitment to the released result.
    pub result: Option<Digest>,
    /// The length of the released result.
    pub bytes: u64,
    /// The number of secrets removed from it.
    pub redacted: u64,
    /// The server's response time in milliseconds.
    pub millis: u64,
    /// The spent price.
    pub cost: Option<Money>,
    /// The spent amount of an asset.
    pub amount: Option<Amount>,
}

/// A call was refused and had no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The call.
    pub call: CallId,
    /// The calling agent.
    pub agent: AgentId,
    /// The session of the call.
    pub session: SessionId,
    /// The server, when the name was valid.
    pub server: Option<ServerId>,
    /// The operation, when it was valid.
    pub op: Option<Word>,
    /// The name of the tool, prompt or resource.
    pub name: Option<Text>,
    /// The stable code.
    pub code: RefusalCode,
    /// The detailed reason.
    pub reason: Word,
    /// The root of the commitments to the argument values. Absent if the arguments could not be read.
    pub args: Option<Digest>,
    /// The policies that determined the decision.
    pub policies: Words,
    /// The version of the authority document that decided.
    pub authority: u64,
    /// The open or decided approval.
    pub approval: Option<ApprovalId>,
}

/// A step of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The approval.
    pub approval: ApprovalId,
    /// The digest of the call to approve.
    pub digest: Digest,
    /// The step.
    pub step: Step,
    /// The call that asked.
    pub call: Option<CallId>,
    /// The agent of the call.
    pub agent: Option<AgentId>,
    /// The proof of presence.
    pub factor: Option<Factor>,
    /// The scope of the decision.
    pub scope: Option<RecordedScope>,
}

/// The authority document changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeReceipt {
    /// The version before; 0 for a new document.
    pub old: u64,
    /// The version after.
    pub new: u64,
    /// The digest of the document after.
    pub document: Digest,
    /// The proof of presence.
    pub factor: Option<Factor>,
    /// The changes, in stable words and names that a person chose, such as `server_added`, `github`.
    pub summary: Words,
}

/// An intent without an outcome was found on start: the daemon ended between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// The call of the intent.
    pub call: CallId,
    /// The index of the intent.
    pub intent: ReceiptIndex,
    /// The known effect.
    pub verdict: ReconciledEffect,
}

/// The state was restored from a backup. Grants, approvals and sessions of the old incarnation are void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The incarnation of the backup.
    pub old: Incarnation,
    /// The new incarnation.
    pub new: Incarnation,
}

/// The event of a [`Notice`] about an agent that received labelled data outside of a call. Its detail lists the labels.
pub const LABELLED: &str = "labelled";

/// The event of a [`Notice`] about reads that may have been sent and whose intents are lost. Its detail is the maximum
/// number. Each of them counts as a call against every budget in calls.
pub const READS_LOST: &str = "reads_lost";

/// An event that belongs to no call, such as a lock, a refused factor or a changed tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The event, such as `locked` or `factor_refused`.
    pub what: Word,
    /// The agent it concerns.
    pub agent: Option<AgentId>,
    /// The server it concerns.
    pub server: Option<ServerId>,
    /// Details for people.
    pub detail: Option<Text>,
}

words! {
    /// A step of an approval.
    Step {
        /// The request was shown to a person.
        Requested = "requested",
        /// A person approved.
        Approved = "approved",
        /// A person denied.
        Denied = "denied",
        /// The time for a decision ended.
        Expired = "expired",
        /// The client cancelled, or the session or daemon ended.
        Cancelled = "cancelled",
        /// A call consumed the approval.
        Consumed = "consumed",
    }
}

words! {
    /// The scope of a decision.
    RecordedScope {
        /// This call.
        Once = "once",
        /// This tool until the session ends.
        Session = "session",
        /// A narrow grant with an end, stored in the authority document.
        Rule = "rule",
    }
}

words! {
    /// The proof of presence.
    Factor {
        /// A PIN typed at a terminal.
        Pin = "pin",
        /// A passkey in the console.
        Passkey = "passkey",
    }
}

words! {
    /// The known effect of an intent without an outcome.
    ReconciledEffect {
        /// The effect is unknown.
        Unknown = "unknown",
    }
}
