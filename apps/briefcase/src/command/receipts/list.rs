//! `briefcase receipts list`

use std::time::Duration;

use briefcase_api::{ReceiptPage, ReceiptQuery};
use briefcase_types::{AgentId, ReceiptIndex, ServerId, ToolName, UnixMillis};
use clap::Args;

use super::rows;
use crate::{context::CommandContext, failure::Failure, output::TextOutput, printer::CommandResult, time_format};

const EXAMPLES: &str = "\
Examples:
  briefcase receipts list
  briefcase receipts list --kind refusal --since 1d
  briefcase receipts list --server github --tool search_code --json";

/// List receipts, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// At most so many (up to 1000)
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only below this receipt, for the next page
    #[arg(long, value_name = "RECEIPT")]
    before: Option<ReceiptIndex>,
    /// Only of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentId>,
    /// Only of this server
    #[arg(long, value_name = "NAME")]
    server: Option<ServerId>,
    /// Only of this tool
    #[arg(long, value_name = "TOOL")]
    tool: Option<ToolName>,
    /// Only of this kind
    #[arg(long, value_name = "KIND", value_parser = ["start", "intent", "outcome", "refusal", "approval", "change", "reconcile", "restore", "notice"])]
    kind: Option<String>,
    /// Only refusals with this code, such as denied
    #[arg(long, value_name = "CODE", value_parser = word)]
    code: Option<String>,
    /// Only of the last while, such as 15m or 7d
    #[arg(long, value_name = "DURATION", value_parser = time_format::duration)]
    since: Option<Duration>,
}

impl List {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let since = self.since.map(|lasts| {
            let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
            UnixMillis(ctx.now().0.saturating_sub(lasts))
        });
        let query = ReceiptQuery {
            before: self.before.map(|index| index.0),
            limit: Some(self.limit),
            agent: self.agent.map(|agent| agent.to_string()),
            server: self.server.map(|server| server.to_string()),
            tool: self.tool.map(|tool| tool.to_string()),
            kind: self.kind,
            code: self.code,
            since,
        };
        let found = ctx.client.receipts(&query).await?;
        Ok(CommandResult::new(output(&found), &found))
    }
}

/// A code of the contract.
fn word(text: &str) -> Result<String, String> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if plain { Ok(text.to_owned()) } else { Err("a code is made of a-z and _".to_owned()) }
}

fn output(found: &ReceiptPage) -> TextOutput {
    let mut output = TextOutput::new();
    if found.receipts.is_empty() {
        output.text(format!("No receipt of {} in the log matches.", found.size));
        return output;
    }
    output.append(rows::output(&found.receipts));
    output.text(format!("{} of {} receipts", found.receipts.len(), found.size));
    if let Some(next) = found.next {
        output.next(format!("For older receipts: --before {}", ReceiptIndex(next)));
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_word_of_the_contract() {
        assert!(word("denied").is_ok() && word("a&limit=9").is_err() && word("").is_err());
    }
}
