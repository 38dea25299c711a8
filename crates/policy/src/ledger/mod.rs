//! The ledger: the amounts reserved and spent against budgets.
//!
//! Invariant: for each budget and window, `spent + reserved <= limit` after every reservation.
//!
//! - A reservation covers every budget of the call, or fails. It can be used once. Without a settlement or release the
//!   amount stays reserved: an unknown outcome counts as spent (attack 53).
//! - Time goes back only when a person accepts an earlier clock, so a closed window stays closed (attack 35). What was spent
//!   in windows after that time then counts in the present one, so that budgets renew in time (attack 64).
//! - A step of the clock by days that no running daemon measured renews a window one hour late: see [`SETTLES_AFTER`].
//! - Amounts are integers, and every addition is checked.
//!
//! A call that no budget covers has no limit here; the policy decides whether it asks (`context.budgeted`). A priced
//! call counts against budgets in its own currency and against budgets in calls, not against other currencies.

mod clock;
mod index;
mod replay;
mod window;

use std::collections::{BTreeMap, btree_map::Entry};

use briefcase_types::{AgentId, Amount, CallId, Money, ServerId, ToolName, UnixMillis};
use serde::{Deserialize, Serialize};

use clock::ClockStep;
pub use clock::SETTLES_AFTER;
pub use index::BudgetIndex;
use index::{Counter, Indexed, Unit};
pub use replay::{Event, Snapshot};

use crate::authority::{Budget, Window};

/// The cost of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The call. Its id is used once.
    pub call: CallId,
    /// The agent.
    pub agent: AgentId,
    /// The server.
    pub server: ServerId,
    /// The tool; `None` for resources and prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// The number of calls it counts as.
    pub calls: u64,
    /// The price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The price in an asset. It counts against budgets in calls only: no budget is in an asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// The right to spend a reserved amount, once. When it is dropped without [`Ledger::settle`] or [`Ledger::release`],
/// the amount stays reserved.
#[must_use = "a reservation keeps its amount taken until it is settled or released"]
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation(CallId);

/// The final cost of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actual {
    /// The reserved amount, or an unknown amount.
    AsReserved,
    /// This amount of money.
    Cost(Money),
    /// No money. It still counts as a call.
    Free,
}

/// The result of a settlement.
#[must_use = "an overrun has to be recorded"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The cost is within the reserved amount.
    Within,
    /// The cost exceeds the reserved amount or has another currency. It counts in full, and the total may now exceed a
    /// limit.
    Over,
}

/// A reservation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// A budget does not allow the call.
    #[error(transparent)]
    Exceeded(Box<Exceeded>),
    /// The call has a reservation already.
    #[error("the call {0} has a reservation already")]
    Duplicate(CallId),
}

/// The first budget that does not allow a call. Amounts are calls or millionths of the limit's currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the budget of {} per {} for {} is used up", budget.limit, budget.window.as_str(), budget.scope)]
pub struct Exceeded {
    /// The budget.
    pub budget: Budget,
    /// The limit.
    pub limit: u64,
    /// The amount spent in this window.
    pub spent: u64,
    /// The amount reserved by running calls.
    pub reserved: u64,
    /// The amount that the call would add.
    pub asked: u64,
}

/// The state of a budget in its current window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetUsage {
    /// The budget.
    pub budget: Budget,
    /// The amount spent in the current window.
    pub spent: u64,
    /// The amount reserved by running calls.
    pub reserved: u64,
}

/// The amounts reserved and spent.
#[derive(Debug, Default)]
pub struct Ledger {
    now: UnixMillis,
    /// The step of the clock that windows do not follow yet.
    step: Option<ClockStep>,
    counters: BTreeMap<Counter, Tally>,
    open: BTreeMap<CallId, Open>,
}

/// One counter in its current window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    period: u64,
    spent: u64,
    reserved: u64,
}

