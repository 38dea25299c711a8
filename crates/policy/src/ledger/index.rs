//! The index of budgets by the calls that they cover.

use briefcase_types::{AgentId, Currency, ServerId, ToolName};
use serde::{Deserialize, Serialize};

use super::Charge;
use crate::authority::{Authority, Budget, BudgetScope, Limit, Window};

/// The budgets of one authority document, indexed.
#[derive(Clone, Debug, Default)]
pub struct BudgetIndex(Vec<Indexed>);

/// The key of a counter. It is the same for all limits of a scope, window and unit, so a changed limit keeps the spent
/// amount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counter {
    pub(super) scope: BudgetScope,
    pub(super) window: Window,
    pub(super) unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    Calls,
    Money(Currency),
}

#[derive(Clone, Debug)]
pub(super) struct Indexed {
    pub(super) counter: Counter,
    pub(super) limit: u64,
    pub(super) budget: Budget,
}

impl BudgetIndex {
    /// Indexes the budgets of a document.
    #[must_use]
    pub fn new(authority: &Authority) -> Self {
        let indexed = |budget: &Budget| {
            let (unit, limit) = match budget.limit {
                Limit::Calls(calls) => (Unit::Calls, calls),
                Limit::Money(money) => (Unit::Money(money.currency), money.micros),
            };
            let counter = Counter { scope: budget.scope.clone(), window: budget.window, unit };
            Indexed { counter, limit, budget: budget.clone() }
        };
        Self(authority.budgets.iter().map(indexed).collect())
    }

    /// Returns whether a budget in this currency covers calls of this kind.
    #[must_use]
    pub fn covers(&self, agent: &AgentId, server: &ServerId, tool: Option<&ToolName>, currency: Currency) -> bool {
        let fits = |indexed: &Indexed| {
            indexed.counter.unit == Unit::Money(currency) && indexed.counter.scope.covers(agent, server, tool)
        };
        self.0.iter().any(fits)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Indexed> {
        self.0.iter()
    }

    /// Returns every budget that covers a charge, with the amount that the charge takes from it.
    pub(super) fn covering(&self, charge: &Charge) -> impl Iterator<Item = (&Indexed, u64)> {
        let in_scope =
            |indexed: &&Indexed| indexed.counter.scope.covers(&charge.agent, &charge.server, charge.tool.as_ref());
        self.0.iter().filter(in_scope).filter_map(|indexed| {
            let amount = match (indexed.counter.unit, charge.cost) {
                (Unit::Calls, _) => Some(charge.calls),
                (Unit::Money(unit), Some(cost)) if cost.currency == unit => Some(cost.micros),
                (Unit::Money(_), _) => None,
            };
            amount.map(|amount| (indexed, amount))
        })
    }
}
