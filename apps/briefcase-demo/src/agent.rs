//! The agent of the demo: an MCP client of `mcp-gateway` over stdin and stdout, like Claude Code or Codex.

use std::process::Stdio;

use briefcase::{context::CommandContext, failure::Failure};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

const VERSION: &str = "2025-11-25";

/// A connected agent. Its gateway ends with it.
pub struct DemoAgent {
    _gateway: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    next: u64,
}

/// The result of a call.
#[derive(Debug)]
pub struct CallResult {
    /// The text of the answer, as the model reads it.
    pub text: String,
    /// The refusal's code, if it was refused.
    pub refused: Option<String>,
}

impl DemoAgent {
    /// Starts a gateway and initializes the MCP session.
    pub async fn connect(ctx: &CommandContext) -> Result<Self, Failure> {
        let mut command = ctx.command("mcp-gateway")?;
        command.args(["--agent", "demo"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut gateway = command.kill_on_drop(true).spawn()?;
        let (Some(stdin), Some(stdout)) = (gateway.stdin.take(), gateway.stdout.take()) else {
            return Err(gateway_ended());
        };
        let mut agent = Self { _gateway: gateway, stdin, stdout: BufReader::new(stdout).lines(), next: 1 };
        let hello = json!({
            "protocolVersion": VERSION,
            "capabilities": {},
            "clientInfo": { "name": "briefcase-demo-agent", "version": env!("CARGO_PKG_VERSION") },
        });
        agent.request("initialize", hello).await?;
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
        Ok(agent)
    }

    /// The names of the offered tools.
    pub async fn tools(&mut self) -> Result<Vec<String>, Failure> {
        let listed = self.request("tools/list", json!({})).await?;
        let tools = listed.get("tools").and_then(Value::as_array).into_iter().flatten();
        Ok(tools.filter_map(|tool| tool.get("name").and_then(Value::as_str).map(str::to_owned)).collect())
    }

    /// Calls a tool, and again while the call waits for approval.
    pub async fn call(&mut self, tool: &str, arguments: &Value) -> Result<CallResult, Failure> {
        loop {
            // A progress token announces that this client waits longer.
            let meta = json!({ "progressToken": format!("call-{}", self.next) });
            let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
            let result = self.request("tools/call", params).await?;
            let refused = result.pointer("/structuredContent/code").and_then(Value::as_str);
            let refused = refused.filter(|_| result.get("isError") == Some(&Value::Bool(true))).map(str::to_owned);
            if refused.as_deref() == Some("approval_required") {
                continue;
            }
            let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned();
            return Ok(CallResult { text, refused });
        }
    }

    async fn request(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.next;
        self.next = id.saturating_add(1);
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await?;
        while let Some(line) = self.stdout.next_line().await? {
            let message: Value = serde_json::from_str(&line).unwrap_or_default();
            if message.get("id").and_then(Value::as_u64) != Some(id) || message.get("method").is_some() {
                continue;
            }
            if let Some(error) = message.get("error") {
                let text = error.get("message").and_then(Value::as_str).unwrap_or("no reason");
                return Err(Failure::new("unavailable", format!("The gateway answered `{method}`: {text}."), ""));
            }
            return Ok(message.get("result").cloned().unwrap_or_default());
        }
        Err(gateway_ended())
    }

    async fn send(&mut self, message: &Value) -> Result<(), Failure> {
        let line = format!("{message}\n");
        self.stdin.write_all(line.as_bytes()).await.map_err(|_| gateway_ended())
    }
}

fn gateway_ended() -> Failure {
    Failure::new("unavailable", "The gateway ended.", "Run `mcp-gateway --help`; install all programs of one version.")
}
