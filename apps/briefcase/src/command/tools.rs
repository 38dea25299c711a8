//! `briefcase tools` and `briefcase tool set`

use briefcase_api::Change;
use briefcase_types::{ServerId, ToolName};
use clap::{Args, Subcommand};

use super::server;
use crate::{change, context::CommandContext, failure::Failure, output::TextOutput, printer::CommandResult};

const LIST: &str = "\
Examples:
  briefcase tools
  briefcase tools github --json";

/// List tools with access and risk
#[derive(Debug, Args)]
#[command(after_help = LIST)]
pub struct Tools {
    /// Only this server's
    server: Option<ServerId>,
}

impl Tools {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let mut tools = ctx.client.tools().await?;
        if let Some(server) = &self.server {
            tools.retain(|tool| tool.server == *server);
        }
        let output = if tools.is_empty() {
            let mut output = TextOutput::of("No tools.");
            output.next("Add a server: `briefcase server add --help` has examples.");
            output
        } else {
            server::tools_output(&tools)
        };
        Ok(CommandResult::new(output, &tools))
    }
}

const SET: &str = "\
Examples:
  briefcase tool set files read_file --class read      runs without approval
  briefcase tool set search web_search --cost '0.01 USD' --label untrusted_content
  briefcase tool set mail send --label external
  briefcase tool set search web_search --cost ''       no price";

/// Set access, price and labels of a tool
#[derive(Debug, Subcommand)]
#[command(after_help = SET)]
pub enum Tool {
    /// Set access, price or labels of a tool
    #[command(after_help = SET)]
    Set(Set),
}

/// The properties of a tool to set.
#[derive(Debug, Args)]
pub struct Set {
    /// The server
    server: ServerId,
    /// The tool
    tool: ToolName,
    /// Access of the tool
    #[arg(long, value_name = "CLASS", value_parser = ["read", "write", "unknown"])]
    class: Option<String>,
    /// Price of a call, such as '0.01 USD'; empty for free
    #[arg(long, value_name = "AMOUNT")]
    cost: Option<String>,
    /// Labels of its results: private_data, untrusted_content, external (may be repeated)
    #[arg(long, value_name = "LABEL", num_args = 1)]
    label: Vec<String>,
    /// Remove all labels
    #[arg(long, conflicts_with = "label")]
    no_labels: bool,
}

impl Tool {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        let Self::Set(Set { server, tool, class, cost, label, no_labels }) = self;
        if class.is_none() && cost.is_none() && label.is_empty() && !no_labels {
            let next = "Give --class, --cost, --label or --no-labels; `briefcase tool set --help` has examples.";
            return Err(Failure::usage("No option given.", next));
        }
        let labels = (no_labels || !label.is_empty()).then_some(label);
        let done = format!("Tool `{server}/{tool}` is set.");
        let applied = change::confirm(ctx, Change::SetTool { server, tool, class, cost, labels }).await?;
        Ok(change::answer(&done, &applied))
    }
}
