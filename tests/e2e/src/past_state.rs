//! State folders of earlier versions in `vectors/state/VERSION`, and the program that writes one.
//!
//! Invariant: a folder, once committed, never changes. Every later version opens it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use briefcase_testkit::{
    ClientEra, DaemonProcess, GatewayProcess, Script, SetupOptions, SetupResult, StdioUpstream, TempHome, mock::tool,
};
use serde_json::{Value, json};

use crate::Scene;

/// The files of a state folder.
pub const FILES: [&str; 5] = ["briefcase.db", "head", "identity.json", "log-key.sealed", "vault.json"];

/// The secret in the state, which its server must receive.
pub const SECRET: &str = "canary-of-an-earlier-version";

/// The policy in the state, in addition to the policies of `init`.
pub const POLICY: &str =
    "\n@id(\"kept-across-versions\")\nforbid (principal, action == Action::\"mock/forbidden\", resource);\n";

/// A committed state, with the data to use it.
pub struct PastState {
    /// A home with a copy of the state.
    pub home: TempHome,
    /// The server named `mock` in the state.
    pub upstream: StdioUpstream,
    /// PIN and passphrase.
    pub setup: SetupOptions,
    /// Unlock key and agent token.
    pub made: SetupResult,
    /// The counts at the time of writing: `receipts`, `authority_version`, `spent`.
    pub expected: Value,
}

/// `vectors/state`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/state")
}

/// The versions with a state, sorted by name.
pub fn versions() -> Vec<String> {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

impl PastState {
    /// Copies the state of `version` into a new home.
    pub fn of(version: &str) -> Self {
        let from = folder().join(version);
        let home = TempHome::new();
        for name in FILES {
            let to = home.state().join(name);
            fs::copy(from.join(name), &to).unwrap_or_else(|error| panic!("{version}/{name}: {error}"));
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap_or_else(|error| panic!("{error}"));
        }
        let about = fs::read(from.join("about.json")).unwrap_or_else(|error| panic!("{version}/about.json: {error}"));
        let about: Value = serde_json::from_slice(&about).unwrap_or_else(|error| panic!("{error}"));
        let text = |name: &str| about[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        let upstream = server(&home);
        Self {
            upstream,
            setup: SetupOptions { passphrase: text("passphrase"), pin: text("pin") },
            made: SetupResult { unlock_key: text("unlock_key"), token: text("agent_token") },
            expected: about["expected"].clone(),
            home,
        }
    }

    /// Starts the present daemon on it, unlocked.
    pub async fn open(self) -> (Scene, StdioUpstream, Value) {
        let daemon = start(&self.home, &self.made).await.unwrap_or_else(|why| panic!("{why}"));
        let Self { home, upstream, setup, made, expected } = self;
        (Scene { daemon, setup, made, home }, upstream, expected)
    }
}

/// Starts the daemon with the programs of this build on its `PATH`, where it finds `mock`.
pub async fn start(home: &TempHome, made: &SetupResult) -> Result<DaemonProcess, String> {
    let key = json!({ "unlock_key": made.unlock_key });
    let mut command = DaemonProcess::command(home);
    let programs = briefcase_testkit::program("mock-upstream");
    let mut path = programs.parent().map(Path::to_path_buf).unwrap_or_default().into_os_string();
    path.push(":/usr/local/bin:/usr/bin:/bin");
    command.env("PATH", path);
    DaemonProcess::try_start_as(command, home, Some(&key)).await
}

/// The server of the state. Its program is found by name and its files by `HOME`, so the state works on any machine.
fn spec() -> Value {
    let script = "exec mock-upstream \"$HOME/../mock.script.json\" \"$HOME/../mock.effects\"";
    json!({ "transport": "stdio", "argv": ["/bin/sh", "-c", script], "secret_env": { "MOCK_TOKEN": "mock-token" } })
}

fn server(home: &TempHome) -> StdioUpstream {
    StdioUpstream::new(home, "mock", &Script::with_tools(vec![tool("look"), tool("change"), tool("forbidden")]))
}

/// Uses a new briefcase like a person, and writes its state into `into`.
pub async fn write(into: &Path) {
    let (home, setup) = (TempHome::new(), SetupOptions::default());
    let made = DaemonProcess::set_up(&home, &setup).await;
    let upstream = server(&home);
    let daemon = start(&home, &made).await.unwrap_or_else(|why| panic!("{why}"));
    let scene = Scene { daemon, setup, made, home };
    let admin = &scene.daemon.admin;
    scene.change(json!({ "change": "set_secret", "name": "mock-token", "value": SECRET })).await;
    admin.add_server("mock", &spec(), &["look"], &scene.setup.pin).await;
    let policy: Value = admin.get("/v1/policy").await;
    let text = format!("{}{POLICY}", policy["text"].as_str().unwrap_or_default());
    scene.change(json!({ "change": "set_policy", "text": text })).await;
    let budget = json!({ "change": "set_budget", "agent": "default", "window": "all", "limit": "100" });
    scene.change(budget).await;
    scene.change(json!({ "change": "add_agent", "name": "second" })).await;
    use_it(&scene).await;
    assert!(!upstream.effects().is_empty(), "the server was called");
    lay_down(scene, into).await;
}

/// One call of each kind: allowed, approved once, approved by a rule, denied by a person, refused by policy.
async fn use_it(scene: &Scene) {
    let client = GatewayProcess::stdio(&scene.home, &scene.made.token, None, ClientEra::Legacy);
    if let Err(error) = client.open().await {
        panic!("{error:?}");
    }
    let call = async |name: &str, value: u8| {
        let params = json!({ "name": name, "arguments": { "value": value } });
        client.start("tools/call", params).await
    };
    let allowed = call("mock__look", 1).await;
    assert!(client.answer(allowed).await.is_ok());
    let rule = json!({ "decision": "allow", "scope": "rule", "fixed": ["value"], "seconds": 86_400 });
    // The denial is last: it closes the tool to the agent for a while.
    let once = json!({ "decision": "allow", "scope": "once" });
    for (value, decision) in [(2, once), (3, rule), (4, json!({ "decision": "deny" }))] {
        let waiting = call("mock__change", value).await;
        let question = scene.daemon.admin.question().await;
        let (status, body) = scene.daemon.admin.decide(&question, &decision, &scene.setup.pin).await;
        assert_eq!(status, 200, "{body}");
        let _ = client.answer(waiting).await;
    }
    let refused = call("mock__forbidden", 5).await;
    assert_eq!(crate::refusal(&client.answer(refused).await).as_deref(), Some("denied"));
}

async fn lay_down(scene: Scene, into: &Path) {
    let status: Value = scene.daemon.admin.get("/v1/status").await;
    let budgets: Value = scene.daemon.admin.get("/v1/budgets").await;
    let Scene { daemon, setup, made, home } = scene;
    assert!(daemon.stop().await.success());
    let copied = fs::create_dir_all(into)
        .and_then(|()| FILES.iter().try_for_each(|name| fs::copy(home.state().join(name), into.join(name)).map(drop)));
    copied.unwrap_or_else(|error| panic!("{}: {error}", into.display()));
    let about = json!({
        "note": "Test keys, published on purpose. They open nothing but this state.",
        "unlock_key": made.unlock_key, "passphrase": setup.passphrase, "pin": setup.pin, "agent_token": made.token,
        "expected": {
            "receipts": status["receipts"], "authority_version": status["authority_version"], "budgets": budgets,
        },
    });
    let text = serde_json::to_string_pretty(&about).unwrap_or_default();
    fs::write(into.join("about.json"), format!("{text}\n")).unwrap_or_else(|error| panic!("{error}"));
}
