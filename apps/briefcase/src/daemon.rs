//! Starting and stopping briefcased.
//!
//! Invariant: the passphrase or unlock key goes from the terminal to the daemon's stdin, and nowhere else.

use std::{
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    process::{Output, Stdio},
    time::Duration,
};

use briefcase_admin_client::UnlockBody;
use briefcase_ipc::Paths;
use briefcase_types::SecretString;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Child,
};
use zeroize::Zeroizing;

use crate::{context::CommandContext, failure::Failure};

const START_MAX: Duration = Duration::from_secs(60);
const LOG: &str = "briefcased.log";

/// The line that the daemon prints when it serves.
#[derive(Clone, Debug, Deserialize, serde::Serialize)]
pub struct DaemonReady {
    /// `ready` or `locked`.
    pub state: String,
    /// The console's address.
    pub console: String,
    /// Its process id.
    pub pid: u32,
}

/// The options of a start.
#[derive(Default)]
pub struct DaemonStart<'a> {
    /// The passphrase or unlock key; without one the daemon starts locked.
    pub secret: Option<&'a SecretString>,
    /// The console's port, if not the default one.
    pub console_port: Option<u16>,
    /// Whether the daemon ends with this program.
    pub attached: bool,
}

/// Starts the daemon, and waits until it serves.
pub async fn start(ctx: &CommandContext, start: DaemonStart<'_>) -> Result<(DaemonReady, Child), Failure> {
    let paths = &ctx.paths;
    let mut command = ctx.command("briefcased")?;
    command.arg("run").kill_on_drop(start.attached);
    if start.secret.is_some() {
        command.arg("--unlock-stdin");
    }
    if let Some(port) = start.console_port {
        command.args(["--console-port", &port.to_string()]);
    }
    let log = open_log(paths)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).process_group(0);
    let mut child = command.spawn()?;
    if let (Some(mut stdin), Some(secret)) = (child.stdin.take(), start.secret) {
        let line = UnlockBody::of(secret).json()?;
        // A daemon that does not start writes the reason into its log.
        let _ = stdin.write_all(&line).await;
        let _ = stdin.write_all(b"\n").await;
    }
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout.take(64 * 1024));
        let _ = tokio::time::timeout(START_MAX, lines.read_line(&mut line)).await;
    }
    match serde_json::from_str(&line) {
        Ok(ready) => Ok((ready, child)),
        Err(_) => {
            let _ = child.kill().await;
            Err(did_not_start(paths))
        }
    }
}

/// Runs `briefcased` to its end, with `input` on its stdin.
pub async fn output(ctx: &CommandContext, args: &[&str], input: &Zeroizing<Vec<u8>>) -> Result<Output, Failure> {
    let mut command = ctx.command("briefcased")?;
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading writes the reason to stderr.
        let _ = stdin.write_all(input).await;
    }
    Ok(child.wait_with_output().await?)
}

/// Runs `briefcased` to its end, and returns its output. An exit code other than 0 is a failure.
pub async fn run(ctx: &CommandContext, args: &[&str], input: &Zeroizing<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let output = output(ctx, args, input).await?;
    if output.status.success() { Ok(output.stdout) } else { Err(ended(&output)) }
}

/// The failure that an ended `briefcased` reported.
pub fn ended(output: &Output) -> Failure {
    let reason = String::from_utf8_lossy(&output.stderr);
    failed(reason.trim().trim_start_matches("briefcased: "))
}

fn failed(reason: &str) -> Failure {
    if reason.contains("there is a briefcase already") {
        let next = "Start it with `briefcase up`. To start again, move that folder away first.";
        return Failure::new("already_set_up", format!("{reason}."), next);
    }
    let next = "Correct that, then run the same command again.";
    Failure::new("failed", format!("{reason}."), next)
}

fn open_log(paths: &Paths) -> Result<std::fs::File, Failure> {
    let state = &paths.state;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state);
    made.map_err(|error| Failure::file(state, &error))?;
    let path = state.join(LOG);
    let mut options = std::fs::File::options();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.open(&path).map_err(|error| Failure::file(&path, &error))
}

/// The failure of a start, from the end of the daemon's log.
fn did_not_start(paths: &Paths) -> Failure {
    let path = paths.state.join(LOG);
    let log = std::fs::read_to_string(&path).unwrap_or_default();
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("its log is empty");
    let reason = last.trim_start_matches("briefcased: ");
    let text = format!("briefcased did not start: {reason}.");
    let (code, next) = if reason.contains("does not open") {
        ("wrong_key", "Type the passphrase or unlock key again.".to_owned())
    } else if reason.contains("already running") {
        ("already_running", "See `briefcase status`.".to_owned())
    } else if reason.contains("console's port") {
        ("unavailable", "Choose another port: `briefcase up --console-port 0`.".to_owned())
    } else if reason.contains("set up") || reason.contains("no briefcase") {
        ("not_set_up", "Run `briefcase setup`.".to_owned())
    } else {
        ("unavailable", format!("Its log is {}.", path.display()))
    };
    Failure::new(code, text, next)
}
