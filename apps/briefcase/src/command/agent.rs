//! `briefcase agent`

use std::{io::Write as _, os::unix::fs::DirBuilderExt as _, path::Path};

use briefcase_api::{AgentView, Change};
use briefcase_types::{AgentId, SecretString};
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
  briefcase agent add codex       one identity per client: own rules, budget, receipts
  briefcase agent list
  briefcase agent remove codex    its token is void at once";

/// Manage agents
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
    pub async fn run(self, ctx: &CommandContext) -> Result<CommandResult, Failure> {
        match self {
            Self::Add(Name { name }) => add(ctx, name).await,
            Self::List => {
                let agents = ctx.client.agents().await?;
                Ok(CommandResult::new(list(&agents, ctx), &agents))
            }
            Self::Remove(Name { name }) => {
                let applied = change::confirm(ctx, Change::RemoveAgent { name: name.clone() }).await?;
                // The token is void whether or not the file is removed.
                let _ = std::fs::remove_file(ctx.paths.token_file(&name));
                Ok(change::answer(&format!("Agent `{name}` removed."), &applied))
            }
        }
    }
}

async fn add(ctx: &CommandContext, name: AgentId) -> Result<CommandResult, Failure> {
    let mut applied = change::confirm(ctx, Change::AddAgent { name: name.clone() }).await?;
    let token = applied.token.take().map(SecretString::new).ok_or_else(|| {
        Failure::new("unavailable", "briefcased created no token.", "Remove the agent and add it again.")
    })?;
    let file = ctx.paths.token_file(&name);
    write_token(&file, &token)?;
    let mut answer = change::answer(&format!("Agent `{name}` added."), &applied);
    answer.output.field("token file", file.display().to_string());
    answer.output.append(snippets(&gateway(ctx), &gateway_arguments(ctx, &name)));
    if let Some(members) = answer.json.as_object_mut() {
        members.insert("agent".to_owned(), name.as_str().into());
        members.insert("token_file".to_owned(), file.display().to_string().into());
    }
    Ok(answer)
}

/// The path of the gateway, for clients.
pub fn gateway(ctx: &CommandContext) -> String {
    ctx.program("mcp-gateway").map_or_else(|_| "mcp-gateway".to_owned(), |path| path.display().to_string())
}

/// The gateway's arguments in a client's configuration. A folder is named only if a gateway with an empty environment
/// would not find it, because clients pass on few variables.
pub fn gateway_arguments(ctx: &CommandContext, agent: &AgentId) -> Vec<String> {
    let mut arguments = vec!["--agent".to_owned(), agent.to_string()];
    let default = ctx.default_paths.as_ref();
    for (option, folder, default) in [
        ("--runtime-dir", &ctx.paths.runtime, default.map(|paths| &paths.runtime)),
        ("--config-dir", &ctx.paths.config, default.map(|paths| &paths.config)),
    ] {
        if default != Some(folder) {
            arguments.extend([option.to_owned(), folder.display().to_string()]);
        }
    }
    arguments
}

/// Writes a token into a file that only this user can read, atomically.
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

/// Configuration snippets for clients of the gateway.
pub fn snippets(gateway: &str, arguments: &[String]) -> TextOutput {
    let mut output = TextOutput::new();
    let json = serde_json::json!({ "mcpServers": { "briefcase": { "args": arguments, "command": gateway } } });
    let words = std::iter::once(gateway).chain(arguments.iter().map(String::as_str)).map(shell_word);
    let command = words.collect::<Vec<_>>().join(" ");
    output.blank().heading("Connect your client (one of these):");
    output.blank().text("  Claude Code");
    output.line(["    ".into(), span(format!("claude mcp add --scope user briefcase -- {command}"), Tone::Name)]);
    output.blank().text("  Codex (~/.codex/config.toml)");
    let toml = format!("[mcp_servers.briefcase]\ncommand = {gateway:?}\nargs = {arguments:?}");
    output.block(&toml, "    ", Tone::Name);
    output.blank().text("  any other client (JSON)");
    output.block(&format!("{json:#}"), "    ", Tone::Name);
    output
}

/// A word that a shell reads as itself.
fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn list(agents: &[AgentView], ctx: &CommandContext) -> TextOutput {
    let now = ctx.now();
    let mut output = TextOutput::new();
    if agents.is_empty() {
        output.text("No agents.").next("Add one with `briefcase agent add NAME`.");
        return output;
    }
    let row = |agent: &AgentView| {
        let labels = agent.labels.join(", ");
        vec![
            span(agent.name.as_str(), Tone::Name),
            agent.sessions.to_string().into(),
            time_format::relative(agent.created, now).into(),
            span(labels, Tone::Warn),
        ]
    };
    output.table(&["AGENT", "SESSIONS", "ADDED", "LABELS"], agents.iter().map(row).collect());
    output
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
    fn a_shell_reads_each_word_as_itself() {
        for (word, quoted) in [
            ("/opt/b/mcp-gateway", "/opt/b/mcp-gateway"),
            ("/my tools/g", "'/my tools/g'"),
            ("", "''"),
            ("a'b", r"'a'\''b'"),
        ] {
            assert_eq!(shell_word(word), quoted);
        }
    }

    #[test]
    fn snippets_can_be_pasted() {
        insta::assert_snapshot!(
            snippets("/opt/briefcase/mcp-gateway", &["--agent".to_owned(), "codex".to_owned()]).render(false)
        );
    }
}
