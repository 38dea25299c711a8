//! The gateway as a process.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use tokio::io::{BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::process::lines;
use crate::{ChildProcess, ClientEra, McpClient, TempHome, eventually};

/// A gateway that listens on loopback, killed when dropped.
pub struct GatewayProcess {
    /// The process.
    pub process: ChildProcess,
    _stdin: ChildStdin,
    _stdout: Lines<BufReader<ChildStdout>>,
    address: String,
    token: String,
}

impl GatewayProcess {
    /// Makes a client that starts the gateway and uses its stdin and stdout.
    ///
    /// `server` narrows the view to that server, with bare names.
    pub fn stdio(home: &TempHome, token: &str, server: Option<&str>, era: ClientEra) -> McpClient {
        McpClient::stdio(Self::command(home, token, server), era)
    }

    /// Starts the gateway on a free port.
    pub async fn http(home: &TempHome, token: &str, server: Option<&str>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let mut command = Self::command(home, token, server);
        command.args(["--http", &address]);
        let (process, stdin, stdout) = ChildProcess::start(command);
        eventually("the gateway's port", async || TcpStream::connect(&address).await.ok()).await;
        Self { process, _stdin: stdin, _stdout: lines(stdout), address, token: token.to_owned() }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://127.0.0.1:PORT/mcp`.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The URL for a client that cannot send headers.
    pub fn url_with_token(&self) -> String {
        format!("http://{}/{}/mcp", self.address, self.token)
    }

    /// The `Authorization` header of every request.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Makes a client of the gateway.
    pub fn client(&self, era: ClientEra) -> McpClient {
        McpClient::http(&self.url(), BTreeMap::from([("authorization".into(), self.authorization())]), era)
    }

    /// The program's command for this token's agent and this view.
    pub fn command(home: &TempHome, token: &str, server: Option<&str>) -> Command {
        let file = token_file(home, token);
        let mut command = home.command("mcp-gateway");
        command.arg("--token-file").arg(file);
        if let Some(server) = server {
            command.args(["--server", server]);
        }
        command
    }
}

/// Writes a private file with the agent's token.
fn token_file(home: &TempHome, token: &str) -> PathBuf {
    use std::io::Write;
    let path = home.file(&format!("{}.token", token.chars().skip(4).take(12).collect::<String>()));
    let opened = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    opened.and_then(|mut file| file.write_all(token.as_bytes())).expect("the token can be written");
    path
}
