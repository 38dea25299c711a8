//! Lines on a child's stdin and stdout.

use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use super::inbox::Inbox;
use crate::ChildProcess;

pub struct StdioTransport {
    pub process: ChildProcess,
    pub stdin: Arc<Mutex<ChildStdin>>,
}

impl StdioTransport {
    pub fn start(command: Command, inbox: &Arc<Inbox>) -> Self {
        let (process, stdin, stdout) = ChildProcess::start(command);
        let stdin = Arc::new(Mutex::new(stdin));
        tokio::spawn(read(stdout, Arc::downgrade(&stdin), Arc::clone(inbox)));
        Self { process, stdin }
    }

    /// A program that has ended reads nothing. The missing response then fails the test.
    pub async fn send(&self, bytes: &[u8]) {
        write(&self.stdin, bytes).await;
    }
}

async fn write(stdin: &Mutex<ChildStdin>, bytes: &[u8]) {
    let mut stdin = stdin.lock().await;
    let _ = stdin.write_all(bytes).await;
    let _ = stdin.write_all(b"\n").await;
    let _ = stdin.flush().await;
}

async fn read(stdout: ChildStdout, stdin: std::sync::Weak<Mutex<ChildStdin>>, inbox: Arc<Inbox>) {
    let mut lines = BufReader::new(stdout).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        if line.is_empty() {
            continue;
        }
        if let (Some(reply), Some(stdin)) = (inbox.take(&line), stdin.upgrade()) {
            write(&stdin, reply.to_string().as_bytes()).await;
        }
    }
    inbox.close("the program closed its stdout");
}
