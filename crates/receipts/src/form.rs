//! What a receipt says.
//!
//! Invariant: a receipt has one encoding, and [`Receipt::decode`] takes no other. It holds no argument value, no result
//! and no text of an upstream server: only names a person chose, stable words, numbers, ids and salted commitments.

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

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When it was made. Never earlier than the receipt before it.
    pub at: UnixMillis,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
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
    /// A step in the life of a question to a person.
    Approval(Approval),
    /// The authority document changed.
    Change(ChangeReceipt),
    /// An intent without an outcome was found on start.
    Reconcile(Reconcile),
    /// The state was restored from a backup.
    Restore(Restore),
    /// Something worth remembering that belongs to no call.
    Notice(Notice),
}

/// The daemon started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReceipt {
    /// The life of the state it serves.
    pub incarnation: Incarnation,
    /// The program's version.
    pub program: Word,
}

/// A call is about to have its effect. Written and durable before the effect (reads may overlap the two).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The call; its outcome carries the same id.
    pub call: CallId,
    /// Who calls.
    pub agent: AgentId,
    /// From which connection.
    pub session: SessionId,
    /// The server that will be asked.
    pub server: ServerId,
    /// The operation, such as `tools/call`.
    pub op: Word,
    /// The tool's, prompt's or resource's name.
    pub name: Option<Text>,
    /// The definition that a person accepted.
    pub pin: Option<Digest>,
    /// Root of the commitments to the argument values.
    pub args: Option<Digest>,
    /// The price that was reserved.
    pub cost: Option<Money>,
    /// The amount of an asset that was reserved.
    pub amount: Option<Amount>,
    /// Version of the authority document that decided.
    pub authority: u64,
    /// The policies that determined the decision.
    pub policies: Words,
    /// The answer that was spent on this call.
    pub approval: Option<ApprovalId>,
    /// Why it may run, such as `allow` or `approved`.
    pub decision: Word,
}

/// A call had its effect, or failed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The call of the intent.
    pub call: CallId,
    /// The intent's place, when it was known at the time of writing. The call id pairs the two in any case.
    pub intent: Option<ReceiptIndex>,
    /// How it ended, such as `ok` or `timeout`.
    pub status: Word,
    /// Commitment to the released result.
    pub result: Option<Digest>,
    /// Length of the released result.
    pub bytes: u64,
    /// How many secrets were removed from it.
    pub redacted: u64,
    /// How long the server took, in milliseconds.
    pub millis: u64,
    /// The price that was spent.
    pub cost: Option<Money>,
    /// The amount of an asset that was spent.
    pub amount: Option<Amount>,
}

/// A call was refused and had no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The call.
    pub call: CallId,
    /// Who called.
    pub agent: AgentId,
    /// From which connection.
    pub session: SessionId,
    /// The server, when the name was known.
    pub server: Option<ServerId>,
    /// The operation, when it was known.
    pub op: Option<Word>,
    /// The tool's, prompt's or resource's name.
    pub name: Option<Text>,
    /// The stable code.
    pub code: RefusalCode,
    /// The finer reason.
    pub reason: Word,
    /// Root of the commitments to the argument values, when they could be read.
    pub args: Option<Digest>,
    /// The policies that determined the decision.
    pub policies: Words,
    /// Version of the authority document that decided.
    pub authority: u64,
    /// The open or answered question.
    pub approval: Option<ApprovalId>,
}

/// A step in the life of a question to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The question.
    pub approval: ApprovalId,
    /// Digest of what would run.
    pub digest: Digest,
    /// What happened to the question.
    pub step: Step,
    /// The call that asked.
    pub call: Option<CallId>,
    /// Whose call.
    pub agent: Option<AgentId>,
    /// What proved that a person was there.
    pub factor: Option<Factor>,
    /// How far the answer reaches.
    pub scope: Option<RecordedScope>,
}

/// The authority document changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeReceipt {
    /// Version before; 0 when there was none.
    pub old: u64,
    /// Version after.
    pub new: u64,
    /// Digest of the document after.
    pub document: Digest,
    /// What proved that a person was there.
    pub factor: Option<Factor>,
    /// What changed, in stable words and names a person chose, such as `server_added`, `github`.
    pub summary: Words,
}

/// An intent without an outcome was found on start: the daemon died between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// The call of the intent.
    pub call: CallId,
    /// The intent's place.
    pub intent: ReceiptIndex,
    /// What is known of the effect.
    pub verdict: ReconciledEffect,
}

/// The state was restored from a backup; what hung on the old incarnation is void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The incarnation of the backup.
    pub old: Incarnation,
    /// The incarnation from here on.
    pub new: Incarnation,
}

/// Something worth remembering that belongs to no call, such as a lock, a refused factor or a changed tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What happened, such as `locked` or `factor_refused`.
    pub what: Word,
    /// The agent it concerns.
    pub agent: Option<AgentId>,
    /// The server it concerns.
    pub server: Option<ServerId>,
    /// More, for a person.
    pub detail: Option<Text>,
}

words! {
    /// What happened to a question.
    Step {
        /// It was put to a person.
        Requested = "requested",
        /// A person said yes.
        Approved = "approved",
        /// A person said no.
        Denied = "denied",
        /// Nobody answered in time.
        Expired = "expired",
        /// The client gave up, or the session or daemon ended.
        Cancelled = "cancelled",
        /// The answer was spent on a call.
        Consumed = "consumed",
    }
}

words! {
    /// How far an answer reaches.
    RecordedScope {
        /// This call.
        Once = "once",
        /// This tool until the session ends.
        Session = "session",
        /// A narrow rule with an end, kept in the authority document.
        Rule = "rule",
    }
}

words! {
    /// What proved that a person was there.
    Factor {
        /// A PIN typed at a terminal.
        Pin = "pin",
        /// A passkey in the console.
        Passkey = "passkey",
    }
}

words! {
    /// What is known of the effect of an intent without an outcome.
    ReconciledEffect {
        /// It may have happened or not.
        Unknown = "unknown",
    }
}
