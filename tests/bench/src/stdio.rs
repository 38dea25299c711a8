//! A client over a child's standard input and output with a given number of calls in flight.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde::Deserialize;

/// A connected client.
pub struct McpClient {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    tool: String,
    next: u64,
    notices: usize,
}

/// The answer to one call.
pub struct Answer {
    /// Whether the tool ran and reported no error.
    pub succeeded: bool,
    /// The whole message.
    pub text: String,
}

#[derive(Deserialize)]
struct Outline {
    id: Option<u64>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    error: Option<serde_json::Value>,
    #[serde(default)]
    result: Option<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    #[serde(default, rename = "isError")]
    is_error: bool,
}

impl McpClient {
    /// Starts the program and opens a session. Later calls use `tool`.
    pub fn start(mut command: Command, tool: &str) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a child");
        let (input, output) = (child.stdin.take().expect("stdin"), child.stdout.take().expect("stdout"));
        let output = BufReader::with_capacity(256 * 1024, output);
        let mut client = Self { child, input, output, tool: tool.to_owned(), next: 1, notices: 0 };
        client.send(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#);
        client.line();
        client.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        client
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn send(&mut self, text: &str) {
        self.input.write_all(format!("{text}\n").as_bytes()).expect("the child takes messages");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.output.read_line(&mut line).expect("the child answers") > 0, "the child ended");
        line
    }

    fn request(&mut self, out: &mut Vec<u8>, sent: &mut HashMap<u64, Instant>) {
        let (id, tool) = (self.next, &self.tool);
        self.next += 1;
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"message":"m{id}"}}}}}}"#
        );
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
        sent.insert(id, Instant::now());
    }

    /// Makes one call with these arguments, written as JSON.
    pub fn call(&mut self, tool: &str, arguments: &str) -> Answer {
        let id = self.next;
        self.next += 1;
        self.send(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        ));
        loop {
            let text = self.line();
            let answer: Outline = serde_json::from_str(&text).expect("JSON");
            if answer.id == Some(id) {
                let succeeded = answer.error.is_none() && !answer.result.is_some_and(|result| result.is_error);
                return Answer { succeeded, text };
            }
        }
    }

    /// The number of received `tools/list_changed` notifications.
    pub fn notices(&self) -> usize {
        self.notices
    }

    /// Uses this tool for later calls.
    pub fn turn_to(&mut self, tool: &str) {
        tool.clone_into(&mut self.tool);
    }

    /// Makes one call after the other for this time. Returns the latency of each.
    pub fn calls_for(&mut self, time: Duration) -> Vec<Duration> {
        let (began, mut took) = (Instant::now(), Vec::new());
        while began.elapsed() < time {
            took.extend(self.calls(1, 1));
        }
        took
    }

    /// Makes this number of calls with this number in flight. Returns the latency of each.
    pub fn calls(&mut self, count: usize, in_flight: usize) -> Vec<Duration> {
        let (mut sent, mut took, mut out, mut started) = (HashMap::new(), Vec::with_capacity(count), Vec::new(), 0);
        while started < in_flight.min(count) {
            self.request(&mut out, &mut sent);
            started += 1;
        }
        self.input.write_all(&out).expect("the child takes messages");
        out.clear();
        while took.len() < count {
            let line = self.line();
            let answer: Outline = serde_json::from_str(&line).expect("JSON");
            self.notices += usize::from(answer.method.as_deref() == Some("notifications/tools/list_changed"));
            let Some(since) = answer.id.and_then(|id| sent.remove(&id)) else { continue };
            assert!(
                answer.error.is_none() && !answer.result.is_some_and(|result| result.is_error),
                "a call failed: {line}"
            );
            took.push(since.elapsed());
            if started < count {
                self.request(&mut out, &mut sent);
                started += 1;
            }
            if !self.output.buffer().contains(&b'\n') && !out.is_empty() {
                self.input.write_all(&out).expect("the child takes messages");
                out.clear();
            }
        }
        took
    }
}

impl Drop for McpClient {
    fn drop(&mut self) {
        // Programs end when their input closes; this kills one that does not.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
