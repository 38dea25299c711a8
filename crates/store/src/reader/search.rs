//! Finding receipts, newest first.
//!
//! There is no index beside the record itself: rows are read backwards and looked at. A look ends after a bounded number
//! of receipts and says where to go on, so a question that matches nothing cannot hold a reader for long.

use std::collections::HashMap;

use briefcase_receipts::{Kind, Receipt};
use briefcase_types::{AgentId, CallId, ReceiptIndex, ServerId, UnixMillis};
use memchr::memmem;
use rusqlite::Connection;

use super::{Reader, StoredReceipt, decode, stored};
use crate::{StoreError, batch::Batch, rows};

/// Receipts that one call looks at.
const LOOKED_AT: u64 = 50_000;
/// How far before an outcome its intent is looked for, when the outcome does not name its place.
const LOOK_BACK: u64 = 1024;

/// Which receipts. Every member that is set must match.
///
/// An outcome matches by agent, server and tool when its call's intent does.
#[derive(Clone, Debug, Default)]
pub struct ReceiptFilter {
    /// Whose.
    pub agent: Option<AgentId>,
    /// At which server.
    pub server: Option<ServerId>,
    /// With which tool, prompt or resource.
    pub tool: Option<String>,
    /// Which kind, as in [`kind_word`].
    pub kind: Option<String>,
    /// With which refusal code, or outcome status.
    pub code: Option<String>,
    /// Of which call.
    pub call: Option<CallId>,
    /// Not before.
    pub from: Option<UnixMillis>,
    /// Not after.
    pub to: Option<UnixMillis>,
    /// With this text somewhere in the encoded receipt.
    pub text: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct ReceiptMatches {
    /// The receipts, newest first.
    pub found: Vec<StoredReceipt>,
    /// Where to go on: pass it as `before`. `None` at the end.
    pub next: Option<ReceiptIndex>,
}

/// The word for a kind of receipt.
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
    /// Receipts that match, newest first, before an index.
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
            let mut look = Look { connection, filter, limit, page: ReceiptMatches::default(), intents: HashMap::new() };
            look.run(end)?;
            Ok(look.page)
        })
    }
}

/// The first index of the row that holds the first receipt after a time, or the size: times never go back.
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

struct Look<'a> {
    connection: &'a Connection,
    filter: &'a ReceiptFilter,
    limit: usize,
    page: ReceiptMatches,
    intents: HashMap<CallId, Option<Receipt>>,
}

impl Look<'_> {
    fn run(&mut self, end: u64) -> Result<(), StoreError> {
        let (mut end, mut left) = (end, LOOKED_AT);
        while let Some(last) = end.checked_sub(1) {
            let row = rows::batch_at(self.connection, last)?.filter(|row| last < row.end());
            let row = row.ok_or(StoreError::damaged_at(last, "a receipt is missing"))?;
            if self.filter.from.is_some_and(|from| row.newest < from) {
                self.page.next = None;
                return Ok(());
            }
            self.look_at(&row, end)?;
            if self.page.found.len() >= self.limit {
                self.page.next = self.page.found.last().map(|last| last.index).filter(|index| index.0 > 0);
                return Ok(());
            }
            left = left.saturating_sub(row.count);
            end = row.first;
            if left == 0 {
                self.page.next = Some(ReceiptIndex(end)).filter(|index| index.0 > 0);
                return Ok(());
            }
        }
        Ok(())
    }

    fn look_at(&mut self, row: &Batch, end: u64) -> Result<(), StoreError> {
        let bodies = row.receipts()?;
        let indexed: Vec<(u64, Vec<u8>)> = (row.first..end).zip(bodies).collect();
        for (index, body) in indexed.iter().rev() {
            if self.page.found.len() >= self.limit {
                return Ok(());
            }
            if self.may_match(body) {
                let found = decode(*index, body)?;
                if self.matches(&found)? {
                    self.page.found.push(found);
                }
            }
        }
        Ok(())
    }

    /// A cheap look at the bytes before they are decoded.
    fn may_match(&self, body: &[u8]) -> bool {
        self.filter.text.as_ref().is_none_or(|text| memmem::find(body, text.as_bytes()).is_some())
    }

    fn matches(&mut self, found: &StoredReceipt) -> Result<bool, StoreError> {
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

/// Whether a receipt itself names the agent, server and tool.
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
