//! A child process and everything it starts: one process group that ends with its connection.

use std::{path::Path, process::Stdio, time::Duration};

use briefcase_ports::UpstreamFailure;
use briefcase_types::text::{clip, printable};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use crate::{Directory, EnvValue, Surroundings, credentials::env_value};

/// How long a child may take to end by itself, and again after it was asked to.
const GRACE: Duration = Duration::from_secs(2);

/// A running child. When dropped it gets a moment to end by itself, then its whole group is ended.
pub(crate) struct Running {
    child: Option<Child>,
    group: Option<Pid>,
    farewells: TaskTracker,
}

/// Its pipes.
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

/// What to start, and in which surroundings.
pub(crate) struct Start<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) env: &'a [(String, EnvValue)],
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) directory: &'a dyn Directory,
    pub(crate) farewells: &'a TaskTracker,
}

impl Start<'_> {
    /// Starts the child: this program with these arguments, no shell, and an environment that holds only what is named here.
    pub(crate) fn spawn(&self) -> Result<(Running, Pipes), UpstreamFailure> {
        let unreachable = |text: &str| UpstreamFailure::Unreachable(text.to_owned());
        let mut command = self.command()?;
        let mut child = command.spawn().map_err(|error| {
            let program = printable(clip(self.argv.first().map_or("", String::as_str), 200));
            UpstreamFailure::Unreachable(format!("`{program}` cannot be started: {}", error.kind()))
        })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Running { child: Some(child), group, farewells: self.farewells.clone() };
        match pipes {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((running, Pipes { stdin, stdout, stderr })),
            _ => Err(unreachable("the child has no pipes")),
        }
    }

    fn command(&self) -> Result<Command, UpstreamFailure> {
        let (program, arguments) =
            self.argv.split_first().ok_or_else(|| UpstreamFailure::NotReady("the server has no command".into()))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", &self.surroundings.path)
            .env("HOME", &self.surroundings.home)
            .env("LANG", &self.surroundings.lang)
            .current_dir(self.cwd.unwrap_or(&self.surroundings.home))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for (name, value) in self.env {
            command.env(name, &*env_value(self.directory, value)?);
        }
        Ok(command)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        let group = self.group;
        match tokio::runtime::Handle::try_current() {
            Ok(_) => drop(self.farewells.spawn(end(child, group))),
            Err(_) => signal(group, Signal::KILL),
        }
    }
}

/// Its standard input is closed by now, which is how MCP says goodbye.
async fn end(mut child: Child, group: Option<Pid>) {
    if timeout(GRACE, child.wait()).await.is_err() {
        signal(group, Signal::TERM);
        let _late = timeout(GRACE, child.wait()).await;
    }
    signal(group, Signal::KILL);
    let _status = child.wait().await;
}

/// Nobody left in the group is no failure.
fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _gone = kill_process_group(group, signal);
    }
}
