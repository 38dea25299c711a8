//! A log with its key, three witnesses with theirs, and a policy with a quorum of two.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use briefcase_tlog::{
    AddCheckpoint, Checkpoint, LogFolder, LogVerifierKey, merkle::ConsistencyProof, tiles::TileReader,
};
use tempfile::TempDir;

use crate::clock::clock;

pub struct Ran(Output);

impl Ran {
    pub fn ok(&self) -> bool {
        self.0.status.success()
    }

    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("text")
    }

    pub fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("text")
    }
}

pub fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_briefcase-log"));
    command.env_clear().envs(clock()).current_dir(folder).args(args).stdin(Stdio::null());
    command
}

pub fn run(folder: &Path, args: &[&str]) -> Ran {
    Ran(program(folder, args).output().expect("it runs"))
}

pub struct World {
    folder: TempDir,
    publics: Vec<String>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let key = |file: &str, name: &str, owner: &str| {
            let ran = run(path, &["key", file, "--name", name, "--for", owner]);
            assert!(ran.ok(), "{}", ran.err());
            ran.out().trim().to_owned()
        };
        let mut publics = vec![key("log.key", "releases.example/log", "log")];
        publics.extend((1..=3).map(|n| key(&format!("w{n}.key"), &format!("witness.example/{n}"), "witness")));
        assert!(run(path, &["init", "public", "--key", "log.key"]).ok());
        fs::write(path.join("entry"), "an entry").expect("written");
        let world = Self { folder, publics };
        world.policy(&[]);
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn log_key(&self) -> LogVerifierKey {
        self.publics[0].parse().expect("a log's key")
    }

    pub fn witness_key(&self, number: usize) -> briefcase_tlog::Witness {
        self.publics[number].parse().expect("a witness's key")
    }

    /// Writes the policy. Witnesses with an address receive requests.
    pub fn policy(&self, running: &[&RunningWitness]) -> briefcase_tlog::LogPolicy {
        let mut text = format!("log {}\n", self.publics[0]);
        for number in 1..=3 {
            let url = running.iter().find(|one| one.number == number).map_or("", |one| &one.url);
            text.push_str(&format!("witness w{number} {} {url}\n", self.publics[number]));
        }
        text.push_str("group two 2 w1 w2 w3\nquorum two\n");
        fs::write(self.path().join("policy.txt"), &text).expect("written");
        text.parse().expect("a policy")
    }

    pub fn add(&self, log: &str, text: &str) {
        fs::write(self.path().join("entry"), text).expect("written");
        let ran = run(self.path(), &["add", log, "entry", "--key", "log.key"]);
        assert!(ran.ok(), "{}", ran.err());
    }

    pub fn collect(&self, log: &str) -> Ran {
        run(self.path(), &["collect", log, "--policy", "policy.txt"])
    }

    /// Copies the log.
    pub fn copy(&self, from: &str, to: &str) {
        let copied = Command::new("cp").arg("-r").args([from, to]).current_dir(self.path()).status().expect("cp");
        assert!(copied.success());
    }

    pub fn note(&self, log: &str) -> String {
        fs::read_to_string(self.path().join(log).join("checkpoint")).expect("a checkpoint")
    }

    /// Returns a request to cosign a log's checkpoint, with the proof from size `old`.
    pub fn request(&self, log: &str, old: u64) -> String {
        let note = self.note(log);
        let size = Checkpoint::parse_unverified(note.as_bytes()).expect("a checkpoint").size;
        let folder = LogFolder::new(self.path().join(log));
        let proof = match old {
            0 => Vec::new(),
            _ => ConsistencyProof::prove(old, size, &TileReader::new(&folder, size)).expect("a proof").path,
        };
        AddCheckpoint { old, proof, note }.text()
    }

    pub fn start(&self, number: usize) -> RunningWitness {
        let state = format!("seen{number}");
        let key = format!("w{number}.key");
        let args = ["witness", &state, "--key", &key, "--policy", "policy.txt", "--listen", "127.0.0.1:0"];
        let mut child = program(self.path(), &args).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let read = BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line);
        let address = line.split(' ').next().unwrap_or_default().to_owned();
        assert!(read.is_ok() && address.starts_with("http://"), "{line}");
        RunningWitness { number, url: address, child }
    }
}

/// A running witness. Dropping it kills the process, like a power failure.
pub struct RunningWitness {
    pub number: usize,
    pub url: String,
    child: Child,
}

impl RunningWitness {
    /// Sends a request and returns status and body; `None` when the connection failed.
    pub fn post(&self, path: &str, body: &[u8]) -> Option<(u16, String)> {
        post(&self.url, path, body)
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

pub fn post(url: &str, path: &str, body: &[u8]) -> Option<(u16, String)> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

impl Drop for RunningWitness {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
