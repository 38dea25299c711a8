//! `briefcase budget`

use briefcase_api::{BudgetView, Change};
use briefcase_types::{AgentId, ServerId, ToolName};
use clap::{Args, Subcommand};

use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{Span, TextOutput, Tone, span},
    printer::CommandResult,
};

const EXAMPLES: &str = "\
Examples:
  briefcase budget set --window day --limit '5.00 USD'
  briefcase budget set --window hour --limit 100 --agent codex
  briefcase budget set --window call --limit '0.50 USD' --server search --tool web_search
  briefcase budget list
  briefcase budget remove --window hour --agent codex

A call reserves its cost before it runs. A call that would go past a budget is refused.";

/// Limits on calls and money
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Budget {
    /// List budgets and what is used
    #[command(after_help = EXAMPLES)]
    List,
    /// Set a budget
    #[command(after_help = EXAMPLES)]
    Set(Set),
    /// Remove a budget
    #[command(after_help = EXAMPLES)]
    Remove(Scope),
}

/// The scope of a budget.
#[derive(Debug, Args)]
pub struct Scope {
    /// Only this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentId>,
    /// Only this server
    #[arg(long, value_name = "NAME")]
    server: Option<ServerId>,
    /// Only this tool of the server
    #[arg(long, value_name = "TOOL", requires = "server")]
    tool: Option<ToolName>,
    /// The period after which it resets
    #[arg(long, value_name = "WINDOW", value_parser = ["call", "hour", "day", "month", "all"])]
    window: String,
}

/// A budget.
#[derive(Debug, Args)]
pub struct Set {
    #[command(flatten)]
    scope: Scope,
    /// A number of calls such as 100, or money such as '5.00 USD'
    #[arg(long, value_name = "LIMIT")]
    limit: String,
}

impl Budget {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::List => {
                let budgets = ctx.client.budgets().await?;
                Ok(CommandResult::new(list(&budgets), &budgets))
            }
            Self::Set(Set { scope, limit }) => apply(ctx, scope, Some(limit), "Budget set.").await,
            Self::Remove(scope) => apply(ctx, scope, None, "Budget removed.").await,
        }
    }
}

async fn apply(
    ctx: &CommandContext,
    scope: Scope,
    limit: Option<String>,
    done: &str,
) -> Result<CommandResult, Failure> {
    let Scope { agent, server, tool, window } = scope;
    let applied = change::confirm(ctx, Change::SetBudget { agent, server, tool, window, limit }).await?;
    Ok(change::answer(done, &applied))
}

fn list(budgets: &[BudgetView]) -> TextOutput {
    let mut output = TextOutput::new();
    if budgets.is_empty() {
        output.text("No budgets: calls and spending are not limited.");
        output.next("Set one with `briefcase budget set --window day --limit '5.00 USD'`.");
        return output;
    }
    let row = |budget: &BudgetView| {
        vec![
            budget.scope.as_str().into(),
            budget.window.as_str().into(),
            budget.limit.as_str().into(),
            budget.used.as_str().into(),
            gauge(budget.permille),
        ]
    };
    output.table(&["FOR", "PER", "LIMIT", "USED", ""], budgets.iter().map(row).collect());
    output
}

/// A bar of ten marks, and the percentage.
fn gauge(permille: u64) -> Span {
    let full = usize::try_from(permille.min(1000) / 100).unwrap_or(10);
    let tone = match permille {
        0..750 => Tone::Good,
        750..1000 => Tone::Warn,
        _ => Tone::Bad,
    };
    let empty = 10_usize.saturating_sub(full);
    span(format!("{}{} {} %", "█".repeat(full), "·".repeat(empty), permille / 10), tone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_looks_spent() {
        let view = |used: &str, permille| BudgetView {
            scope: "agent codex".into(),
            window: "day".into(),
            limit: "5.00 USD".into(),
            used: used.into(),
            permille,
        };
        insta::assert_snapshot!(
            list(&[view("0.00 USD", 0), view("4.99 USD", 998), view("5.50 USD", 1100)]).render(false)
        );
        assert_eq!(gauge(u64::MAX), span("██████████ 1844674407370955161 %", Tone::Bad));
    }
}
