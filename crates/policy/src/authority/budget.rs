//! Budgets: a limit per window, for all calls in a scope.

use std::{fmt, str::FromStr};

use briefcase_types::{AgentId, Money, ServerId, ToolName};
use serde::{Deserialize, Serialize};

/// A limit. There is one per scope, window and unit. A new limit replaces the old one and keeps the spent amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The calls that count against the limit.
    pub scope: BudgetScope,
    /// The time that the limit covers.
    pub window: Window,
    /// The limit.
    pub limit: Limit,
}

/// The calls that count against a budget: those that match every given part.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetScope {
    /// Calls of this agent only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Calls on this server only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerId>,
    /// Calls of this tool only. Needs `server`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
}

/// The time that a budget covers. Hours, days and months are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Each call by itself.
    Call,
    /// A clock hour.
    Hour,
    /// A day.
    Day,
    /// A calendar month.
    Month,
    /// All time.
    All,
}

/// The limit of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Limit {
    /// A number of calls.
    Calls(u64),
    /// An amount of money in one currency.
    Money(Money),
}

impl BudgetScope {
    /// Returns whether a call is in the scope.
    #[must_use]
    pub fn covers(&self, agent: &AgentId, server: &ServerId, tool: Option<&ToolName>) -> bool {
        self.agent.as_ref().is_none_or(|wanted| wanted == agent)
            && self.server.as_ref().is_none_or(|wanted| wanted == server)
            && self.tool.as_ref().is_none_or(|wanted| Some(wanted) == tool)
    }
}

impl Window {
    /// The window as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::All => "all",
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Call, Self::Hour, Self::Day, Self::Month, Self::All]
            .into_iter()
            .find(|window| window.as_str() == text)
            .ok_or_else(|| "a window is `call`, `hour`, `day`, `month` or `all`".to_owned())
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim().trim_end_matches("calls").trim_end();
        if let Ok(calls) = digits.parse() {
            return Ok(Self::Calls(calls));
        }
        let money =
            text.parse().map_err(|_| "a limit is a number of calls such as `100`, or money such as `5.00 USD`")?;
        Ok(Self::Money(money))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(calls) => write!(f, "{calls} calls"),
            Self::Money(money) => money.fmt(f),
        }
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.agent.as_ref().map(|agent| format!("agent {agent}")),
            self.server.as_ref().map(|server| format!("server {server}")),
            self.tool.as_ref().map(|tool| format!("tool {tool}")),
        ];
        let given: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(if given.is_empty() { "everything" } else { "" })?;
        f.write_str(&given.join(", "))
    }
}

impl Budget {
    /// Returns whether two budgets differ in the limit only: same scope, window and unit.
    #[must_use]
    pub fn same_counter(&self, other: &Self) -> bool {
        let unit = match (&self.limit, &other.limit) {
            (Limit::Calls(_), Limit::Calls(_)) => true,
            (Limit::Money(one), Limit::Money(two)) => one.currency == two.currency,
            _ => false,
        };
        unit && self.scope == other.scope && self.window == other.window
    }
}
