//! A child process with collected output, killed when dropped.

use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::WAIT;

/// A running program.
pub struct ChildProcess {
    name: String,
    child: Child,
    errors: Arc<Mutex<Vec<u8>>>,
    collecting: Option<tokio::task::JoinHandle<()>>,
}

impl ChildProcess {
    /// Starts a program with piped stdin and stdout, and collects its stderr. Its environment has only `PATH` and the
    /// variables that `command` sets.
    pub fn start(mut command: Command) -> (Self, ChildStdin, ChildStdout) {
        let name = command.as_std().get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        let errors = Arc::<Mutex<Vec<u8>>>::default();
        let stderr = child.stderr.take().expect("a pipe");
        let collecting = Some(tokio::spawn(collect(stderr, Arc::clone(&errors))));
        let (stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        (Self { name, child, errors, collecting }, stdin, stdout)
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// The stderr output so far.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors.lock().expect("not poisoned")).into_owned()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(id) = self.child.id() {
            let id = i32::try_from(id).expect("a process id");
            kill_process(Pid::from_raw(id).expect("not zero"), signal).expect("the process is ours");
        }
    }

    /// Asks the process to end, and waits for it.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.exited().await
    }

    /// Kills the process and waits for it.
    pub async fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.exited().await
    }

    /// Waits until the process has ended.
    pub async fn exited(&mut self) -> ExitStatus {
        match tokio::time::timeout(WAIT, self.child.wait()).await {
            Ok(status) => {
                // The last output may still be in the pipe, which a grandchild may keep open.
                if let Some(collecting) = self.collecting.take() {
                    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), collecting).await;
                }
                status.expect("a child of ours")
            }
            Err(_) => panic!("{} did not end within {WAIT:?}. It said:\n{}", self.name, self.errors()),
        }
    }

    /// The next line of stdout. The error is the stderr output.
    pub async fn line(&mut self, lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String, String> {
        match tokio::time::timeout(WAIT, lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(_) => {
                let status = self.exited().await;
                Err(format!("{} ended ({status}) without a word. On stderr:\n{}", self.name, self.errors()))
            }
            Err(_) => Err(format!("{} printed nothing within {WAIT:?}. On stderr:\n{}", self.name, self.errors())),
        }
    }
}

/// Lines of a child's stdout.
pub fn lines(stdout: ChildStdout) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(stdout).lines()
}

async fn collect(mut from: impl AsyncRead + Unpin, into: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        into.lock().expect("not poisoned").extend(buffer.iter().take(read));
    }
}

/// Runs a program to its end, with `input` on its stdin.
pub async fn output_of(mut command: Command, input: &[u8]) -> Output {
    use tokio::io::AsyncWriteExt;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    // A program that ends without reading is fine.
    let _ = stdin.write_all(input).await;
    drop(stdin);
    match tokio::time::timeout(WAIT, child.wait_with_output()).await {
        Ok(output) => output.expect("a child of ours"),
        Err(_) => panic!("{name} did not end within {WAIT:?}"),
    }
}
