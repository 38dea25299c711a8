//! `briefcase demo`: the arguments of `briefcase-demo`, which this command starts.

use clap::Args;

use crate::{context::CommandContext, failure::Failure, forward, printer::CommandResult};

const EXAMPLES: &str = "\
Examples:
  briefcase demo                      you decide the request, with a PIN you choose for the demo
  briefcase demo --non-interactive    without a person
  briefcase demo -- node server-filesystem/dist/index.js
                                      another file server; the demo appends the folder to serve

Your own files are not touched: it works in a temporary directory, which is removed at the end.";

/// Run the main job in a temporary directory: allowed, denied, approved, proved
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Decide automatically, with a PIN made for the temporary directory
    #[arg(long)]
    pub non_interactive: bool,
    /// Command of the MCP file server, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub server: Vec<String>,
}

impl Demo {
    /// Becomes the demo. It parses the same arguments again.
    pub fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        Err(forward::replace_process(ctx, "briefcase-demo", "demo"))
    }
}
