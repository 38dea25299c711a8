//! `briefcase agent`

use std::{io::Write as _, os::unix::fs::DirBuilderExt as _, path::Path};

use briefcase_api::{AgentView, Change};
use briefcase_types::{AgentId, SecretString};
use clap::{Args, Subcommand};

use crate::{
    change,
    failure::Failure,
    moment,
    page::{Page, Tone, span},
    screen::Answer,
    surroundings::Surroundings,
};

const EXAMPLES: &str = "\
Examples:
  briefcase agent add codex       one identity per client: own rules, budget, receipts
  briefcase agent list
  briefcase agent remove codex    its token is void at once";

/// Agents: who may ask for tools
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Agent {
    /// Register an agent; its token goes into a private file, and is shown nowhere
    #[command(after_help = EXAMPLES)]
    Add(Name),
    /// List agents
    #[command(after_help = EXAMPLES)]
    List,
    /// Remove an agent
    #[command(after_help = EXAMPLES)]
    Remove(Name),
}

/// An agent by name.
#[derive(Debug, Args)]
pub struct Name {
    /// The agent: 1 to 32 of a-z, 0-9 and -
    name: AgentId,
}

impl Agent {
    pub async fn run(self, around: &Surroundings) -> Result<Answer, Failure> {
        match self {
            Self::Add(Name { name }) => add(around, name).await,
            Self::List => {
                let agents: Vec<AgentView> = around.client.get("/v1/agents").await?;
                Ok(Answer::new(list(&agents, around), &agents))
            }
            Self::Remove(Name { name }) => {
                let applied = change::confirm(around, Change::RemoveAgent { name: name.clone() }).await?;
                // The token is void whether or not the file goes.
                let _ = std::fs::remove_file(around.paths.token_file(&name));
                Ok(change::answer(&format!("Agent `{name}` removed."), &applied))
            }
        }
    }
}

async fn add(around: &Surroundings, name: AgentId) -> Result<Answer, Failure> {
    let mut applied = change::confirm(around, Change::AddAgent { name: name.clone() }).await?;
    let token = applied.token.take().map(SecretString::new).ok_or_else(|| {
        Failure::new("unavailable", "briefcased made no token.", "Remove the agent and add it again.")
    })?;
    let file = around.paths.token_file(&name);
    write_token(&file, &token)?;
    let mut answer = change::answer(&format!("Agent `{name}` added."), &applied);
    answer.page.field("token file", file.display().to_string());
    answer.page.append(snippets(&name, &gateway(around)));
    if let Some(members) = answer.json.as_object_mut() {
        members.insert("agent".to_owned(), name.as_str().into());
        members.insert("token_file".to_owned(), file.display().to_string().into());
    }
    Ok(answer)
}

/// Where clients find the gateway.
pub fn gateway(around: &Surroundings) -> String {
    around.program("mcp-gateway").map_or_else(|_| "mcp-gateway".to_owned(), |path| path.display().to_string())
}

/// Puts a token into a file of its own that only this user can read, in one step.
pub fn write_token(path: &Path, token: &SecretString) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = tempfile::Builder::new().prefix(".token-").tempfile_in(folder)?;
        token.expose(|token| file.write_all(token.as_bytes()))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| Failure::file(path, &error))
}

/// How clients are pointed at the gateway.
pub fn snippets(agent: &AgentId, gateway: &str) -> Page {
    let mut page = Page::new();
    let json = serde_json::json!({ "mcpServers": { "briefcase": { "args": ["--agent", agent], "command": gateway } } });
    page.blank().heading("Point your client at it (one of these):");
    page.blank().text("  Claude Code");
    page.line(["    ".into(), span(format!("claude mcp add briefcase -- {gateway} --agent {agent}"), Tone::Name)]);
    page.blank().text("  Codex (~/.codex/config.toml)");
    let toml = format!("[mcp_servers.briefcase]\ncommand = {gateway:?}\nargs = [\"--agent\", \"{agent}\"]");
    page.block(&toml, "    ", Tone::Name);
    page.blank().text("  any other client (JSON)");
    page.block(&format!("{json:#}"), "    ", Tone::Name);
    page
}

fn list(agents: &[AgentView], around: &Surroundings) -> Page {
    let now = around.now();
    let mut page = Page::new();
    if agents.is_empty() {
        page.text("No agents.").next("Add one with `briefcase agent add NAME`.");
        return page;
    }
    let row = |agent: &AgentView| {
        let labels = agent.labels.join(", ");
        vec![
            span(agent.name.as_str(), Tone::Name),
            agent.sessions.to_string().into(),
            moment::relative(agent.created, now).into(),
            span(labels, Tone::Warn),
        ]
    };
    page.table(&["AGENT", "SESSIONS", "ADDED", "HAS SEEN"], agents.iter().map(row).collect());
    page
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_file_is_private_also_when_it_replaces_an_open_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agents/codex.token");
        write_token(&path, &SecretString::new("bca_one".into())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_token(&path, &SecretString::new("bca_two".into())).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "bca_two");
    }

    #[test]
    fn snippets_can_be_pasted() {
        insta::assert_snapshot!(snippets(&"codex".parse().unwrap(), "/opt/briefcase/mcp-gateway").render(false));
    }
}
