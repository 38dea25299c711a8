//! The command line and the environment.

use std::{
    ffi::OsString,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use briefcase_ipc::{AGENT_SOCKET, MissingFolder, Paths, user::UserFolders};
use briefcase_types::{AgentId, IdError, ServerId};
use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  In an MCP client's configuration, as a stdio server:
      {\"command\": \"mcp-gateway\", \"args\": [\"--agent\", \"claude-code\"]}
  Only one server, with its tools under their bare names:
      mcp-gateway --agent claude-code --server github
  Streamable HTTP on this computer, for clients that cannot start programs:
      mcp-gateway --http 127.0.0.1:7780
      URL http://127.0.0.1:7780/mcp, header `Authorization: Bearer <agent token>`
      or, for clients that cannot send headers: http://127.0.0.1:7780/<agent token>/mcp

An agent's token is made with `briefcase agent add NAME`. The gateway never decides anything: briefcased does.";

/// MCP gateway for one agent: offers the tools of all servers in the briefcase, and no keys
#[derive(Debug, Parser)]
#[command(name = "mcp-gateway", version, after_help = EXAMPLES)]
pub(crate) struct GatewayOptions {
    /// Name of the agent; the token is read from CONFIG/agents/NAME.token
    #[arg(long, value_name = "NAME", default_value = "default")]
    agent: String,
    /// File with the agent's token (mode 0600)
    #[arg(long, value_name = "PATH", conflicts_with = "agent")]
    token_file: Option<PathBuf>,
    /// Show only this server, with bare names
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Serve Streamable HTTP on a loopback address instead of stdio
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<String>,
    /// With --http: allow pages of this origin, such as https://inspector.example (repeatable)
    #[arg(long, value_name = "ORIGIN", requires = "http")]
    allow_origin: Vec<String>,
    /// The daemon's agent socket
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Folder with the daemon's sockets [env: BRIEFCASE_RUNTIME_DIR]
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
    /// Folder with settings and agent tokens [env: BRIEFCASE_CONFIG_DIR]
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
    /// Connect to briefcased, print the sockets and files in use as JSON, and exit; exit code 1 without a connection
    #[arg(long, conflicts_with = "http")]
    pub(crate) check: bool,
    /// Log more on standard error
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// The agent's transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http(SocketAddr),
}

/// The validated settings.
#[derive(Clone, Debug)]
pub(crate) struct GatewaySettings {
    pub(crate) mode: Mode,
    pub(crate) socket: PathBuf,
    pub(crate) token_file: PathBuf,
    pub(crate) view: Option<ServerId>,
    pub(crate) origins: Vec<String>,
}

/// The command line or the environment is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error("--agent: {0}")]
    Agent(IdError),
    #[error("--server: {0}")]
    Server(IdError),
    #[error("--http takes a loopback address and a port, such as 127.0.0.1:7780 or [::1]:7780; `{0}` is not one")]
    Address(String),
    #[error(
        "--http binds to 127.0.0.1 or ::1 only; other machines could reach {0}. For remote access, use your own tunnel."
    )]
    NotLoopback(SocketAddr),
    #[error("--allow-origin takes scheme://host[:port] without a path; `{0}` is not one")]
    Origin(String),
    #[error(transparent)]
    Folder(#[from] MissingFolder),
}

impl GatewayOptions {
    /// Validates the command line and the environment. `variable` looks up an environment variable.
    pub(crate) fn settings(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
        user: &UserFolders,
    ) -> Result<GatewaySettings, OptionsError> {
        let agent: AgentId = self.agent.parse().map_err(OptionsError::Agent)?;
        let runtime = || self.runtime_dir.clone().map_or_else(|| Paths::running_folder(&variable, user), Ok);
        let config = || self.config_dir.clone().map_or_else(|| Paths::config_folder(&variable, user), Ok);
        let socket = match &self.socket {
            Some(socket) => socket.clone(),
            None => runtime()?.join(AGENT_SOCKET),
        };
        let token_file = match &self.token_file {
            Some(file) => file.clone(),
            None => Paths::token_file_in(&config()?, &agent),
        };
        let view = self.server.as_deref().map(str::parse).transpose().map_err(OptionsError::Server)?;
        let mode = self.http.as_deref().map_or(Ok(Mode::Stdio), |text| address(text).map(Mode::Http))?;
        let origins = self.allow_origin.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(GatewaySettings { mode, socket, token_file, view, origins })
    }
}

