//! A maker of releases on this machine with temporary keys, in place of the workflow with Sigstore, the project's log
//! and its witnesses. Log and witnesses are the real programs; Sigstore is its project's own mock.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::log::LogProgram;
use super::publish::{self, Logged};
use crate::failure::Failure;
use crate::node;
use crate::step::Step;

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const WITNESSES: [&str; 2] = ["witness.one.example", "witness.two.example"];

/// A maker of releases: a log, two running witnesses, and a Sigstore that certifies any name.
pub struct Maker {
    identity: &'static str,
    dir: PathBuf,
    logged: Logged,
    text: String,
    _witnesses: Vec<Witness>,
}

impl Maker {
    /// Makes everything new in this folder.
    pub fn new(dir: &Path, identity: &'static str) -> Result<Self, Failure> {
        let program = LogProgram::build()?;
        let key = dir.join("log.key");
        let mut text = format!("log {}\n", program.key(&key, "releases.example/log", "log")?);
        let known = dir.join("known.txt");
        std::fs::write(&known, format!("{text}quorum none\n"))?;
        let log = dir.join("log");
        program.run([Path::new("init"), &log, Path::new("--key"), &key])?;
        let mut witnesses = Vec::new();
        for name in WITNESSES {
            let key = dir.join(format!("{name}.key"));
            let public = program.key(&key, name, "witness")?;
            let witness = Witness::start(&program, &dir.join(name), &key, &known)?;
            text.push_str(&format!("witness {name} {public} {}\n", witness.url));
            witnesses.push(witness);
        }
        text.push_str(&format!("group both all {}\nquorum both\n", WITNESSES.join(" ")));
        let policy = dir.join("log-policy.txt");
        std::fs::write(&policy, &text)?;
        Ok(Self { identity, dir: dir.to_owned(), logged: Logged { log, key, policy }, text, _witnesses: witnesses })
    }

    /// Publishes a folder. Returns the trusted root of the Sigstore that signed.
    pub fn publish(&self, site: &Path) -> Result<Value, Failure> {
        let work = self.dir.join("signing");
        std::fs::create_dir_all(&work)?;
        publish::publish(site, &self.logged, &|manifest, bundle| self.mock(&work, manifest, bundle))?;
        Ok(serde_json::from_slice(&std::fs::read(work.join("trusted_root.json"))?)?)
    }

    /// Returns the policy that trusts only this maker.
    pub fn policy(&self, root: &Value) -> Value {
        json!({
            "form": "briefcase/release-policy@1",
            "identity": self.identity,
            "issuer": ISSUER,
            "log": self.text,
            "trusted_root": root,
        })
    }

    /// Signs in the same way as the workflow, with a local Sigstore.
    fn mock(&self, work: &Path, manifest: &Path, bundle: &Path) -> Result<(), Failure> {
        let fixture = node::sigstore_mock_dir();
        node::install(&fixture)?;
        let copy = work.join("manifest");
        std::fs::copy(manifest, &copy)?;
        let script = fixture.join("sign.mjs");
        Step::new(node::node()?)
            .args([&script, work])
            .args([self.identity, ISSUER])
            .args([&copy])
            .dir(&fixture)
            .run()?;
        std::fs::copy(work.join("manifest.sigstore.json"), bundle)?;
        Ok(())
    }
}

/// A witness, stopped when dropped.
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
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
