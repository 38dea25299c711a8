//! `crates/push` in a separate process, through JSON lines. It contains no key: its owner can send only with the leases
//! given to it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::failure::Failure;

struct Lines {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// One running program.
pub struct PushSender(Mutex<Lines>);

impl PushSender {
    pub fn start(program: &PathBuf) -> Result<Self, Failure> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new("the push program has no pipes"));
        };
        Ok(Self(Mutex::new(Lines { child, input, output: BufReader::new(output) })))
    }

    /// Sends one request and returns its answer; `{error, message}` after a failure.
    pub fn ask(&self, request: &Value) -> Value {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Lines { input, output, .. } = &mut *lines;
        let mut line = String::new();
        let answered =
            writeln!(input, "{request}").and_then(|()| input.flush()).and_then(|()| output.read_line(&mut line));
        match answered.ok().and_then(|_| serde_json::from_str(&line).ok()) {
            Some(answer) => answer,
            None => json!({ "error": "ended", "message": "the push program has ended" }),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // The program ends when its input ends; this kills one that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
