//! The daemon as a process.

use std::process::ExitStatus;

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::process::lines;
use crate::{Admin, Home, Process, output_of};

/// What a new briefcase is set up with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Opens the vault.
    pub passphrase: String,
    /// The first factor.
    pub pin: String,
}

impl Default for Setup {
    fn default() -> Self {
        Self { passphrase: "correct horse battery staple".into(), pin: "271828".into() }
    }
}

/// A running daemon. It is killed when dropped.
pub struct Daemon {
    process: Process,
    _stdin: ChildStdin,
    _stdout: Lines<BufReader<ChildStdout>>,
    /// What it said when it was ready.
    pub ready: Value,
    /// Its admin socket.
    pub admin: Admin,
}

impl Daemon {
    /// A new briefcase in an empty home: set up, running, and open.
    pub async fn new(home: &Home, setup: &Setup) -> Self {
        Self::set_up(home, setup).await;
        let daemon = Self::start(home).await;
        daemon.unlock(setup).await;
        daemon
    }

    /// Lays a new briefcase into an empty home.
    pub async fn set_up(home: &Home, setup: &Setup) {
        let mut command = Self::command(home);
        command.args(["setup", "--json"]);
        let input = json!({ "passphrase": setup.passphrase, "pin": setup.pin }).to_string();
        let output = output_of(command, input.as_bytes()).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "the setup failed ({}): {errors}", output.status);
    }

    /// Starts the daemon of a home, locked.
    pub async fn start(home: &Home) -> Self {
        Self::try_start(home).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Starts the daemon, or says why it would not start.
    pub async fn try_start(home: &Home) -> Result<Self, String> {
        let mut command = Self::command(home);
        command.arg("--json");
        let (mut process, stdin, stdout) = Process::start(command);
        let mut stdout = lines(stdout);
        let line = process.line(&mut stdout).await?;
        let ready: Value = serde_json::from_str(&line).map_err(|error| format!("{line}: {error}"))?;
        assert_eq!(ready["ready"], true, "{line}");
        Ok(Self { process, _stdin: stdin, _stdout: stdout, ready, admin: Admin::new(&home.runtime()) })
    }

    /// The program, with nothing in its environment but the home and `PATH`.
    pub fn command(home: &Home) -> Command {
        home.command("briefcased")
    }

    /// Opens the vault.
    pub async fn unlock(&self, setup: &Setup) {
        let _: Value = self.admin.post("/v1/unlock", &json!({ "passphrase": setup.passphrase })).await;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.process.errors()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Asks it to end, and waits for that.
    pub async fn stop(mut self) -> ExitStatus {
        self.process.stop().await
    }

    /// Ends it without a chance to tidy up.
    pub async fn kill(mut self) -> ExitStatus {
        self.process.kill().await
    }
}