/// The reservations of a running call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    charge: Charge,
    holds: Vec<Hold>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hold {
    counter: Counter,
    period: u64,
    amount: u64,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves the cost of a call in every budget that covers it, or in none.
    ///
    /// # Errors
    /// [`ReserveError::Exceeded`] with the first budget that does not allow it.
    pub fn reserve(
        &mut self,
        index: &BudgetIndex,
        charge: &Charge,
        now: UnixMillis,
    ) -> Result<Reservation, ReserveError> {
        self.advance(now);
        let wanted: Vec<_> = index.covering(charge).collect();
        for (indexed, amount) in &wanted {
            self.check(indexed, *amount)?;
        }
        self.hold(charge, &wanted)
    }

    /// Counts the cost of a call and consumes the reservation.
    #[expect(clippy::needless_pass_by_value, reason = "the reservation is spent")]
    pub fn settle(&mut self, reservation: Reservation, actual: Actual) -> Settled {
        let Reservation(call) = reservation;
        self.close(call, actual).unwrap_or(Settled::Over)
    }

    /// Releases a reservation, for a call that certainly had no effect.
    #[expect(clippy::needless_pass_by_value, reason = "the reservation is spent")]
    pub fn release(&mut self, reservation: Reservation) {
        let Reservation(call) = reservation;
        self.give_back(call);
    }

    /// Returns the number of calls of this kind that the budgets in calls still allow, reserved ones excluded.
    #[must_use]
    pub fn calls_left(&self, index: &BudgetIndex, charge: &Charge, now: UnixMillis) -> u64 {
        let now = self.now.max(self.window_time(now));
        let counted = |indexed: &Indexed| indexed.counter.unit == Unit::Calls && indexed.counter.window != Window::Call;
        let left = |indexed: &Indexed| {
            let period = window::period(indexed.counter.window, now);
            let tally = self.counters.get(&indexed.counter).filter(|tally| tally.period == period);
            let taken = tally.map_or(0, |tally| tally.spent.saturating_add(tally.reserved));
            indexed.limit.saturating_sub(taken)
        };
        index
            .covering(charge)
            .map(|(indexed, _)| indexed)
            .filter(|indexed| counted(indexed))
            .map(left)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Returns the usage of every budget.
    #[must_use]
    pub fn usage(&self, index: &BudgetIndex, now: UnixMillis) -> Vec<BudgetUsage> {
        let now = self.now.max(self.window_time(now));
        let usage = |indexed: &Indexed| {
            let period = window::period(indexed.counter.window, now);
            let tally = self.counters.get(&indexed.counter).filter(|tally| tally.period == period);
            let tally = tally.copied().unwrap_or_default();
            BudgetUsage { budget: indexed.budget.clone(), spent: tally.spent, reserved: tally.reserved }
        };
        index.all().map(usage).collect()
    }

    fn check(&mut self, indexed: &Indexed, amount: u64) -> Result<(), ReserveError> {
        let tally = match indexed.counter.window {
            Window::Call => Tally::default(),
            window => *self.tally(&indexed.counter, window),
        };
        let after = tally.spent.checked_add(tally.reserved).and_then(|taken| taken.checked_add(amount));
        if after.is_some_and(|after| after <= indexed.limit) {
            return Ok(());
        }
        Err(ReserveError::Exceeded(Box::new(Exceeded {
            budget: indexed.budget.clone(),
            limit: indexed.limit,
            spent: tally.spent,
            reserved: tally.reserved,
            asked: amount,
        })))
    }

    /// Returns the counter of the current window. A new window starts at zero.
    fn tally(&mut self, counter: &Counter, window: Window) -> &mut Tally {
        let period = window::period(window, self.now);
        let tally = self.counters.entry(counter.clone()).or_default();
        if tally.period < period {
            *tally = Tally { period, ..Tally::default() };
        }
        tally
    }

    fn hold(&mut self, charge: &Charge, wanted: &[(&Indexed, u64)]) -> Result<Reservation, ReserveError> {
        if self.open.contains_key(&charge.call) {
            return Err(ReserveError::Duplicate(charge.call));
        }
        let counted = wanted.iter().filter(|(indexed, _)| indexed.counter.window != Window::Call);
        let mut holds = Vec::new();
        for (indexed, amount) in counted {
            let tally = self.tally(&indexed.counter, indexed.counter.window);
            tally.reserved = tally.reserved.saturating_add(*amount);
            holds.push(Hold { counter: indexed.counter.clone(), period: tally.period, amount: *amount });
        }
        self.open.insert(charge.call, Open { charge: charge.clone(), holds });
        Ok(Reservation(charge.call))
    }

    fn close(&mut self, call: CallId, actual: Actual) -> Option<Settled> {
        let Open { charge, holds } = self.open.remove(&call)?;
        for hold in &holds {
            let spent = hold.spent(actual);
            self.move_hold(hold, spent);
        }
        let over = match (actual, charge.cost) {
            (Actual::AsReserved | Actual::Free, _) => false,
            (Actual::Cost(actual), Some(cost)) => actual.currency != cost.currency || actual.micros > cost.micros,
            (Actual::Cost(actual), None) => actual.micros > 0,
        };
        Some(if over { Settled::Over } else { Settled::Within })
    }

    fn give_back(&mut self, call: CallId) {
        for hold in self.open.remove(&call).map(|open| open.holds).unwrap_or_default() {
            self.move_hold(&hold, 0);
        }
    }

    /// Turns a reservation into spent money. A reservation of a closed window has no effect.
    fn move_hold(&mut self, hold: &Hold, spent: u64) {
        if let Entry::Occupied(mut entry) = self.counters.entry(hold.counter.clone()) {
            let tally = entry.get_mut();
            if tally.period == hold.period {
                tally.reserved = tally.reserved.saturating_sub(hold.amount);
                tally.spent = tally.spent.saturating_add(spent);
            }
        }
    }
}

impl Hold {
    fn spent(&self, actual: Actual) -> u64 {
        match (self.counter.unit, actual) {
            (Unit::Money(_), Actual::Free) => 0,
            (Unit::Money(unit), Actual::Cost(cost)) if cost.currency == unit => cost.micros,
            _ => self.amount,
        }
    }
}

#[cfg(test)]
mod tests;
