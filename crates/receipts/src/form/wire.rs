//! The members of receipts in canonical order, and the members of each kind.
//!
//! Invariant: the members are declared in the order of RFC 8785, and every number fits a double. So the serde output of
//! [`Wire`] is canonical JSON (a property test compares the two).

use std::borrow::Cow;

use briefcase_types::{
    AgentId, Amount, ApprovalId, CallId, Digest, Incarnation, Money, ReceiptIndex, RefusalCode, ServerId, SessionId,
    UnixMillis,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Factor, Kind, Receipt, ReconciledEffect, RecordedScope, Step, Text, Word, Words};

/// An enum with one word per variant, the same in code, receipts and user interfaces.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The word in receipts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use words;

words! {
    /// The kind, as in the member `k`.
    KindWord {
        /// [`Kind::Start`].
        Start = "start",
        /// [`Kind::Intent`].
        Intent = "intent",
        /// [`Kind::Outcome`].
        Outcome = "outcome",
        /// [`Kind::Refusal`].
        Refusal = "refusal",
        /// [`Kind::Approval`].
        Approval = "approval",
        /// [`Kind::Change`].
        Change = "change",
        /// [`Kind::Reconcile`].
        Reconcile = "reconcile",
        /// [`Kind::Restore`].
        Restore = "restore",
        /// [`Kind::Notice`].
        Notice = "notice",
    }
}

/// The version of a receipt without an amount of an asset.
pub(super) const VERSION: u64 = 1;

/// The version of a receipt with an amount of an asset. A program that does not know amounts rejects the version
/// instead of the member, so its error asks for a newer program.
pub(super) const VERSION_WITH_AMOUNT: u64 = 2;

/// The version of a receipt with labels or files.
pub(super) const VERSION_WITH_LABELS: u64 = 3;

/// Money as text, such as `0.01 USD`.
pub(super) struct MoneyText(pub(super) Money);

impl Serialize for MoneyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MoneyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

