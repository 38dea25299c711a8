//! The part of HTTP/1.1 that the demo's services need: one request and one response per connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::failure::Failure;

const LINES: usize = 100;
const LONGEST: usize = 64 * 1024;

/// A request.
pub struct Asked {
    pub method: String,
    /// The path without the query.
    pub path: String,
    pub query: String,
    /// The host without the port.
    pub host: String,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn read(stream: &TcpStream) -> Result<Self, Failure> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut reader = BufReader::new(stream.try_clone()?.take(2 * 64 * 1024));
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        let headers = headers(&mut reader)?;
        let mut asked = Self { method, path, query, host: String::new(), headers, body: Vec::new() };
        asked.host = asked.header("host").split(':').next().unwrap_or_default().to_owned();
        let length: usize = asked.header("content-length").parse().unwrap_or(0);
        if length > LONGEST {
            return Err(Failure::new("the body is too long"));
        }
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body)?;
        Ok(asked)
    }

    /// Returns the value of a header, or nothing when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    /// Returns the body as JSON; null for an invalid body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn headers(reader: &mut impl std::io::BufRead) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for line in reader.lines().take(LINES) {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(headers)
}

/// A response.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub const fn new(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// A refusal with a text.
    pub fn refused(status: u16, message: &str) -> Self {
        Self::new(status, serde_json::json!({ "message": message }))
    }

    /// Sends the response. Pages of this origin may read it.
    pub fn send(&self, mut stream: &TcpStream, readable: &str) -> Result<(), Failure> {
        let body = self.body.to_string();
        let head = format!(
            "HTTP/1.1 {} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nTTL: 60\r\nAccess-Control-Allow-Origin: {readable}\r\n\
             Access-Control-Allow-Headers: content-type\r\nAccess-Control-Allow-Methods: GET, POST\r\n\r\n",
            self.status,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream.write_all(body.as_bytes())?)
    }
}
