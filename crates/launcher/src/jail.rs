//! The launcher that uses `briefcase-jail`.

use std::{borrow::Cow, io, os::fd::AsFd as _, path::PathBuf, time::Duration};

use briefcase_helper_process::{Deadline, HelperError, HelperProcess, HelperProgram, Spawner};
use briefcase_helper_protocol::launch::{LaunchFailure, LaunchReply, LaunchRequest};
use briefcase_ports::{BoxFuture, LaunchCommand, LaunchError, LaunchedChild, Launcher};
use briefcase_types::text::{clip, printable};

use crate::{child::JailedChild, streams::Streams};

pub use briefcase_helper_protocol::launch::JAIL;

/// The time limit from starting the helper to the first instruction of the program. A loaded machine needs seconds.
const DEADLINE: Duration = Duration::from_secs(20);
/// The longest part of a program's name in an error message.
const MAX_NAME_LEN: usize = 200;

/// Starts child processes through `briefcase-jail`.
#[derive(Debug)]
pub struct JailLauncher {
    spawner: Spawner,
    program: HelperProgram,
    deadline: Duration,
    open_files: Option<u64>,
}

impl JailLauncher {
    /// Makes a launcher that uses this helper program.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        let program = HelperProgram { name: JAIL, version: env!("CARGO_PKG_VERSION"), path };
        Ok(Self { spawner: Spawner::new()?, program, deadline: DEADLINE, open_files: None })
    }

    /// Returns the same launcher with another deadline.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Returns the same launcher whose children get this soft limit for open descriptors, instead of the daemon's.
    #[must_use]
    pub const fn with_open_files(mut self, limit: Option<u64>) -> Self {
        self.open_files = limit;
        self
    }

    async fn start(&self, command: &LaunchCommand) -> Result<LaunchedChild, LaunchError> {
        let request = LaunchRequest { open_files: self.open_files, ..request(command)? };
        let deadline = Deadline::within(self.deadline);
        let streams = Streams::new(command.pipes).map_err(|error| refused("standard streams", &error))?;
        let mut helper =
            HelperProcess::start(&self.spawner, &self.program, deadline).await.map_err(|error| self.error(error))?;
        let theirs = streams.theirs.each_ref().map(|stream| stream.as_fd());
        helper.send(&request, &theirs, deadline).await.map_err(|error| self.error(error))?;
        drop(streams.theirs);
        let launching: LaunchReply = helper.receive(deadline).await.map_err(|error| self.error(error))?;
        launching.map_err(|failure| failed(failure, command))?;
        // The socket closes when the program has replaced the helper.
        let failed_exec = helper.receive_or_end::<LaunchReply>(deadline).await.map_err(|error| self.error(error))?;
        if let Some(Err(failure)) = failed_exec {
            return Err(failed(failure, command));
        }
        let (child, spawner) = helper.into_child();
        Ok(LaunchedChild {
            stdin: streams.stdin,
            stdout: streams.stdout,
            stderr: streams.stderr,
            process: Box::new(JailedChild::new(child, spawner)),
        })
    }

    fn error(&self, error: HelperError) -> LaunchError {
        match error {
            HelperError::DeadlineExceeded { .. } => LaunchError::TimedOut(self.deadline),
            HelperError::Missing(_) | HelperError::NotStarted { .. } | HelperError::VersionMismatch { .. } => {
                LaunchError::LauncherUnusable(printable(&error.to_string()))
            }
            error => LaunchError::LauncherFailed(printable(&error.to_string())),
        }
    }
}

impl Launcher for JailLauncher {
    fn launch(&self, command: LaunchCommand) -> BoxFuture<'_, Result<LaunchedChild, LaunchError>> {
        Box::pin(async move { self.start(&command).await })
    }
}

fn request(command: &LaunchCommand) -> Result<LaunchRequest<'_>, LaunchError> {
    if command.argv.is_empty() {
        return Err(LaunchError::NoProgram);
    }
    let cwd = command.cwd.to_str().ok_or_else(|| LaunchError::WorkingDirectory {
        cwd: printable(&command.cwd.to_string_lossy()),
        kind: io::ErrorKind::InvalidInput,
    })?;
    Ok(LaunchRequest {
        argv: command.argv.iter().map(|argument| Cow::Borrowed(&**argument)).collect(),
        env: command.env.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&***value))).collect(),
        cwd: Cow::Borrowed(cwd),
        open_files: None,
    })
}

fn refused(step: &'static str, error: &io::Error) -> LaunchError {
    LaunchError::Refused { step, kind: error.kind() }
}

/// Converts the helper's report to the port's error.
fn failed(failure: LaunchFailure, command: &LaunchCommand) -> LaunchError {
    let error = |errno: i32| io::Error::from_raw_os_error(errno);
    match failure {
        LaunchFailure::Session { errno } => refused("session", &error(errno)),
        LaunchFailure::Descriptors { errno } => refused("file descriptors", &error(errno)),
        LaunchFailure::OpenFiles { errno } => refused("limit for open files", &error(errno)),
        LaunchFailure::WorkingDirectory { errno } => {
            LaunchError::WorkingDirectory { cwd: printable(&command.cwd.to_string_lossy()), kind: error(errno).kind() }
        }
        LaunchFailure::Exec { errno } => {
            let program = command.argv.first().map_or("", String::as_str);
            LaunchError::Program { program: printable(clip(program, MAX_NAME_LEN)), kind: error(errno).kind() }
        }
        _ => LaunchError::LauncherFailed(format!("`{JAIL}` rejected the request")),
    }
}
