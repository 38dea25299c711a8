//! What a release needs besides its bytes, on this machine: a signature by a Sigstore of our own (the one that the tests
//! use), a log with one entry, two witnesses, and the policy that believes exactly these.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// No name that could be taken for the project's.
const IDENTITY: &str = "https://demo.briefcase.localhost/signer-on-this-machine";
const ISSUER: &str = "https://issuer.briefcase.localhost";
const WITNESSES: [&str; 2] = ["witness.one.example", "witness.two.example"];

/// Signs and logs the manifest in `kms`, with keys that live in `maker` and are made anew. Gives the policy.
pub fn make(kms: &Path, maker: &Path) -> Result<Value, Failure> {
    if maker.exists() {
        std::fs::remove_dir_all(maker)?;
    }
    std::fs::create_dir_all(maker)?;
    let known = kms.join(".well-known");
    let manifest = maker.join("manifest");
    std::fs::copy(known.join("kms-manifest.json"), &manifest)?;
    let root = signed(maker, &manifest)?;
    std::fs::copy(maker.join("manifest.sigstore.json"), known.join("kms-manifest.sigstore.json"))?;
    let log = Log::make(maker)?;
    log.run(&["add", "public", "manifest", "--key", "log.key"])?;
    let policy = log.witnessed()?;
    let proof = known.join("kms-manifest.tlog-proof");
    log.run(&["proof", "public", "manifest", "--policy", "policy.txt", "--out", &proof.to_string_lossy()])?;
    Ok(json!({
        "form": "briefcase/release-policy@1",
        "identity": IDENTITY,
        "issuer": ISSUER,
        "log": policy,
        "trusted_root": root,
    }))
}

/// Signs the manifest; gives the trusted root.
fn signed(maker: &Path, manifest: &Path) -> Result<Value, Failure> {
    let fixture = workspace::root().join("tests/fixtures/sigstore-mock");
    node::install(&fixture)?;
    let script = fixture.join("sign.mjs");
    Step::new(node::node()?).args([&script, maker]).args([IDENTITY, ISSUER]).args([manifest]).dir(&fixture).read()?;
    Ok(serde_json::from_slice(&std::fs::read(maker.join("trusted_root.json"))?)?)
}

/// `briefcase-log` in a folder.
struct Log {
    program: PathBuf,
    dir: PathBuf,
    public: String,
}

impl Log {
    fn make(dir: &Path) -> Result<Self, Failure> {
        Step::cargo().args(["build", "--quiet", "--locked", "-p", "briefcase-log"]).run()?;
        let program = workspace::target().join("debug/briefcase-log");
        let mut log = Self { program, dir: dir.to_owned(), public: String::new() };
        log.public = log.key("log.key", "releases.example/log", "log")?;
        log.run(&["init", "public", "--key", "log.key"])?;
        Ok(log)
    }

    fn run(&self, args: &[&str]) -> Result<String, Failure> {
        Step::new(&self.program).args(args).dir(&self.dir).read()
    }

    fn key(&self, file: &str, name: &str, owner: &str) -> Result<String, Failure> {
        Ok(self.run(&["key", file, "--name", name, "--for", owner])?.trim().to_owned())
    }

    /// Has both witnesses cosign the head; gives the policy that wants both.
    fn witnessed(&self) -> Result<String, Failure> {
        std::fs::write(self.dir.join("logs.txt"), format!("log {}\nquorum none\n", self.public))?;
        let (mut asked, mut believed) = (format!("log {}\n", self.public), format!("log {}\n", self.public));
        let mut running = Vec::new();
        for name in WITNESSES {
            let file = format!("{name}.key");
            let public = self.key(&file, name, "witness")?;
            let witness = Running::start(self, name, &file)?;
            asked.push_str(&format!("witness {name} {public} {}\n", witness.url));
            believed.push_str(&format!("witness {name} {public}\n"));
            running.push(witness);
        }
        let quorum = format!("group both all {}\nquorum both\n", WITNESSES.join(" "));
        std::fs::write(self.dir.join("policy.txt"), format!("{asked}{quorum}"))?;
        self.run(&["collect", "public", "--policy", "policy.txt"])?;
        Ok(format!("{believed}{quorum}"))
    }
}

/// A witness that answers until it is dropped.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(log: &Log, name: &str, key: &str) -> Result<Self, Failure> {
        let mut child = Command::new(&log.program)
            .args(["witness", name, "--key", key, "--policy", "logs.txt", "--listen", "127.0.0.1:0"])
            .current_dir(&log.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take();
        let mut running = Self { child, url: String::new() };
        let mut line = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut line)?;
        }
        running.url = line.split(' ').next().unwrap_or_default().to_owned();
        if running.url.starts_with("http://") { Ok(running) } else { Err(Failure::new("a witness did not start")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
