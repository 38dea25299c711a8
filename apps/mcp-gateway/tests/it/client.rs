//! The program under test, and a small HTTP client that can also misbehave.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::daemon::{ALICE, Daemon, private};

/// A running program, killed when dropped.
pub(crate) struct Program {
    pub(crate) child: Child,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-gateway"));
        command.args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap() }
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A gateway that serves HTTP, with its daemon.
pub(crate) struct Gateway {
    pub(crate) daemon: Daemon,
    pub(crate) address: SocketAddr,
    pub(crate) program: Program,
    pub(crate) dir: tempfile::TempDir,
}

impl Gateway {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        let dir = private();
        let daemon = Daemon::start(dir.path());
        let (program, address) = serve_http(&daemon.socket, arguments);
        Self { daemon, address, program, dir }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends a request as a well-behaved agent does.
    pub(crate) fn post(&self, headers: &[(&str, &str)], body: &str) -> HttpReply {
        let mut connection = self.connect();
        connection.post(ALICE, headers, body);
        connection.reply()
    }
}

/// Starts the program on a free port and waits until it serves.
pub(crate) fn serve_http(socket: &Path, arguments: &[&str]) -> (Program, SocketAddr) {
    let all =
        [&["--http", "127.0.0.1:0", "--socket", socket.to_str().unwrap(), "--token-file", "/none"], arguments].concat();
    let mut program = Program::start(&all);
    let mut lines = BufReader::new(program.child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the gateway ended before it served")).unwrap();
        if let Some((_, rest)) = line.split_once("http://") {
            break rest.split_once('/').unwrap().0.parse().unwrap();
        }
    };
    // Drain the pipe so that it never fills up.
    std::thread::spawn(move || lines.for_each(drop));
    (program, address)
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: BufReader<TcpStream>,
    pub(crate) address: SocketAddr,
}

/// The head of a response, and its body when it has a length.
#[derive(Debug)]
pub(crate) struct HttpReply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl HttpReply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_default()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.header("content-type") == Some("text/event-stream")
    }
}

/// One server-sent event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<String>,
    pub(crate) data: Option<String>,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(self.data.as_deref().unwrap_or_default()).unwrap_or_default()
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream: BufReader::new(stream), address }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The other side may have closed already; the reply then shows it.
        let _ = self.stream.get_mut().write_all(bytes);
    }

    pub(crate) fn post(&mut self, token: &str, headers: &[(&str, &str)], body: &str) {
        let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (host, length) = (self.address, body.len());
        self.send(
            format!(
                "POST /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
                 Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n{extra}\r\n{body}"
            )
            .as_bytes(),
        );
    }

    pub(crate) fn without_body(&mut self, method: &str, token: &str, headers: &[(&str, &str)]) {
        let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let host = self.address;
        let head = format!("{method} /mcp HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{extra}\r\n");
        self.send(head.as_bytes());
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).unwrap_or(0);
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Reads the head, and the body unless it is a stream. Status 0 means that the connection ended without a response.
    pub(crate) fn reply(&mut self) -> HttpReply {
        let mut reply = HttpReply { status: 0, headers: Vec::new(), body: Vec::new() };
        let Some(status) = self.line() else { return reply };
        reply.status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            reply.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut reply.body).unwrap();
        }
        reply
    }

    /// Whether the other side has closed.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 64]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// The next event of a stream; `None` at its end. Comments are skipped.
    pub(crate) fn event(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.stream_line()?;
            match line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")) {
                ("", _) if event == Event::default() => {}
                ("", _) => return Some(event),
                ("id", value) => event.id = Some(value.to_owned()),
                ("retry", value) => event.retry = Some(value.to_owned()),
                ("data", value) => event.data = Some(value.to_owned()),
                _ => panic!("unexpected line in a stream: {line}"),
            }
        }
    }

    /// A line inside the chunked transfer coding. Chunks end with events, so chunk lines are between lines.
    fn stream_line(&mut self) -> Option<String> {
        loop {
            let line = self.line()?;
            let is_field = line.contains(':') || line.is_empty();
            if is_field {
                return Some(line);
            }
            if line == "0" {
                self.line();
                return None;
            }
        }
    }
}