fn address(text: &str) -> Result<SocketAddr, OptionsError> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = text.parse().map_err(|_| OptionsError::Address(text.clone()))?;
    let loopback = address.ip() == Ipv4Addr::LOCALHOST || address.ip() == Ipv6Addr::LOCALHOST;
    if loopback { Ok(address) } else { Err(OptionsError::NotLoopback(address)) }
}

/// Reads an origin as browsers write it. `*` and `null` are rejected.
fn origin(text: &str) -> Result<String, OptionsError> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |host: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    };
    match host {
        Some(host) if plain(host) => Ok(text.to_owned()),
        _ => Err(OptionsError::Origin(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Result<GatewaySettings, OptionsError> {
        let options = GatewayOptions::parse_from([&["mcp-gateway"], arguments].concat());
        let variable = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        options.settings(variable, &UserFolders::default())
    }

    #[test]
    fn folders_follow_own_variables_then_xdg_then_home() {
        let home = settings(&[], &[("HOME", "/h")]).unwrap();
        assert_eq!(home.socket, PathBuf::from("/h/.local/state/briefcase/run/agent.sock"));
        assert_eq!(home.token_file, PathBuf::from("/h/.config/briefcase/agents/default.token"));
        let xdg = [("HOME", "/h"), ("XDG_RUNTIME_DIR", "/r"), ("XDG_CONFIG_HOME", "/c")];
        let xdg = settings(&["--agent", "codex"], &xdg).unwrap();
        assert_eq!(xdg.socket, home.socket, "a client may drop the variable");
        assert_eq!(xdg.token_file, PathBuf::from("/c/briefcase/agents/codex.token"));
        let own = settings(&["--socket", "/s"], &[("BRIEFCASE_CONFIG_DIR", "/b"), ("XDG_CONFIG_HOME", "/c")]).unwrap();
        assert_eq!((own.socket, own.token_file), ("/s".into(), "/b/agents/default.token".into()));
        assert!(matches!(settings(&[], &[]), Err(OptionsError::Folder(_))));
    }

    #[test]
    fn only_loopback_is_served() {
        let http = |text: &str| settings(&["--http", text], &[("HOME", "/h")]).map(|settings| settings.mode);
        assert_eq!(http("localhost:80").unwrap(), Mode::Http(([127, 0, 0, 1], 80).into()));
        assert!(http("[::1]:7780").is_ok());
        for open in ["0.0.0.0:80", "192.168.1.4:80", "[::]:80", "127.0.0.2:80", "[::ffff:127.0.0.1]:80"] {
            assert!(matches!(http(open), Err(OptionsError::NotLoopback(_))), "{open}");
        }
        for nonsense in ["80", "example.com:80", ":80", "127.0.0.1"] {
            assert!(matches!(http(nonsense), Err(OptionsError::Address(_))), "{nonsense}");
        }
    }

    #[test]
    fn names_and_origins_are_checked() {
        let home = &[("HOME", "/h")];
        assert!(matches!(settings(&["--agent", "../x"], home), Err(OptionsError::Agent(_))));
        assert!(matches!(settings(&["--server", "a__b"], home), Err(OptionsError::Server(_))));
        for wrong in ["*", "null", "https://a/b", "ftp://a", "https://", "https://A.example"] {
            let refused = settings(&["--http", "127.0.0.1:1", "--allow-origin", wrong], home);
            assert!(matches!(refused, Err(OptionsError::Origin(_))), "{wrong}");
        }
        GatewayOptions::command().debug_assert();
    }
}
