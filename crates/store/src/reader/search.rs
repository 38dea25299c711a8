//! Searches receipts, newest first.
//!
//! The record has no search index: a search reads rows backwards. It ends after a bounded number of receipts and
//! returns the point to continue from, so a filter without matches cannot occupy a reader for long.

use std::collections::HashMap;

use briefcase_receipts::{Kind, Receipt};
use briefcase_types::{AgentId, CallId, ReceiptIndex, ServerId, UnixMillis};
use memchr::memmem;
use rusqlite::Connection;

use super::{Reader, StoredReceipt, decode, stored};
use crate::{StoreError, batch::Batch, rows};

/// The maximum number of receipts that one search reads.
const LOOKED_AT: u64 = 50_000;
/// The number of receipts before an outcome in which its intent is searched, when the outcome does not name the index.
const LOOK_BACK: u64 = 1024;

/// A filter for receipts. Every set member must match.
///
/// An outcome matches by agent, server and tool when its call's intent does.
#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    /// The agent.
    pub agent: Option<AgentId>,
    /// The server.
    pub server: Option<ServerId>,
    /// The tool, prompt or resource.
    pub tool: Option<String>,
    /// The kind, as in [`kind_word`].
    pub kind: Option<String>,
    /// The refusal code or outcome status.
    pub code: Option<String>,
    /// The call.
    pub call: Option<CallId>,
    /// The earliest time.
    pub from: Option<UnixMillis>,
    /// The latest time.
    pub to: Option<UnixMillis>,
    /// A text that the encoded receipt contains.
    pub text: Option<String>,
}

/// The matches of one search.
#[derive(Clone, Debug, Default)]
pub struct ReceiptMatches {
    /// The receipts, newest first.
    pub found: Vec<StoredReceipt>,
    /// The index to continue from, passed as `before`. `None` at the end.
    pub next: Option<ReceiptIndex>,
}

/// Returns the word for a kind of receipt.
#[must_use]
pub const fn kind_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Start(_) => "start",
        Kind::Intent(_) => "intent",
        Kind::Outcome(_) => "outcome",
        Kind::Refusal(_) => "refusal",
        Kind::Approval(_) => "approval",
        Kind::Change(_) => "change",
        Kind::Reconcile(_) => "reconcile",
        Kind::Restore(_) => "restore",
        Kind::Notice(_) => "notice",
        _ => "other",
    }
}

impl Reader {
    /// Returns the matching receipts before an index, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when a receipt cannot be read.
    pub fn search(
        &self,
        filter: &ReceiptFilter,
        before: Option<ReceiptIndex>,
        limit: usize,
    ) -> Result<ReceiptMatches, StoreError> {
        self.with(|connection| {
            let size = super::size(connection)?;
            let mut end = before.map_or(size, |before| before.0.min(size));
            if let Some(to) = filter.to {
                end = end.min(first_after(connection, size, to)?);
            }
            let mut search =
                Search { connection, filter, limit, matches: ReceiptMatches::default(), intents: HashMap::new() };
            search.run(end)?;
            Ok(search.matches)
        })
    }
}

/// Returns the first index of the row with the first receipt after a time, or the size. Times never go back.
fn first_after(connection: &Connection, size: u64, to: UnixMillis) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low.midpoint(high);
        let row = rows::batch_at(connection, middle)?.filter(|row| middle < row.end());
        let row = row.ok_or(StoreError::damaged_at(middle, "a receipt is missing"))?;
        if row.newest > to {
            high = row.first;
        } else {
            low = row.end();
        }
    }
    Ok(rows::batch_at(connection, low)?.filter(|row| low < row.end()).map_or(size, |row| row.end()))
}

struct Search<'a> {
    connection: &'a Connection,
    filter: &'a ReceiptFilter,
    limit: usize,
    matches: ReceiptMatches,
    intents: HashMap<CallId, Option<Receipt>>,
}

