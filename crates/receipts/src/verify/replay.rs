//! Reads receipts in order and checks that they do not contradict each other: time does not go back, each outcome
//! belongs to one intent, and no call is opened twice. The store's own check (`fsck`) uses the same pass.

use std::collections::HashMap;

use briefcase_types::{CallId, Digest, ReceiptIndex, UnixMillis};

use super::VerifyError;
use crate::{
    form::{FormError, Intent, Kind, Outcome, Receipt, Reconcile},
    merkle::{Frontier, leaf_hash},
};

/// The maximum number of calls in flight, far above the limit of the daemon.
const OPEN_MAX: usize = 100_000;

/// A contradiction between receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// The receipt is earlier than the one before it.
    #[error("it is earlier than the receipt before it")]
    Time,
    /// It ends a call without an open intent.
    #[error("it ends a call that has no open intent")]
    NoIntent,
    /// It names another index than that of the call's intent.
    #[error("it names another intent than that of its call")]
    OtherIntent,
    /// It is a second intent of an open call.
    #[error("its call has an open intent already")]
    SecondIntent,
    /// More calls are in flight than possible.
    #[error("more calls are open than possible")]
    TooManyOpen,
}

/// The totals of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Receipts of every kind.
    pub receipts: u64,
    /// Permitted calls.
    pub intents: u64,
    /// Calls with a recorded outcome.
    pub outcomes: u64,
    /// Calls with an unknown outcome, because the daemon ended.
    pub orphans: u64,
    /// Refused calls.
    pub refusals: u64,
    /// Calls without an outcome at the end of the log.
    pub open: u64,
    /// The first receipt's time.
    pub first: Option<UnixMillis>,
    /// The last receipt's time.
    pub last: Option<UnixMillis>,
}

/// A pass over receipts in order.
#[derive(Debug, Default)]
pub struct Replay {
    frontier: Frontier,
    open: HashMap<CallId, u64>,
    summary: Summary,
}

impl Replay {
    /// Starts at the beginning of a log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next receipt's bytes. Returns the receipt and its leaf hash.
    ///
    /// # Errors
    /// [`VerifyError::Form`] or [`VerifyError::Story`], naming the receipt.
    pub fn push(&mut self, encoded: &[u8]) -> Result<(Receipt, Digest), VerifyError> {
        self.take(encoded, leaf_hash(encoded))
    }

    /// Takes the next receipt, for which a hash is recorded elsewhere. See [`Replay::push`].
    pub(super) fn push_expecting(&mut self, encoded: &[u8], expected: &Digest) -> Result<Digest, VerifyError> {
        let leaf = leaf_hash(encoded);
        if leaf != *expected {
            return Err(VerifyError::Changed { index: self.size() });
        }
        self.take(encoded, leaf).map(|(_, leaf)| leaf)
    }

    fn take(&mut self, encoded: &[u8], leaf: Digest) -> Result<(Receipt, Digest), VerifyError> {
        let index = self.size();
        let receipt = Receipt::decode(encoded).map_err(|source: FormError| VerifyError::Form { index, source })?;
        self.check(&receipt, index).map_err(|contradiction| VerifyError::Story { index, contradiction })?;
        self.frontier.append(leaf);
        self.summary.receipts += 1;
        self.summary.first = self.summary.first.or(Some(receipt.at));
        self.summary.last = Some(receipt.at);
        Ok((receipt, leaf))
    }

    /// The number of receipts.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over the receipts so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.frontier.root()
    }

    /// The tree's right edge, the state for further appending.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Returns the calls without an outcome so far, with the indexes of their intents, oldest first. The daemon
    /// reconciles them on start.
    #[must_use]
    pub fn open(&self) -> Vec<(CallId, ReceiptIndex)> {
        let mut open: Vec<_> = self.open.iter().map(|(call, index)| (*call, ReceiptIndex(*index))).collect();
        open.sort_by_key(|(_, index)| *index);
        open
    }

    /// The totals of the receipts so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary { open: u64::try_from(self.open.len()).unwrap_or(u64::MAX), ..self.summary }
    }

    fn check(&mut self, receipt: &Receipt, index: u64) -> Result<(), Contradiction> {
        if self.summary.last.is_some_and(|last| receipt.at < last) && !receipt.sets_the_clock() {
            return Err(Contradiction::Time);
        }
        match &receipt.kind {
            Kind::Intent(intent) => self.begin(intent, index),
            Kind::Outcome(outcome) => self.end(outcome),
            Kind::Reconcile(orphan) => self.give_up(orphan),
            Kind::Refusal(_) => {
                self.summary.refusals += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, intent: &Intent, index: u64) -> Result<(), Contradiction> {
        if self.open.len() >= OPEN_MAX {
            return Err(Contradiction::TooManyOpen);
        }
        if self.open.insert(intent.call, index).is_some() {
            return Err(Contradiction::SecondIntent);
        }
        self.summary.intents += 1;
        Ok(())
    }

    fn end(&mut self, outcome: &Outcome) -> Result<(), Contradiction> {
        self.close(&outcome.call, outcome.intent)?;
        self.summary.outcomes += 1;
        Ok(())
    }

    fn give_up(&mut self, orphan: &Reconcile) -> Result<(), Contradiction> {
        self.close(&orphan.call, Some(orphan.intent))?;
        self.summary.orphans += 1;
        Ok(())
    }

    fn close(&mut self, call: &CallId, intent: Option<ReceiptIndex>) -> Result<(), Contradiction> {
        let index = self.open.remove(call).ok_or(Contradiction::NoIntent)?;
        if intent.is_some_and(|named| named.0 != index) { Err(Contradiction::OtherIntent) } else { Ok(()) }
    }
}
