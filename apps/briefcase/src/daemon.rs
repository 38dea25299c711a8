//! Starting and stopping briefcased.
//!
//! Invariant: what opens the vault goes from the terminal to the daemon's stdin, and nowhere else.

use std::{
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    process::{Output, Stdio},
    time::Duration,
};

use briefcase_api::Unlock;
use briefcase_ipc::Paths;
use briefcase_types::SecretString;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::Child,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{client::is_not_running, context::CommandContext, failure::Failure};

const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(30);
const LOG: &str = "briefcased.log";

/// What the daemon says when it is ready.
#[derive(Clone, Debug, Deserialize, serde::Serialize)]
pub struct Ready {
    /// `ready` or `locked`.
    pub state: String,
    /// The console's address.
    pub console: String,
    /// Its process id.
    pub pid: u32,
}

/// How to start it.
#[derive(Default)]
pub struct Start<'a> {
    /// What opens the vault; without it the daemon starts locked.
    pub secret: Option<&'a SecretString>,
    /// The console's port, if not the usual one.
    pub console_port: Option<u16>,
    /// It ends with this program.
    pub attached: bool,
}

/// A typed text as what it is: a generated key has its own form.
pub fn unlock_of(secret: &SecretString) -> Unlock {
    secret.expose(|text| {
        let text = text.trim();
        let prefix = text.get(..10).unwrap_or_default();
        if prefix.eq_ignore_ascii_case("BRIEFCASE-") {
            Unlock::UnlockKey(text.to_owned())
        } else {
            Unlock::Passphrase(text.to_owned())
        }
    })
}

/// Wipes what opened a vault.
pub fn wipe(unlock: Unlock) {
    match unlock {
        Unlock::Passphrase(mut text) | Unlock::UnlockKey(mut text) => text.zeroize(),
    }
}

/// Starts it, and waits until it serves.
pub async fn start(ctx: &CommandContext, how: Start<'_>) -> Result<(Ready, Child), Failure> {
    let paths = &ctx.paths;
    let mut command = ctx.command("briefcased")?;
    command.arg("run").kill_on_drop(how.attached);
    if how.secret.is_some() {
        command.arg("--unlock-stdin");
    }
    if let Some(port) = how.console_port {
        command.args(["--console-port", &port.to_string()]);
    }
    let log = open_log(paths)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).process_group(0);
    let mut child = command.spawn()?;
    if let (Some(mut stdin), Some(secret)) = (child.stdin.take(), how.secret) {
        let unlock = unlock_of(secret);
        let line = crate::client::json(&unlock)?;
        wipe(unlock);
        // A daemon that does not start says why in its log.
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

/// Runs `briefcased` to its end, with something on its stdin.
pub async fn output(ctx: &CommandContext, args: &[&str], input: &Zeroizing<Vec<u8>>) -> Result<Output, Failure> {
    let mut command = ctx.command("briefcased")?;
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why on stderr.
        let _ = stdin.write_all(input).await;
    }
    Ok(child.wait_with_output().await?)
}

/// The same where it has to succeed; gives what it printed.
pub async fn run(ctx: &CommandContext, args: &[&str], input: &Zeroizing<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let output = output(ctx, args, input).await?;
    if output.status.success() { Ok(output.stdout) } else { Err(ended(&output)) }
}

/// What briefcased said on its way out.
pub fn ended(output: &Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    told(said.trim().trim_start_matches("briefcased: "))
}

fn told(reason: &str) -> Failure {
    if reason.contains("there is a briefcase already") {
        let next = "Start it with `briefcase up`. To start again, move that folder away first.";
        return Failure::new("already_set_up", format!("{reason}."), next);
    }
    let next = "Correct that, then run the same command again.";
    Failure::new("failed", format!("{reason}."), next)
}

/// Asks the running daemon to end, and waits for that. `false` when none runs.
pub async fn stop(ctx: &CommandContext) -> Result<bool, Failure> {
    let peer = match ctx.client.peer().await {
        Ok(peer) => peer,
        Err(failure) if is_not_running(&failure) => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let pid = peer.pid().and_then(Pid::from_raw).ok_or_else(|| {
        Failure::new(
            "unavailable",
            "The system does not say which process serves the socket.",
            "Stop `briefcased` by hand.",
        )
    })?;
    kill_process(pid, Signal::TERM).map_err(io::Error::from)?;
    let ended = async {
        while peer.is_alive() != Some(false) && ctx.client.peer().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(STOP_MAX, ended).await.map(|()| true).map_err(|_| {
        let text =
            format!("briefcased (process {}) did not end within {} s.", pid.as_raw_nonzero(), STOP_MAX.as_secs());
        Failure::new("unavailable", text, "See its log in the state folder.")
    })
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

/// Why it did not start, from the end of its log.
fn did_not_start(paths: &Paths) -> Failure {
    let path = paths.state.join(LOG);
    let log = std::fs::read_to_string(&path).unwrap_or_default();
    let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_is_told_from_a_passphrase() {
        let unlock = |text: &str| unlock_of(&SecretString::new(text.to_owned()));
        assert!(
            matches!(unlock(" briefcase-ABCDEFG-ABCDEFG\n"), Unlock::UnlockKey(key) if key.starts_with("briefcase-"))
        );
        assert!(matches!(unlock("correct horse battery staple"), Unlock::Passphrase(_)));
        assert!(matches!(unlock("ééééé"), Unlock::Passphrase(_)));
    }
}
