//! The ledger: what has been reserved and spent against budgets.
//!
//! Invariant: for each budget and window, `spent + reserved <= limit` after every reservation. A reservation is all or
//! nothing over every budget that covers the call, is a value that can be used once, and if nobody settles or releases it
//! the amount stays taken: whatever is unknown counts as spent (attack 53). Time never goes back, so a window that has
//! closed stays closed (attack 35). Amounts are integers and every addition is checked.
//!
//! A call without a budget that covers it is not limited here; whether it asks is a matter of policy (`context.budgeted`).
//! A priced call counts against budgets in its own currency and against budgets in calls, not against other currencies.

mod index;
mod replay;
mod window;

use std::collections::{BTreeMap, btree_map::Entry};

use briefcase_types::{AgentId, Amount, CallId, Money, ServerId, ToolName, UnixMillis};
use serde::{Deserialize, Serialize};

pub use index::BudgetIndex;
use index::{Counter, Indexed, Unit};
pub use replay::{Event, Snapshot};

use crate::authority::{Budget, Window};

/// What a call would cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// The call. Its id is used once.
    pub call: CallId,
    /// Whose.
    pub agent: AgentId,
    /// Where.
    pub server: ServerId,
    /// Of which tool; `None` for resources and prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// How many calls it counts as.
    pub calls: u64,
    /// Its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Its price in an asset. It counts against budgets in calls only; no budget is in an asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// The right to spend what was reserved, once. Dropping it without [`Ledger::settle`] or [`Ledger::release`] keeps the
/// amount taken.
#[must_use = "a reservation keeps its amount taken until it is settled or released"]
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation(CallId);

/// What a call cost in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actual {
    /// As much as was reserved, or nobody knows.
    AsReserved,
    /// This much money.
    Cost(Money),
    /// No money; it still counts as a call.
    Free,
}

/// How a settlement went.
#[must_use = "an overrun has to be recorded"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Within what was reserved.
    Within,
    /// It cost more than was reserved, or another currency: counted in full, and now perhaps past a limit.
    Over,
}

/// Why nothing was reserved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// A budget does not allow it.
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
    /// Its limit.
    pub limit: u64,
    /// Spent in this window.
    pub spent: u64,
    /// Reserved by calls that still run.
    pub reserved: u64,
    /// What the call would add.
    pub asked: u64,
}

/// Where a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetUsage {
    /// The budget.
    pub budget: Budget,
    /// Spent in the current window.
    pub spent: u64,
    /// Reserved by calls that still run.
    pub reserved: u64,
}

/// What has been reserved and spent.
#[derive(Debug, Default)]
pub struct Ledger {
    now: UnixMillis,
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

/// What a running call holds.
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
    /// A ledger in which nothing was spent.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reserves what a call would cost in every budget that covers it, or nothing at all.
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

    /// Counts what a call cost. The reservation is used up.
    #[expect(clippy::needless_pass_by_value, reason = "the reservation is spent")]
    pub fn settle(&mut self, reservation: Reservation, actual: Actual) -> Settled {
        let Reservation(call) = reservation;
        self.close(call, actual).unwrap_or(Settled::Over)
    }

    /// Gives back what was reserved, for a call that certainly had no effect.
    #[expect(clippy::needless_pass_by_value, reason = "the reservation is spent")]
    pub fn release(&mut self, reservation: Reservation) {
        let Reservation(call) = reservation;
        self.give_back(call);
    }

    /// Where every budget stands.
    #[must_use]
    pub fn usage(&self, index: &BudgetIndex, now: UnixMillis) -> Vec<BudgetUsage> {
        let now = self.now.max(now);
        let usage = |indexed: &Indexed| {
            let period = window::period(indexed.counter.window, now);
            let tally = self.counters.get(&indexed.counter).filter(|tally| tally.period == period);
            let tally = tally.copied().unwrap_or_default();
            BudgetUsage { budget: indexed.budget.clone(), spent: tally.spent, reserved: tally.reserved }
        };
        index.all().map(usage).collect()
    }

    /// Time goes forward only.
    fn advance(&mut self, now: UnixMillis) {
        self.now = self.now.max(now);
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

    /// The counter in the window of now; a new window starts from nothing.
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

    /// Turns a hold into so much spent. A hold of a window that has closed no longer counts anywhere.
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
