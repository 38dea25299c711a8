//! `briefcase server`

mod accept;
mod add;
mod probe;
mod spec;

use briefcase_api::{Change, Probe, ServerView};
use briefcase_types::{ServerId, ToolName};
use clap::{Args, Subcommand};
use spec::describe;

use crate::{
    change,
    failure::Failure,
    page::{Page, Tone, span},
    screen::{Answer, waiting},
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase server add files --read-all-hinted -- \\
      npx -y @modelcontextprotocol/server-filesystem ~/notes
  briefcase server list
  briefcase server test files        connect and compare with what was accepted
  briefcase server accept files      look at changed tools, then accept them
  briefcase server disable files     keep it, but let nobody use it
  briefcase server remove files";

/// MCP servers: where tools come from
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Server {
    /// Register a server: look at what it offers, then accept that
    Add(Box<add::Add>),
    /// List servers
    #[command(after_help = EXAMPLES)]
    List,
    /// Connect to a server and compare its tools with the accepted ones; exit code 1 when they differ
    #[command(after_help = EXAMPLES)]
    Test(Name),
    /// Accept tools that are new or changed, after looking at the difference
    Accept(accept::Accept),
    /// Forget a server
    #[command(after_help = EXAMPLES)]
    Remove(Name),
    /// Let a server be used again
    #[command(after_help = EXAMPLES)]
    Enable(Name),
    /// Let nobody use a server
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
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self {
            Self::Add(add) => Box::pin(add.run(around)).await,
            Self::List => {
                let servers: Vec<ServerView> = around.client.get("/v1/servers").await?;
                Ok(Answer::new(list(&servers), &servers))
            }
            Self::Test(Name { name }) => test(around, &name).await,
            Self::Accept(accept) => Box::pin(accept.run(around)).await,
            Self::Remove(Name { name }) => {
                let applied = change::confirm(around, Change::RemoveServer { name: name.clone() }).await?;
                Ok(change::answer(&format!("Server `{name}` removed."), &applied))
            }
            Self::Enable(Name { name }) => enable(around, name, true).await,
            Self::Disable(Name { name }) => enable(around, name, false).await,
        }
    }
}

/// The tools that a server claims to be reads.
pub fn hinted_reads(seen: &Probe) -> Vec<ToolName> {
    let reads = seen.tools.iter().filter(|tool| tool.state != "quarantined" && probe::hinted_read(tool));
    reads.filter_map(|tool| tool.name.parse().ok()).collect()
}

/// Tools of several servers in a table.
pub fn tools_page(tools: &[briefcase_api::ToolView]) -> Page {
    probe::tools(tools, true)
}

async fn enable(around: &Surroundings, name: ServerId, enabled: bool) -> Result<Answer, Failure> {
    let applied = change::confirm(around, Change::EnableServer { name: name.clone(), enabled }).await?;
    let word = if enabled { "enabled" } else { "disabled" };
    Ok(change::answer(&format!("Server `{name}` {word}."), &applied))
}

async fn test(around: &Surroundings, name: &ServerId) -> Result<Answer, Failure> {
    let probe = look(around, name).await?;
    let differs = probe.tools.iter().any(|tool| tool.state != "accepted");
    let mut page = probe::page(&probe);
    if differs {
        page.next(format!("See what changed, and accept it: `briefcase server accept {name}`."));
    }
    Ok(Answer::new(page, &probe).negative(differs))
}

/// Looks at what a registered server offers now.
async fn look(around: &Surroundings, name: &ServerId) -> Result<Probe, Failure> {
    let path = format!("/v1/servers/{name}/test");
    waiting("Looking at the server", around.client.post(&path, &serde_json::json!({}))).await
}

fn list(servers: &[ServerView]) -> Page {
    let mut page = Page::new();
    if servers.is_empty() {
        page.text("No servers.").next("Add one: `briefcase server add --help` has examples.");
        return page;
    }
    for server in servers {
        let state = if server.enabled { span("on", Tone::Good) } else { span("off", Tone::Warn) };
        page.line([span(server.name.as_str(), Tone::Name), "  ".into(), state]);
        page.append(describe(&server.spec));
        page.field("tools", server.tools.to_string());
        page.field("connections", server.connections.to_string());
        let reads = if server.reads_granted { "may be read without asking" } else { "ask" };
        page.field("resources", reads);
    }
    page
}
