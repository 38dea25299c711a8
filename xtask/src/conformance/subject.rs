//! The server under test, as a running process with an address.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::workspace;

/// A running server, stopped when dropped.
pub struct Subject {
    pub name: &'static str,
    pub url: String,
    child: Child,
}

impl Subject {
    /// The fixture itself.
    pub fn direct() -> Result<Self, Failure> {
        let mut command = Command::new(workspace::target().join("debug/fixture-conformance"));
        command.args(["--http", "127.0.0.1:0"]);
        Self::start("fixture", command)
    }

    /// Gateway and daemon in a throw-away home, with the fixture behind them under bare names.
    pub fn through() -> Result<Self, Failure> {
        let fixture = workspace::target().join("debug/fixture-conformance");
        let mut command = Command::new(workspace::target().join("debug/testkit"));
        command.arg("through").arg(fixture);
        Self::start("gateway and daemon", command)
    }

    /// Starts a program that prints its address as its first line and ends when its stdin ends.
    fn start(name: &'static str, mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or_else(|| Failure::new("no pipe"))?;
        let mut url = String::new();
        BufReader::new(out).read_line(&mut url)?;
        let url = url.trim().to_owned();
        let mut subject = Self { name, url, child };
        if subject.url.starts_with("http://") {
            return Ok(subject);
        }
        let status = subject.child.wait()?;
        Err(Failure::new(format!("{name} did not start ({status})")))
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // Close its stdin first, so that it can stop its own children.
        drop(self.child.stdin.take());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
