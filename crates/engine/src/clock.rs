//! Changes of the clock: the ledger and the approval queue follow them, and the record has them.

use briefcase_policy::ledger::Ledger;
use briefcase_ports::{Durable, Entry, Urgency};
use briefcase_receipts::{ClockNotice, Kind, Receipt};
use briefcase_types::UnixMillis;

use crate::Engine;

/// Lets a ledger follow a change of the clock. `at` is the time after it.
pub fn follow_in_ledger(ledger: &mut Ledger, notice: ClockNotice, at: UnixMillis) {
    match notice {
        ClockNotice::Ahead { by } => ledger.clock_stepped(at, by),
        ClockNotice::Accepted => ledger.clock_accepted(at),
        ClockNotice::Behind { .. } => {}
    }
}

/// The receipt of a change of the clock.
#[must_use]
pub fn clock_receipt(notice: ClockNotice, at: UnixMillis) -> Entry {
    Entry { receipt: Receipt { at, kind: Kind::Notice(notice.to_notice()) }, opening: None }
}

impl Engine {
    /// Follows a change of the clock and records it. `at` is the time after it. The caller has set the clock already.
    pub fn follow_clock(&self, notice: ClockNotice, at: UnixMillis) -> Durable {
        self.with_ledger(|ledger| follow_in_ledger(ledger, notice, at));
        if notice == ClockNotice::Accepted {
            self.approvals.clock_accepted(at);
        }
        self.journal.append(clock_receipt(notice, at), Urgency::Now)
    }
}
