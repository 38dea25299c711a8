//! The ledger after a restart: a snapshot, and the receipts after it.

use std::{collections::BTreeMap, time::Duration};

use briefcase_types::{CallId, UnixMillis};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Actual, BudgetIndex, Charge, ClockStep, Counter, Hold, Ledger, Open, Tally, Unit};
use crate::authority::Window;

/// A receipt, as far as it concerns budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An intent: the call was reserved.
    Reserved {
        /// The expected cost.
        charge: Charge,
        /// The time.
        at: UnixMillis,
    },
    /// An outcome: the call had this cost.
    Settled {
        /// The call.
        call: CallId,
        /// The cost.
        actual: Actual,
    },
    /// Reads may have been sent whose intents are lost. Each may have counted against every budget in calls.
    Lost {
        /// The maximum number of reads.
        reads: u64,
        /// The time.
        at: UnixMillis,
    },
    /// A refusal after the intent: the call had no effect.
    Released {
        /// The call.
        call: CallId,
    },
    /// The clock went ahead by more than a day.
    ClockStepped {
        /// The time after the step.
        at: UnixMillis,
        /// The length of the step.
        by: Duration,
    },
    /// A person accepted the clock.
    ClockAccepted {
        /// The accepted time.
        at: UnixMillis,
    },
}

/// The ledger at one index of the log. It is stored sealed beside the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    #[serde(deserialize_with = "known_version")]
    v: u32,
    now: UnixMillis,
    counters: Vec<(Counter, u64, u64)>,
    open: Vec<(Charge, Vec<Hold>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<ClockStep>,
}

impl Snapshot {
    /// The newest version that this program reads.
    pub const NEWEST: u32 = VERSION_WITH_STEP;

    /// Returns the snapshot as the companion of labels, which older programs do not read.
    #[must_use]
    pub const fn beside_labels(mut self) -> Self {
        if self.v < VERSION_WITH_LABELS {
            self.v = VERSION_WITH_LABELS;
        }
        self
    }
}

/// The version of a snapshot without an amount of an asset.
const VERSION: u32 = 1;
/// The version of a snapshot with an amount of an asset in an open charge.
const VERSION_WITH_AMOUNT: u32 = 2;
/// The version of a snapshot that has the labels of agents beside it.
const VERSION_WITH_LABELS: u32 = 3;
/// The version of a snapshot with a step of the clock.
const VERSION_WITH_STEP: u32 = 4;

fn known_version<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(source)?;
    if matches!(version, VERSION | VERSION_WITH_AMOUNT | VERSION_WITH_LABELS | VERSION_WITH_STEP) {
        return Ok(version);
    }
    Err(de::Error::custom("the ledger's snapshot was written by a newer program"))
}

impl Ledger {
    /// The oldest version that has the ledger's content.
    fn version(&self) -> u32 {
        if self.step.is_some() {
            return VERSION_WITH_STEP;
        }
        let with_amount = self.open.values().any(|open| open.charge.amount.is_some());
        if with_amount { VERSION_WITH_AMOUNT } else { VERSION }
    }

    /// Takes a snapshot of the ledger.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let counters = self.counters.iter().map(|(counter, tally)| (counter.clone(), tally.period, tally.spent));
        let open = self.open.values().map(|open| (open.charge.clone(), open.holds.clone()));
        Snapshot {
            v: self.version(),
            now: self.now,
            counters: counters.collect(),
            open: open.collect(),
            step: self.step,
        }
    }

    /// Restores a ledger. Reserved amounts are computed from the running calls, not read.
    #[must_use]
    pub fn restore(snapshot: Snapshot) -> Self {
        let tally = |(counter, period, spent)| (counter, Tally { period, spent, reserved: 0 });
        let counters = snapshot.counters.into_iter().map(tally).collect();
        let mut ledger = Self { now: snapshot.now, step: snapshot.step, counters, open: BTreeMap::new() };
        for (charge, holds) in snapshot.open {
            for hold in &holds {
                if let Some(tally) = ledger.counters.get_mut(&hold.counter).filter(|tally| tally.period == hold.period)
                {
                    tally.reserved = tally.reserved.saturating_add(hold.amount);
                }
            }
            ledger.open.insert(charge.call, Open { charge, holds });
        }
        ledger
    }

    /// Replays a receipt after the snapshot. Its amounts count even past a limit. An event about an unknown call
    /// changes nothing: its intent is before the snapshot, and it was closed by then.
    pub fn replay(&mut self, index: &BudgetIndex, event: &Event) {
        match event {
            Event::Reserved { charge, at } => {
                self.advance(*at);
                let wanted: Vec<_> = index.covering(charge).collect();
                // The reservation stays in `open`: later events name the call.
                drop(self.hold(charge, &wanted));
            }
            Event::Lost { reads, at } => self.lose(index, *reads, *at),
            Event::Settled { call, actual } => drop(self.close(*call, *actual)),
            Event::Released { call } => self.give_back(*call),
            Event::ClockStepped { at, by } => self.clock_stepped(*at, *by),
            Event::ClockAccepted { at } => self.clock_accepted(*at),
        }
    }

    /// Counts lost reads against every budget in calls, up to its limit.
    fn lose(&mut self, index: &BudgetIndex, reads: u64, at: UnixMillis) {
        self.advance(at);
        let counted = index.all().filter(|indexed| indexed.counter.unit == Unit::Calls);
        for indexed in counted.filter(|indexed| indexed.counter.window != Window::Call) {
            let tally = self.tally(&indexed.counter, indexed.counter.window);
            let left = indexed.limit.saturating_sub(tally.spent.saturating_add(tally.reserved));
            tally.spent = tally.spent.saturating_add(reads.min(left));
        }
    }

    /// Closes every call without a recorded outcome. The outcome is unknown, so the call counts as spent. Callers use
    /// it once, after the last replayed receipt.
    pub fn close_orphans(&mut self) -> Vec<CallId> {
        let orphans: Vec<_> = self.open.keys().copied().collect();
        for call in &orphans {
            self.close(*call, Actual::AsReserved);
        }
        orphans
    }

    /// Removes the counters of closed windows, to keep the snapshot small.
    pub fn prune(&mut self) {
        let now = self.now;
        self.counters.retain(|counter, tally| {
            counter.window == Window::All || tally.period >= super::window::period(counter.window, now)
        });
    }
}
