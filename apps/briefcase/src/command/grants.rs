//! `briefcase grants`

use briefcase_api::{Change, GrantView};
use clap::{Args, Subcommand};

use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::CommandResult,
    time_format,
};

const EXAMPLES: &str = "\
Examples:
  briefcase grants list
  briefcase grants revoke ID

To save an approval, create a rule while deciding: `briefcase approvals`, then `r`. It always expires.";

/// Manage saved approvals
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Grants {
    /// List saved approvals
    #[command(after_help = EXAMPLES)]
    List,
    /// Revoke a saved approval
    #[command(after_help = EXAMPLES)]
    Revoke(Revoke),
}

/// A rule by id.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its id, from `briefcase grants list`
    id: String,
}

impl Grants {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::List => {
                let grants = ctx.client.grants().await?;
                Ok(CommandResult::new(list(&grants, ctx), &grants))
            }
            Self::Revoke(Revoke { id }) => {
                let applied = change::confirm(ctx, Change::RevokeGrant { id }).await?;
                Ok(change::answer("Saved approval revoked.", &applied))
            }
        }
    }
}

fn list(grants: &[GrantView], ctx: &CommandContext) -> TextOutput {
    let now = ctx.now();
    let mut output = TextOutput::new();
    if grants.is_empty() {
        output.text("No saved approvals.");
        return output;
    }
    for grant in grants {
        let what = format!("{} may call {}/{}", grant.agent, grant.server, grant.tool);
        output.line([span(&grant.id, Tone::Name), "  ".into(), span(what, Tone::Strong)]);
        output.field("arguments", grant.fixed.to_string());
        output.field(
            "ends",
            format!("{} ({})", time_format::relative(grant.expires, now), time_format::utc(grant.expires)),
        );
    }
    output
}
