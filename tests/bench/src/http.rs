//! A client over Streamable HTTP with a given number of calls in flight: one thread and one connection each.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The maximum duration of a series of calls: the slowest of the other bridges would need minutes.
const MOST: Duration = Duration::from_secs(20);

/// The destination, and the headers of every request.
#[derive(Clone)]
pub struct Endpoint {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The path, such as `/mcp`.
    pub path: String,
    /// The `Authorization` header, if needed.
    pub authorization: Option<String>,
}

struct Connection {
    stream: TcpStream,
    input: BufReader<TcpStream>,
}

impl Endpoint {
    fn connect(&self) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Connection { input: BufReader::new(stream.try_clone()?), stream })
    }

    fn post(
        &self,
        connection: &mut Connection,
        session: Option<&str>,
        body: &str,
    ) -> std::io::Result<(Option<String>, String)> {
        let mut head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\ncontent-length: {}\r\n",
            self.path,
            self.address,
            body.len()
        );
        if let Some(session) = session {
            head.push_str(&format!("mcp-session-id: {session}\r\n"));
        }
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("authorization: {authorization}\r\n"));
        }
        head.push_str("\r\n");
        head.push_str(body);
        connection.stream.write_all(head.as_bytes())?;
        read_answer(&mut connection.input)
    }

    /// Opens a session.
    pub fn open(&self) -> std::io::Result<Option<String>> {
        let mut connection = self.connect()?;
        let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
        let (session, body) = self.post(&mut connection, None, hello)?;
        if !body.contains("protocolVersion") {
            return Err(std::io::Error::other(format!("no greeting: {body}")));
        }
        let ready = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        self.post(&mut connection, session.as_deref(), ready)?;
        Ok(session)
    }

    /// Makes this number of calls with this number in flight, or as many as the time allows. Returns the latency of
    /// each.
    pub fn calls(&self, tool: &str, count: usize, in_flight: usize) -> std::io::Result<Vec<Duration>> {
        let session = self.open()?;
        let (left, end) = (Arc::new(AtomicUsize::new(count)), Instant::now() + MOST);
        let workers: Vec<_> = (0..in_flight)
            .map(|worker| {
                let (endpoint, session, tool, left) = (self.clone(), session.clone(), tool.to_owned(), Arc::clone(&left));
                thread::spawn(move || -> std::io::Result<Vec<Duration>> {
                    let (mut connection, mut took) = (endpoint.connect()?, Vec::new());
                    while Instant::now() < end
                        && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
                    {
                        let id = worker * 1_000_000 + took.len() + 1;
                        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"message":"m{id}"}}}}}}"#);
                        let began = Instant::now();
                        let (_, answer) = endpoint.post(&mut connection, session.as_deref(), &body)?;
                        if !answer.contains("\"content\"") || answer.contains("\"isError\":true") {
                            return Err(std::io::Error::other(format!("a call failed: {answer}")));
                        }
                        took.push(began.elapsed());
                    }
                    Ok(took)
                })
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            all.extend(worker.join().expect("a worker")?);
        }
        Ok(all)
    }
}

/// Reads the status line, headers, and a body with a length or in chunks.
fn read_answer(input: &mut BufReader<TcpStream>) -> std::io::Result<(Option<String>, String)> {
    let (mut session, mut length, mut chunked, mut line) = (None, 0, false, String::new());
    input.read_line(&mut line)?;
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.trim().split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.contains("chunked"),
            "mcp-session-id" => session = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            line.clear();
            input.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            let from = body.len();
            body.resize(from + size, 0);
            input.read_exact(&mut body[from..])?;
            line.clear();
            input.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else {
        body.resize(length, 0);
        input.read_exact(&mut body)?;
    }
    Ok((session, String::from_utf8_lossy(&body).into_owned()))
}
