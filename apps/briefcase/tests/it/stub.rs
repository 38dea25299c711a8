//! A stub daemon that answers as a test wants.

use std::{
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
    thread,
};

use briefcase_testkit::TempHome;
use serde_json::Value;

/// A server at a home's admin socket. It ends with the test.
pub struct Stub {
    requests: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Stub {
    /// Serves `answer`, which gets `METHOD /path` and the body.
    pub fn serve(home: &TempHome, answer: impl Fn(&str, &Value) -> (u16, Value) + Send + 'static) -> Self {
        let listener = UnixListener::bind(home.runtime().join("admin.sock")).expect("a socket");
        let requests = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some((request, body)) = read(&stream) else { continue };
                let (status, value) = answer(&request, &body);
                seen.lock().expect("not poisoned").push((request, body));
                let body = value.to_string();
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { requests }
    }

    /// The requests so far: `METHOD /path`.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").iter().map(|(request, _)| request.clone()).collect()
    }

    /// The body of the last request of that name.
    pub fn body(&self, request: &str) -> Value {
        let requests = self.requests.lock().expect("not poisoned");
        requests.iter().rev().find(|(name, _)| name == request).map(|(_, body)| body.clone()).expect("it was sent")
    }
}

fn read(mut stream: &UnixStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let first = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
                return Some((first, serde_json::from_slice(&bytes[end + 4..]).unwrap_or_default()));
            }
        }
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => bytes.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}
