//! The port that starts child processes.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::BoxFuture;

/// A program to start. Only what is named here reaches it.
pub struct LaunchCommand {
    /// Program and arguments, exactly; no shell reads them. A program without a slash is looked for in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, Zeroizing<String>)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// Whether standard input and output are pipes. They are socket pairs otherwise, which no other process can open.
    pub pipes: bool,
}

/// A running child and the daemon's ends of its standard streams.
pub struct LaunchedChild {
    /// The stream that the child reads.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// The stream that the child writes its messages to.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// The stream that the child writes its log to.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// The process.
    pub process: Box<dyn ChildProcess>,
}

/// A child process and everything it started in its group. The child is killed when this is dropped.
pub trait ChildProcess: Send {
    /// Waits until the child has ended. Returns its status where the operating system reports one.
    fn wait(&mut self) -> BoxFuture<'_, Option<ExitStatus>>;

    /// Asks the whole group to end (SIGTERM).
    fn terminate(&self);

    /// Ends the whole group (SIGKILL).
    fn kill(&self);
}

/// Why a child did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The launcher cannot be used until a person repairs the installation; the text says how.
    #[error("{0}")]
    LauncherUnusable(String),
    /// The launcher failed.
    #[error("{0}")]
    LauncherFailed(String),
    /// The launcher did not start the child in time.
    #[error("the program was not started within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The command names no program.
    #[error("the server has no command")]
    NoProgram,
    /// The working directory cannot be used.
    #[error("the working directory `{cwd}` cannot be used: {kind}")]
    WorkingDirectory {
        /// The directory.
        cwd: String,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The program cannot be run.
    #[error("`{program}` cannot be started: {kind}")]
    Program {
        /// The program.
        program: String,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
    /// The operating system refused a step of the start.
    #[error("the {step} of the program cannot be set up: {kind}")]
    Refused {
        /// The step.
        step: &'static str,
        /// The operating system's reason.
        kind: io::ErrorKind,
    },
}

/// Starts child processes.
///
/// Each child dies with the daemon, and so does its process group, however the daemon ends. A child runs in a session and
/// process group of its own, and inherits no descriptor but its three streams.
pub trait Launcher: Send + Sync {
    /// Starts a program. Returns when the program runs, or with the reason why it does not.
    fn launch(&self, command: LaunchCommand) -> BoxFuture<'_, Result<LaunchedChild, LaunchError>>;
}
