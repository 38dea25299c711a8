//! An MCP server that does nearly nothing, as fast as possible, so that a measurement shows the cost of the path to it.
//!
//! - `fast-upstream` uses standard input and output.
//! - `fast-upstream PORT` serves Streamable HTTP (JSON responses) on loopback.
//! - `fast-upstream --late` uses standard input and output, and answers each tool call after 50 milliseconds.
//! - `fast-upstream --storm` uses standard input and output. From the first tool call on it announces a changed list of
//!   tools, a thousand times a second for ten seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the peer of a bench: a failed step ends it")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<&'a str>,
}

const GREETING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"fast-upstream","version":"1"}}"#;
const TOOLS: &str = r#"{"tools":[{"name":"echo","description":"Gives a short text.","inputSchema":{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}}]}"#;
const RESULT: &str = r#"{"content":[{"type":"text","text":"a short text"}]}"#;
const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// The delay of a late answer.
const LATE: Duration = Duration::from_millis(50);

/// Returns the answer to one message; `None` for notifications.
fn answer(line: &[u8]) -> Option<String> {
    let message: Message<'_> = serde_json::from_slice(line).ok()?;
    let id = message.id?.get();
    let result = match message.method? {
        "initialize" => GREETING,
        "tools/list" => TOOLS,
        "tools/call" => RESULT,
        "ping" => "{}",
        _ => {
            return Some(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no such method"}}}}"#
            ));
        }
    };
    Some(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => stdio(Mode::Plain),
        Some("--late") => stdio(Mode::Late),
        Some("--storm") => stdio(Mode::Stormy),
        Some(port) => http(port),
    }
}

/// The behaviour on a tool call over standard input.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Plain,
    Late,
    Stormy,
}

/// Answers every received message with one write.
fn stdio(mode: Mode) {
    let mut input = BufReader::with_capacity(256 * 1024, std::io::stdin().lock());
    let (mut line, mut out, storms) = (Vec::new(), Vec::new(), Once::new());
    while input.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
        if mode != Mode::Plain && line.windows(12).any(|word| word == b"\"tools/call\"") {
            match mode {
                Mode::Stormy => storms.call_once(|| drop(thread::spawn(storm))),
                _ => thread::sleep(LATE),
            }
        }
        if let Some(answer) = answer(&line) {
            out.extend_from_slice(answer.as_bytes());
            out.push(b'\n');
        }
        line.clear();
        if !input.buffer().contains(&b'\n') {
            let mut output = std::io::stdout().lock();
            output.write_all(&out).unwrap();
            output.flush().unwrap();
            out.clear();
        }
    }
}

/// Sends a thousand notifications a second for ten seconds, each in a write of its own.
fn storm() {
    let began = Instant::now();
    for n in 0..10_000 {
        let at = began + Duration::from_millis(n);
        thread::sleep(at.saturating_duration_since(Instant::now()));
        let mut output = std::io::stdout().lock();
        if writeln!(output, "{CHANGED}").and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

fn http(port: &str) {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("the port");
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || serve(stream));
    }
}

/// Serves one connection: requests with Content-Length, one after the other.
fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut input = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if input.read_line(&mut first).ok()? == 0 {
            return None;
        }
        loop {
            let mut header = String::new();
            input.read_line(&mut header).ok()?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body).ok()?;
        let response = match first.split(' ').next()? {
            "POST" => match answer(&body) {
                Some(text) => format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: bench\r\ncontent-length: {}\r\n\r\n{text}",
                    text.len()
                ),
                None => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_owned(),
            },
            "DELETE" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
            _ => "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n".to_owned(),
        };
        stream.write_all(response.as_bytes()).ok()?;
    }
}
