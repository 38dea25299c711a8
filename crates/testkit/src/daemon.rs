//! The daemon as a process.

use std::process::ExitStatus;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::process::lines;
use crate::{AdminSocket, ChildProcess, TempHome, output_of};

/// The options for a new briefcase.
#[derive(Clone, Debug)]
pub struct SetupOptions {
    /// The passphrase of the vault.
    pub passphrase: String,
    /// The PIN.
    pub pin: String,
}

impl Default for SetupOptions {
    fn default() -> Self {
        Self { passphrase: "correct horse battery staple".into(), pin: "271828".into() }
    }
}

/// The secrets of a new briefcase.
#[derive(Clone, Debug)]
pub struct SetupResult {
    /// The generated unlock key of the vault.
    pub unlock_key: String,
    /// The token of the agent `default`.
    pub token: String,
}

/// A running daemon, killed when dropped.
pub struct DaemonProcess {
    process: ChildProcess,
    _stdin: ChildStdin,
    _stdout: Lines<BufReader<ChildStdout>>,
    /// The daemon's ready message.
    pub ready: Value,
    /// The daemon's admin socket.
    pub admin: AdminSocket,
}

impl DaemonProcess {
    /// Sets up a new briefcase in an empty home, with a running daemon and an unlocked vault.
    pub async fn new(home: &TempHome, setup: &SetupOptions) -> (Self, SetupResult) {
        let made = Self::set_up(home, setup).await;
        let key = json!({ "unlock_key": made.unlock_key });
        (Self::start(home, Some(&key)).await, made)
    }

    /// Sets up a new briefcase in an empty home, with the agent `default`.
    pub async fn set_up(home: &TempHome, setup: &SetupOptions) -> SetupResult {
        let mut command = Self::command(home);
        command.arg("init");
        let wishes = json!({ "passphrase": setup.passphrase, "pin": setup.pin, "unlock_key": true });
        let output = output_of(command, wishes.to_string().as_bytes()).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "the setup failed ({}): {errors}", output.status);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON of the setup");
        let text = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("no {name} in {told}")).to_owned();
        let token = std::fs::read_to_string(text("agent_token_file")).expect("the token of the agent");
        SetupResult { unlock_key: text("unlock_key"), token: token.trim().to_owned() }
    }

    /// Starts the daemon of a home, unlocked with a key such as `{"passphrase":"…"}`, or locked.
    pub async fn start(home: &TempHome, key: Option<&Value>) -> Self {
        Self::try_start(home, key).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Starts the daemon. The error is the daemon's error message.
    pub async fn try_start(home: &TempHome, key: Option<&Value>) -> Result<Self, String> {
        Self::try_start_as(Self::command(home), home, key).await
    }

    /// Starts the daemon through this command, such as a shell that sets limits first. The daemon's arguments are
    /// appended.
    pub async fn try_start_as(mut command: Command, home: &TempHome, key: Option<&Value>) -> Result<Self, String> {
        command.args(["run", "--console-port", "0"]);
        if key.is_some() {
            command.arg("--unlock-stdin");
        }
        let (mut process, mut stdin, stdout) = ChildProcess::start(command);
        if let Some(key) = key {
            // A daemon that stops before reading reports the cause on stderr.
            let _ = stdin.write_all(format!("{key}\n").as_bytes()).await;
        }
        let mut stdout = lines(stdout);
        let line = process.line(&mut stdout).await?;
        let ready: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        assert_eq!(ready["ready"], true, "{line}");
        Ok(Self { process, _stdin: stdin, _stdout: stdout, ready, admin: AdminSocket::new(&home.runtime()) })
    }

    /// The address of the console, `http://localhost:PORT`.
    pub fn console(&self) -> &str {
        self.ready["console"].as_str().expect("an address")
    }

    /// The program's command. Its environment has only the home and `PATH`.
    pub fn command(home: &TempHome) -> Command {
        home.command("briefcased")
    }

    /// Unlocks the vault.
    pub async fn unlock(&self, setup: &SetupOptions) {
        let _: Value = self.admin.post("/v1/unlock", &json!({ "passphrase": setup.passphrase })).await;
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The log output so far.
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks the daemon to end, and waits for it.
    pub async fn stop(mut self) -> ExitStatus {
        self.process.stop().await
    }

    /// Kills the daemon.
    pub async fn kill(mut self) -> ExitStatus {
        self.process.kill().await
    }
}
