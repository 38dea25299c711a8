//! `briefcase receipts list`

use std::time::Duration;

use briefcase_api::{ReceiptPage, ReceiptQuery};
use briefcase_types::{AgentId, ReceiptIndex, ServerId, ToolName, UnixMillis};
use clap::Args;

use super::rows;
use crate::{
    context::CommandContext,
    failure::Failure,
    output::TextOutput,
    printer::{CommandResult, waiting},
    time_format,
};

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
        let found =
            waiting("Searching the receipts", whole_page(query, async |query| ctx.client.receipts(query).await));
        let found = found.await?;
        Ok(CommandResult::new(output(&found), &found))
    }
}

/// Reads on until the page is full or the log ends: the daemon ends each search after a bounded number of receipts.
async fn whole_page<E>(
    mut query: ReceiptQuery,
    read: impl AsyncFn(&ReceiptQuery) -> Result<ReceiptPage, E>,
) -> Result<ReceiptPage, E> {
    let mut page = read(&query).await?;
    while let Some(next) = page.next
        && let Some(missing) = missing(query.limit, &page)
    {
        query.before = Some(next);
        let more = read(&ReceiptQuery { limit: Some(missing), ..query.clone() }).await?;
        // Without progress the same page would be read for ever.
        page.next = more.next.filter(|further| *further < next);
        page.receipts.extend(more.receipts);
    }
    Ok(page)
}

/// The number of receipts that a page lacks, if it lacks any.
fn missing(limit: Option<u32>, page: &ReceiptPage) -> Option<u32> {
    let found = u32::try_from(page.receipts.len()).unwrap_or(u32::MAX);
    limit?.checked_sub(found).filter(|missing| *missing > 0)
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
    use briefcase_api::ReceiptRow;

    use super::*;

    #[tokio::test]
    async fn a_search_goes_on_where_a_part_of_the_log_has_no_match() {
        let row = |id| ReceiptRow { id: ReceiptIndex(id), receipt: serde_json::Value::Null };
        let read = async |query: &ReceiptQuery| -> Result<ReceiptPage, ()> {
            let (receipts, next) = match query.before {
                None => (vec![], Some(200)),
                Some(200) => (vec![row(150)], Some(100)),
                Some(_) => (vec![row(3), row(1)], None),
            };
            assert!(query.limit.unwrap() >= u32::try_from(receipts.len()).unwrap());
            Ok(ReceiptPage { receipts, size: 300, next })
        };
        let page = whole_page(ReceiptQuery { limit: Some(3), ..Default::default() }, read).await.unwrap();
        assert_eq!(page.receipts.iter().map(|row| row.id.0).collect::<Vec<_>>(), [150, 3, 1]);
        assert_eq!(page.next, None);
    }

    #[tokio::test]
    async fn a_daemon_that_repeats_a_page_does_not_hold_the_command() {
        let read = async |_: &ReceiptQuery| -> Result<ReceiptPage, ()> {
            Ok(ReceiptPage { receipts: vec![], size: 300, next: Some(200) })
        };
        assert!(
            whole_page(ReceiptQuery { limit: Some(3), ..Default::default() }, read).await.unwrap().receipts.is_empty()
        );
    }

    #[test]
    fn a_code_is_a_word_of_the_contract() {
        assert!(word("denied").is_ok() && word("a&limit=9").is_err() && word("").is_err());
    }
}
