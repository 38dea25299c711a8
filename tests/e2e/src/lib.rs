//! The starting point of most end-to-end tests: a new briefcase with the real daemon, registered servers, an agent with
//! its token, and clients through the real gateway.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a failed step fails the test")]

mod clock;
pub mod past_state;
pub mod third_party;

use briefcase_testkit::{
    ClientEra, DaemonProcess, ErrorResponse, GatewayProcess, HttpUpstream, McpClient, SetupOptions, SetupResult,
    StdioUpstream, TempHome, output_of,
};
pub use clock::MovedClock;
use serde_json::{Value, json};

/// A running briefcase.
pub struct Scene {
    /// Its folders. They outlive the daemon: fields are dropped in order.
    pub daemon: DaemonProcess,
    /// Passphrase and PIN.
    pub setup: SetupOptions,
    /// The key that opens the vault, and the token of the agent `default`.
    pub made: SetupResult,
    /// The folder of all of it.
    pub home: TempHome,
}

impl Scene {
    /// A new briefcase with the agent `default` and no servers.
    pub async fn new() -> Self {
        Self::with(SetupOptions::default()).await
    }

    /// A new briefcase with this passphrase and PIN.
    pub async fn with(setup: SetupOptions) -> Self {
        Self::at(TempHome::new(), setup).await
    }

    /// A new briefcase in this home.
    pub async fn at(home: TempHome, setup: SetupOptions) -> Self {
        let (daemon, made) = DaemonProcess::new(&home, &setup).await;
        Self { daemon, setup, made, home }
    }

    /// Registers a remote server. The tools in `reads` run without approval.
    pub async fn add_http(&self, name: &str, upstream: &HttpUpstream, reads: &[&str]) -> Value {
        self.daemon.admin.add_server(name, &upstream.spec(), reads, &self.setup.pin).await
    }

    /// Registers a local server. The tools in `reads` run without approval.
    pub async fn add_stdio(&self, name: &str, upstream: &StdioUpstream, reads: &[&str]) -> Value {
        self.daemon.admin.add_server(name, &upstream.spec(), reads, &self.setup.pin).await
    }

    /// Changes the authority with the PIN.
    pub async fn change(&self, change: Value) -> Value {
        self.daemon.admin.change(&change, &self.setup.pin).await
    }

    /// A client of the agent `default` through the gateway over stdio, opened.
    pub async fn client(&self, era: ClientEra) -> McpClient {
        let client = GatewayProcess::stdio(&self.home, &self.made.token, None, era);
        opened(client).await
    }

    /// The same, in a view of one server with bare names.
    pub async fn client_of(&self, server: &str, era: ClientEra) -> McpClient {
        let client = GatewayProcess::stdio(&self.home, &self.made.token, Some(server), era);
        opened(client).await
    }

    /// A client of the agent `default` over stdio that has not sent a message.
    pub fn unopened(&self, server: Option<&str>, era: ClientEra) -> McpClient {
        GatewayProcess::stdio(&self.home, &self.made.token, server, era)
    }

    /// The gateway on a port, for the agent `default`.
    pub async fn gateway(&self) -> GatewayProcess {
        GatewayProcess::http(&self.home, &self.made.token, None).await
    }

    /// The receipts, oldest first, from the admin API.
    pub async fn receipts(&self) -> Vec<Value> {
        let page: Value = self.daemon.admin.get("/v1/receipts?limit=1000").await;
        // The API returns the newest first.
        let mut rows = page["receipts"].as_array().cloned().unwrap_or_default();
        rows.reverse();
        rows
    }

    /// The same briefcase after its daemon was killed and restarted.
    pub async fn after_a_crash(self) -> Self {
        let Self { daemon, setup, made, home } = self;
        daemon.kill().await;
        Self { daemon: Self::restarted(&home, &made).await, setup, made, home }
    }

    /// The stopped daemon of a home, started and unlocked again.
    pub async fn restarted(home: &TempHome, made: &SetupResult) -> DaemonProcess {
        DaemonProcess::start(home, Some(&json!({ "unlock_key": made.unlock_key }))).await
    }

    /// The output of `briefcased fsck --json`.
    pub async fn fsck(home: &TempHome) -> Value {
        let mut command = DaemonProcess::command(home);
        command.args(["fsck", "--json"]);
        let output = output_of(command, b"").await;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!({ "clean": false, "error": told }))
    }

    /// Allows the next approval request once.
    pub async fn allow_next(&self) -> Value {
        let question = self.daemon.admin.question().await;
        let allow = json!({ "decision": "allow", "scope": "once" });
        let (status, body) = self.daemon.admin.decide(&question, &allow, &self.setup.pin).await;
        assert_eq!(status, 200, "{body}");
        question
    }
}

async fn opened(client: McpClient) -> McpClient {
    if let Err(error) = client.open().await {
        panic!("the gateway does not let the client in: {error:?}");
    }
    client
}

/// The refusal code in a response, in the place of its era: a tool result that is an error, or a JSON-RPC error.
pub fn refusal(answer: &Result<Value, ErrorResponse>) -> Option<String> {
    let code =
        |value: &Value| value.pointer("/briefcase/code").or_else(|| value.get("code"))?.as_str().map(str::to_owned);
    match answer {
        Ok(result) if result["isError"] == true => code(&result["structuredContent"]),
        Ok(_) => None,
        Err(error) => code(&error.data),
    }
}

/// Fails unless the response is a refusal with this code.
#[macro_export]
macro_rules! assert_refused {
    ($answer:expr, $code:expr) => {{
        let answer = $answer;
        assert_eq!($crate::refusal(&answer).as_deref(), Some($code), "{answer:?}");
    }};
}

/// Fails if a message with an effect has reached the server.
#[macro_export]
macro_rules! assert_no_effect {
    ($upstream:expr) => {{
        let effects = $upstream.effects();
        assert!(effects.is_empty(), "the server did something: {effects:?}");
    }};
}