impl Search<'_> {
    fn run(&mut self, end: u64) -> Result<(), StoreError> {
        let (mut end, mut left) = (end, LOOKED_AT);
        while let Some(last) = end.checked_sub(1) {
            let row = rows::batch_at(self.connection, last)?.filter(|row| last < row.end());
            let row = row.ok_or(StoreError::damaged_at(last, "a receipt is missing"))?;
            if self.filter.from.is_some_and(|from| row.newest < from) {
                self.matches.next = None;
                return Ok(());
            }
            self.search_row(&row, end)?;
            if self.matches.found.len() >= self.limit {
                self.matches.next = self.matches.found.last().map(|last| last.index).filter(|index| index.0 > 0);
                return Ok(());
            }
            left = left.saturating_sub(row.count);
            end = row.first;
            if left == 0 {
                self.matches.next = Some(ReceiptIndex(end)).filter(|index| index.0 > 0);
                return Ok(());
            }
        }
        Ok(())
    }

    fn search_row(&mut self, row: &Batch, end: u64) -> Result<(), StoreError> {
        let bodies = row.receipts()?;
        let indexed: Vec<(u64, Vec<u8>)> = (row.first..end).zip(bodies).collect();
        for (index, body) in indexed.iter().rev() {
            if self.matches.found.len() >= self.limit {
                return Ok(());
            }
            if self.may_match(body) {
                let found = decode(*index, body)?;
                if self.accepts(&found)? {
                    self.matches.found.push(found);
                }
            }
        }
        Ok(())
    }

    /// A cheap check of the bytes before decoding.
    fn may_match(&self, body: &[u8]) -> bool {
        self.filter.text.as_ref().is_none_or(|text| memmem::find(body, text.as_bytes()).is_some())
    }

    fn accepts(&mut self, found: &StoredReceipt) -> Result<bool, StoreError> {
        let (filter, receipt) = (self.filter, &found.receipt);
        let plain = filter.from.is_none_or(|from| receipt.at >= from)
            && filter.to.is_none_or(|to| receipt.at <= to)
            && filter.kind.as_deref().is_none_or(|kind| kind == kind_word(&receipt.kind))
            && filter.code.as_deref().is_none_or(|code| has_code(&receipt.kind, code))
            && filter.call.is_none_or(|call| call_of(&receipt.kind) == Some(call));
        let by_subject = filter.agent.is_some() || filter.server.is_some() || filter.tool.is_some();
        if !plain || !by_subject {
            return Ok(plain);
        }
        if subject(filter, &receipt.kind) {
            return Ok(true);
        }
        let (call, place) = match &receipt.kind {
            Kind::Outcome(outcome) => (outcome.call, outcome.intent),
            Kind::Reconcile(orphan) => (orphan.call, Some(orphan.intent)),
            _ => return Ok(false),
        };
        let intent = self.intent(call, place, found.index.0)?;
        Ok(intent.is_some_and(|intent| subject(filter, &intent.kind)))
    }

    fn intent(
        &mut self,
        call: CallId,
        place: Option<ReceiptIndex>,
        before: u64,
    ) -> Result<Option<Receipt>, StoreError> {
        if let Some(known) = self.intents.get(&call) {
            return Ok(known.clone());
        }
        let range = match place {
            Some(place) => place.0..place.0.saturating_add(1),
            None => before.saturating_sub(LOOK_BACK)..before,
        };
        for near in stored(self.connection, range)? {
            if let Kind::Intent(intent) = &near.receipt.kind {
                self.intents.insert(intent.call, Some(near.receipt));
            }
        }
        Ok(self.intents.entry(call).or_insert(None).clone())
    }
}

fn has_code(kind: &Kind, code: &str) -> bool {
    match kind {
        Kind::Refusal(refused) => refused.code.as_str() == code,
        Kind::Outcome(outcome) => outcome.status.as_str() == code,
        _ => false,
    }
}

const fn call_of(kind: &Kind) -> Option<CallId> {
    match kind {
        Kind::Intent(intent) => Some(intent.call),
        Kind::Outcome(outcome) => Some(outcome.call),
        Kind::Refusal(refused) => Some(refused.call),
        Kind::Approval(approval) => approval.call,
        Kind::Reconcile(orphan) => Some(orphan.call),
        _ => None,
    }
}

/// Returns whether the receipt itself names the agent, server and tool.
fn subject(filter: &ReceiptFilter, kind: &Kind) -> bool {
    let (agent, server, tool) = match kind {
        Kind::Intent(intent) => (Some(&intent.agent), Some(&intent.server), intent.name.as_ref()),
        Kind::Refusal(refused) => (Some(&refused.agent), refused.server.as_ref(), refused.name.as_ref()),
        Kind::Approval(approval) => (approval.agent.as_ref(), None, None),
        Kind::Notice(notice) => (notice.agent.as_ref(), notice.server.as_ref(), None),
        _ => return false,
    };
    filter.agent.as_ref().is_none_or(|wanted| agent == Some(wanted))
        && filter.server.as_ref().is_none_or(|wanted| server == Some(wanted))
        && filter.tool.as_ref().is_none_or(|wanted| tool.is_some_and(|tool| tool.as_str() == wanted))
}
