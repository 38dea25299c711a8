//! `briefcase server accept`

use briefcase_api::Change;
use briefcase_types::{ServerId, ToolName};
use clap::Args;

use super::{connect, probe};
use crate::{
    change, context::CommandContext, failure::Failure, output::TextOutput, printer::CommandResult, terminal::Terminal,
};

const EXAMPLES: &str = "\
Examples:
  briefcase server accept github                     everything that is new or changed
  briefcase server accept github --tool search_code  only this one
  briefcase server accept clock --changing           its text changes at each start

A tool whose definition changed is blocked until you accept the new one. Read the difference: a description that tells \
an agent what to do is an attack. With --changing, the titles, descriptions, defaults, examples and value lists that differ may \
go on changing. Agents see a mark before such text, and everything else of the tool stays pinned.";

/// Review and accept new or changed tools
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Accept {
    /// The server
    name: ServerId,
    /// Only this tool (may be repeated)
    #[arg(long, value_name = "TOOL", num_args = 1)]
    tool: Vec<ToolName>,
    /// The server may go on changing the text that differs now
    #[arg(long)]
    changing: bool,
}

impl Accept {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let Self { name, tool: tools, changing } = self;
        let probed = connect(ctx, &name).await?;
        if probed.tools.iter().all(|tool| matches!(tool.state.as_str(), "accepted" | "quarantined")) {
            let output = TextOutput::of("No tool is new or changed since you accepted it.");
            return Ok(CommandResult::new(output, &serde_json::json!({ "changed": false })));
        }
        Terminal::open()?.show(&probe::differences(&probed.tools))?;
        let change = Change::AcceptTools { server: name.clone(), probe: probed.digest, tools, changing };
        let applied = change::confirm(ctx, change).await?;
        Ok(change::answer(&format!("The tools of `{name}` are accepted as shown."), &applied))
    }
}