macro_rules! wire {
    ($($(#[$attribute:meta])* $member:ident: $type:ty,)+) => {
        /// All members that a receipt can have.
        #[derive(Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Wire<'a> {
            $($(#[$attribute])* pub(super) $member: $type,)+
        }
    };
}

wire! {
    #[serde(default, skip_serializing_if = "Option::is_none")] agent: Option<Cow<'a, AgentId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] amount: Option<Cow<'a, Amount>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] approval: Option<ApprovalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")] args: Option<Digest>,
    at: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")] authority: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")] bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")] call: Option<CallId>,
    #[serde(default, skip_serializing_if = "Option::is_none")] code: Option<RefusalCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")] cost: Option<MoneyText>,
    #[serde(default, skip_serializing_if = "Option::is_none")] decision: Option<Cow<'a, Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Cow<'a, Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")] factor: Option<Factor>,
    #[serde(default, skip_serializing_if = "words_empty")] files: Cow<'a, Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")] incarnation: Option<Incarnation>,
    #[serde(default, skip_serializing_if = "Option::is_none")] intent: Option<ReceiptIndex>,
    k: KindWord,
    #[serde(default, skip_serializing_if = "words_empty")] labels: Cow<'a, Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")] ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")] name: Option<Cow<'a, Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] old: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")] op: Option<Cow<'a, Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] pin: Option<Digest>,
    #[serde(default, skip_serializing_if = "words_empty")] policies: Cow<'a, Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")] program: Option<Cow<'a, Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] reason: Option<Cow<'a, Word>>,
    #[serde(default, skip_serializing_if = "is_zero")] redacted: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")] result: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")] scope: Option<RecordedScope>,
    #[serde(default, skip_serializing_if = "Option::is_none")] server: Option<Cow<'a, ServerId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")] status: Option<Cow<'a, Word>>,
    #[serde(default, skip_serializing_if = "Option::is_none")] step: Option<Step>,
    #[serde(default, skip_serializing_if = "words_empty")] summary: Cow<'a, Words>,
    v: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")] verdict: Option<ReconciledEffect>,
    #[serde(default, skip_serializing_if = "Option::is_none")] was: Option<Incarnation>,
    #[serde(default, skip_serializing_if = "Option::is_none")] what: Option<Cow<'a, Word>>,
}

fn words_empty(words: &Words) -> bool {
    words.is_empty()
}

impl<'a> Wire<'a> {
    fn bare(at: UnixMillis, k: KindWord) -> Self {
        Self {
            agent: None,
            amount: None,
            approval: None,
            args: None,
            at,
            authority: None,
            bytes: None,
            call: None,
            code: None,
            cost: None,
            decision: None,
            detail: None,
            digest: None,
            factor: None,
            files: Cow::Owned(Words::default()),
            incarnation: None,
            intent: None,
            k,
            labels: Cow::Owned(Words::default()),
            ms: None,
            name: None,
            old: None,
            op: None,
            pin: None,
            policies: Cow::Owned(Words::default()),
            program: None,
            reason: None,
            redacted: 0,
            result: None,
            scope: None,
            server: None,
            session: None,
            status: None,
            step: None,
            summary: Cow::Owned(Words::default()),
            v: VERSION,
            verdict: None,
            was: None,
            what: None,
        }
    }

    /// Returns the largest number among the members.
    pub(super) fn largest(&self) -> u64 {
        let numbers = [self.authority, self.bytes, self.ms, self.old, self.intent.map(|index| index.0)];
        numbers.into_iter().flatten().chain([self.at.0, self.redacted]).max().unwrap_or_default()
    }

    /// Borrows the content of a receipt without copying its texts.
    pub(super) fn of(receipt: &'a Receipt) -> Self {
        let at = receipt.at;
        match &receipt.kind {
            Kind::Start(start) => Self {
                files: Cow::Borrowed(&start.files),
                incarnation: Some(start.incarnation),
                program: Some(Cow::Borrowed(&start.program)),
                v: if start.files.is_empty() { VERSION } else { VERSION_WITH_LABELS },
                ..Self::bare(at, KindWord::Start)
            },
            Kind::Intent(intent) => Self::of_intent(at, intent),
            Kind::Outcome(outcome) => Self::of_outcome(at, outcome),
            Kind::Refusal(refused) => Self::of_refusal(at, refused),
            Kind::Approval(approval) => Self {
                agent: approval.agent.as_ref().map(Cow::Borrowed),
                approval: Some(approval.approval),
                call: approval.call,
                digest: Some(approval.digest),
                factor: approval.factor,
                scope: approval.scope,
                step: Some(approval.step),
                ..Self::bare(at, KindWord::Approval)
            },
            Kind::Change(change) => Self {
                authority: Some(change.new),
                digest: Some(change.document),
                factor: change.factor,
                old: Some(change.old),
                summary: Cow::Borrowed(&change.summary),
                ..Self::bare(at, KindWord::Change)
            },
            Kind::Reconcile(orphan) => Self {
                call: Some(orphan.call),
                intent: Some(orphan.intent),
                verdict: Some(orphan.verdict),
                ..Self::bare(at, KindWord::Reconcile)
            },
            Kind::Restore(restore) => {
                Self { incarnation: Some(restore.new), was: Some(restore.old), ..Self::bare(at, KindWord::Restore) }
            }
            Kind::Notice(notice) => Self {
                agent: notice.agent.as_ref().map(Cow::Borrowed),
                detail: notice.detail.as_ref().map(Cow::Borrowed),
                server: notice.server.as_ref().map(Cow::Borrowed),
                what: Some(Cow::Borrowed(&notice.what)),
                ..Self::bare(at, KindWord::Notice)
            },
        }
    }

    fn of_intent(at: UnixMillis, intent: &'a super::Intent) -> Self {
        Self {
            agent: Some(Cow::Borrowed(&intent.agent)),
            amount: intent.amount.as_ref().map(Cow::Borrowed),
            approval: intent.approval,
            args: intent.args,
            authority: Some(intent.authority),
            call: Some(intent.call),
            cost: intent.cost.map(MoneyText),
            decision: Some(Cow::Borrowed(&intent.decision)),
            labels: Cow::Borrowed(&intent.labels),
            name: intent.name.as_ref().map(Cow::Borrowed),
            op: Some(Cow::Borrowed(&intent.op)),
            pin: intent.pin,
            policies: Cow::Borrowed(&intent.policies),
            server: Some(Cow::Borrowed(&intent.server)),
            session: Some(intent.session),
            v: match (intent.labels.is_empty(), &intent.amount) {
                (false, _) => VERSION_WITH_LABELS,
                (true, Some(_)) => VERSION_WITH_AMOUNT,
                (true, None) => VERSION,
            },
            ..Self::bare(at, KindWord::Intent)
        }
    }

    fn of_outcome(at: UnixMillis, outcome: &'a super::Outcome) -> Self {
        Self {
            amount: outcome.amount.as_ref().map(Cow::Borrowed),
            bytes: Some(outcome.bytes),
            call: Some(outcome.call),
            cost: outcome.cost.map(MoneyText),
            intent: outcome.intent,
            ms: Some(outcome.millis),
            redacted: outcome.redacted,
            result: outcome.result,
            status: Some(Cow::Borrowed(&outcome.status)),
            v: if outcome.amount.is_some() { VERSION_WITH_AMOUNT } else { VERSION },
            ..Self::bare(at, KindWord::Outcome)
        }
    }

    fn of_refusal(at: UnixMillis, refused: &'a super::Refused) -> Self {
        Self {
            agent: Some(Cow::Borrowed(&refused.agent)),
            approval: refused.approval,
            args: refused.args,
            authority: Some(refused.authority),
            call: Some(refused.call),
            code: Some(refused.code),
            name: refused.name.as_ref().map(Cow::Borrowed),
            op: refused.op.as_ref().map(Cow::Borrowed),
            policies: Cow::Borrowed(&refused.policies),
            reason: Some(Cow::Borrowed(&refused.reason)),
            server: refused.server.as_ref().map(Cow::Borrowed),
            session: Some(refused.session),
            ..Self::bare(at, KindWord::Refusal)
        }
    }
}
