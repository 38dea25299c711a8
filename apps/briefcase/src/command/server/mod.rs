//! `briefcase server`

mod accept;
mod add;
mod probe;
mod set;
mod spec;

use briefcase_api::{Change, Probe, ServerSpec, ServerView};
use briefcase_types::{ServerId, ServerSettings, ToolName};
use clap::{Args, Subcommand};
use spec::describe;

use crate::{
    change,
    context::CommandContext,
    failure::Failure,
    output::{TextOutput, Tone, span},
    printer::{CommandResult, waiting},
};

const EXAMPLES: &str = "\
Examples:
  briefcase server add files --read-all-hinted -- \\
      npx -y @modelcontextprotocol/server-filesystem ~/notes
  briefcase server list
  briefcase server test files        connect and compare with what was accepted
  briefcase server accept files      review changed tools, then accept them
  briefcase server set files --start-timeout 120
  briefcase server disable files     keep its registration, but refuse calls
  briefcase server remove files";

/// Manage MCP servers
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Server {
    /// Add a server: review what it offers, then accept it
    Add(Box<add::Add>),
    /// List servers
    #[command(after_help = EXAMPLES)]
    List,
    /// Connect to a server and compare its tools with the accepted ones; exit code 1 when they differ
    #[command(after_help = EXAMPLES)]
    Test(Name),
    /// Review and accept new or changed tools
    Accept(accept::Accept),
    /// Change the settings of a server: time-outs, limits, and what it may be sent
    Set(Box<set::Set>),
    /// Remove a server
    #[command(after_help = EXAMPLES)]
    Remove(Name),
    /// Enable a server
    #[command(after_help = EXAMPLES)]
    Enable(Name),
    /// Disable a server
    #[command(after_help = EXAMPLES)]
    Disable(Name),
}

/// A server by name.
#[derive(Debug, Args)]
pub struct Name {
    /// The server's name here: 1 to 32 of a-z, 0-9 and -
    name: ServerId,
}

impl Server {
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Add(add) => Box::pin(add.run(ctx)).await,
            Self::List => {
                let servers = ctx.client.servers().await?;
                Ok(CommandResult::new(list(&servers), &servers))
            }
            Self::Test(Name { name }) => test(ctx, &name).await,
            Self::Accept(accept) => Box::pin(accept.run(ctx)).await,
            Self::Set(set) => Box::pin(set.run(ctx)).await,
            Self::Remove(Name { name }) => {
                let applied = change::confirm(ctx, Change::RemoveServer { name: name.clone() }).await?;
                Ok(change::answer(&format!("Server `{name}` removed."), &applied))
            }
            Self::Enable(Name { name }) => enable(ctx, name, true).await,
            Self::Disable(Name { name }) => enable(ctx, name, false).await,
        }
    }
}

/// The tools that the server's annotations call reads.
pub fn hinted_reads(probed: &Probe) -> Vec<ToolName> {
    // What cannot be checked is called a read by name only, or never.
    let usable =
        |tool: &&briefcase_api::ToolView| tool.state != "quarantined" && tool.unchecked.iter().all(probe::is_output);
    let reads = probed.tools.iter().filter(usable).filter(|tool| probe::hinted_read(tool));
    reads.filter_map(|tool| tool.name.parse().ok()).collect()
}

/// Tools of several servers in a table.
pub fn tools_output(tools: &[briefcase_api::ToolView]) -> TextOutput {
    probe::tools(tools, true)
}

async fn enable(ctx: &CommandContext, name: ServerId, enabled: bool) -> Result<CommandResult, Failure> {
    let applied = change::confirm(ctx, Change::EnableServer { name: name.clone(), enabled }).await?;
    let word = if enabled { "enabled" } else { "disabled" };
    Ok(change::answer(&format!("Server `{name}` {word}."), &applied))
}

async fn test(ctx: &CommandContext, name: &ServerId) -> Result<CommandResult, Failure> {
    let probe = connect(ctx, name).await?;
    let differs = probe.tools.iter().any(|tool| tool.state != "accepted");
    let mut output = probe::output(&probe);
    output.append(probe::differences(&probe.tools));
    let changing = probe.tools.iter().any(|tool| !tool.between_looks.is_empty());
    let acceptable = probe.tools.iter().any(|tool| !matches!(tool.state.as_str(), "accepted" | "quarantined"));
    if changing {
        output.next(format!(
            "The definitions changed between two looks, so the tools stay blocked. Accept that their text changes: `briefcase \
             server accept {name} --changing`."
        ));
    } else if acceptable {
        output.next(format!("Review and accept the changes: `briefcase server accept {name}`."));
    }
    Ok(CommandResult::new(output, &probe).negative(differs))
}

/// Connects to a registered server and lists its present offers.
async fn connect(ctx: &CommandContext, name: &ServerId) -> Result<Probe, Failure> {
    Ok(waiting("Connecting to the server", ctx.client.test_server(name)).await?)
}

fn list(servers: &[ServerView]) -> TextOutput {
    let mut output = TextOutput::new();
    if servers.is_empty() {
        output.text("No servers.").next("Add one: `briefcase server add --help` has examples.");
        return output;
    }
    for server in servers {
        let state = if server.enabled { span("on", Tone::Good) } else { span("off", Tone::Warn) };
        output.line([span(server.name.as_str(), Tone::Name), "  ".into(), state]);
        output.append(describe(&server.spec));
        output.field("tools", server.tools.to_string());
        output.field("connections", server.connections.to_string());
        let reads = if server.reads_granted { "may be read without approval" } else { "ask" };
        output.field("resources", reads);
        if let Some((text, tone)) = protection(server) {
            output.field("protection", span(text, tone));
        }
        for line in server.settings.changes(&ServerSettings::default()) {
            output.field("setting", line);
        }
    }
    output
}

/// What keeps other programs of the user away from the server; `None` where it is not on this machine, or gets no secret.
fn protection(server: &ServerView) -> Option<(String, Tone)> {
    match &server.spec {
        ServerSpec::Stdio { .. } if server.settings.pipes => {
            Some(("lower: its pipes can be opened by other programs of your user".to_owned(), Tone::Warn))
        }
        ServerSpec::Stdio { .. } => Some(("no other program can open its input or output".to_owned(), Tone::Good)),
        ServerSpec::Http { .. } => match (&server.settings.loopback_owner, server.unbound_listener) {
            (Some(owner), _) => Some((format!("its secret goes to this listener only: {owner}"), Tone::Good)),
            (None, true) => Some(("none: any program that takes its port gets its secret".to_owned(), Tone::Warn)),
            (None, false) => None,
        },
    }
}
