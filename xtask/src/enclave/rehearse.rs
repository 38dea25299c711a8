//! `cargo xtask enclave rehearse`: a whole release on this machine, as the workflow makes one, and what its users see of
//! it. Sigstore is the mock of its own project; log and witnesses are real programs with keys that are thrown away.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::build;
use super::hosts::Hosts;
use super::log::LogProgram;
use super::manifest::Release;
use super::publish::{self, Logged};
use super::serve::{Server, Site};
use super::verify::{briefcase, verified};
use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

const IDENTITY: &str = "https://github.com/briefcase/briefcase/.github/workflows/release.yml@refs/tags/rehearsal";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Makes two releases, verifies both as a user would, and looks whether a changed byte is found.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let dir = workspace::target().join("enclave/rehearsal");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let log = Log::make(&dir)?;
    let server = Server::bind(0)?;
    let port = server.port()?;
    let [first, second] = ["first", "second"].map(|name| dir.join(name));
    let (program, state) = (briefcase()?, dir.join("watched.json"));
    let host = |number: u64| format!("http://app{number}.briefcase.localhost:{port}");
    site(&first, 1, &host(1))?;
    let root = log.publish(&first)?;
    site(&second, 2, &host(2))?;
    publish::follow(&second, &first)?;
    let root_of_second = log.publish(&second)?;
    let names = ["one", "two"].map(|name| format!("{name}.briefcase.localhost"));
    let sites = names.iter().zip([&first, &second]).map(|(name, dir)| Site { name: name.clone(), dir: dir.clone() });
    let sites = sites.collect();
    std::thread::spawn(move || server.serve(sites));
    for (name, root) in names.iter().zip([&root, &root_of_second]) {
        let policy = dir.join(format!("{name}.policy.json"));
        std::fs::write(&policy, log.policy(root).to_string())?;
        let url = format!("http://{name}:{port}");
        verified(&program, &[&url, "--policy", &policy.to_string_lossy()])?;
        println!("rehearse: {url} is verified");
    }
    let policy = dir.join(format!("{}.policy.json", names[1]));
    let url = format!("http://{}:{port}", names[1]);
    let watch = [
        "enclave",
        "watch",
        &url,
        "--once",
        "--policy",
        &policy.to_string_lossy(),
        "--state",
        &state.to_string_lossy(),
    ]
    .map(str::to_owned);
    Step::new(&program).args(&watch).read()?;
    spoil(&second)?;
    if Step::new(&program).args(&watch).succeeds() {
        return Err(Failure::new("a changed module was taken for a release"));
    }
    println!("rehearse: a changed byte is found");
    Ok(())
}

fn site(out: &Path, number: u64, host: &str) -> Result<(), Failure> {
    let args = ["--release".to_owned(), number.to_string(), "--commit".to_owned(), format!("{number:040x}")];
    let hosts = Hosts::new(vec![host.to_owned()], true)?;
    build::build(workspace::root(), &workspace::target().join("enclave/cargo"), out, &hosts, &Release::read(&args)?)?;
    Ok(())
}

/// Changes one byte of the current module.
fn spoil(site: &Path) -> Result<(), Failure> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(site.join(".well-known/kms-manifest.json"))?)?;
    let digest = manifest.pointer("/current/sha256").and_then(Value::as_str).unwrap_or_default();
    let path = site.join(format!("artifacts/kms-{digest}.mjs"));
    let mut bytes = std::fs::read(&path)?;
    bytes.push(b'\n');
    Ok(std::fs::write(path, bytes)?)
}

/// A log with two witnesses that run.
struct Log {
    dir: PathBuf,
    logged: Logged,
    text: String,
    _witnesses: Vec<Witness>,
}

impl Log {
    fn make(dir: &Path) -> Result<Self, Failure> {
        let program = LogProgram::build()?;
        let key = dir.join("log.key");
        let mut text = format!("log {}\n", program.key(&key, "releases.example/log", "log")?);
        let known = dir.join("known.txt");
        std::fs::write(&known, format!("{text}quorum none\n"))?;
        let log = dir.join("log");
        program.run([Path::new("init"), &log, Path::new("--key"), &key])?;
        let mut witnesses = Vec::new();
        for name in ["one", "two"] {
            let key = dir.join(format!("{name}.key"));
            let public = program.key(&key, &format!("witness.example/{name}"), "witness")?;
            let witness = Witness::start(&program, &dir.join(name), &key, &known)?;
            text.push_str(&format!("witness {name} {public} {}\n", witness.url));
            witnesses.push(witness);
        }
        text.push_str("group both all one two\nquorum both\n");
        let policy = dir.join("log-policy.txt");
        std::fs::write(&policy, &text)?;
        Ok(Self { dir: dir.to_owned(), logged: Logged { log, key, policy }, text, _witnesses: witnesses })
    }

    /// Publishes a folder; gives the trusted root of the Sigstore that signed.
    fn publish(&self, site: &Path) -> Result<Value, Failure> {
        let work = self.dir.join("signing");
        std::fs::create_dir_all(&work)?;
        publish::publish(site, &self.logged, &|manifest, bundle| mock(&work, manifest, bundle))?;
        Ok(serde_json::from_slice(&std::fs::read(work.join("trusted_root.json"))?)?)
    }

    fn policy(&self, root: &Value) -> Value {
        json!({
            "form": "briefcase/release-policy@1",
            "identity": IDENTITY,
            "issuer": ISSUER,
            "log": self.text,
            "trusted_root": root,
        })
    }
}

/// Signs as the workflow would, at a Sigstore of our own.
fn mock(work: &Path, manifest: &Path, bundle: &Path) -> Result<(), Failure> {
    let fixture = workspace::root().join("tests/fixtures/sigstore-mock");
    node::install(&fixture)?;
    let copy = work.join("manifest");
    std::fs::copy(manifest, &copy)?;
    let script = fixture.join("sign.mjs");
    Step::new(node::node()?).args([&script, work]).args([IDENTITY, ISSUER]).args([&copy]).dir(&fixture).run()?;
    std::fs::copy(work.join("manifest.sigstore.json"), bundle)?;
    Ok(())
}

/// A witness that runs until this is dropped.
struct Witness {
    url: String,
    child: Child,
}

impl Witness {
    fn start(program: &LogProgram, state: &Path, key: &Path, known: &Path) -> Result<Self, Failure> {
        let mut command = program.command();
        command.arg("witness").arg(state).arg("--key").arg(key).arg("--policy").arg(known);
        let mut child = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or_else(|| Failure::new("a witness has no output"))?;
        BufReader::new(out).read_line(&mut line)?;
        let url = line.split(' ').next().unwrap_or_default().to_owned();
        Ok(Self { url, child })
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
