//! `cargo xtask enclave demo`: a host page, its enclave, two relays and a stand-in for a push service, all on this machine.
//!
//! Invariant: it listens on loopback only and writes only below the target folder (or `--dir`). Everything that decides
//! is the product's own code: enclave, bridge, and `crates/push` in separate processes. The page undoes its changes to
//! its server when it is reloaded.

mod http;
mod push_sender;
mod push_service;
mod relays;
mod services;
mod tampering;

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::hosts::Hosts;
use super::maker::Maker;
use super::manifest::Release;
use super::serve::{Server, Site};
use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::{programs, workspace};

/// The signer's name. It cannot be mistaken for the project's.
const IDENTITY: &str = "https://demo.briefcase.localhost/signer-on-this-machine";

const HELP: &str = "usage: cargo xtask enclave demo [--port PORT] [--pin] [--dir DIR] [--json]

A page that uses the browser enclave, and everything around it, on this machine: create keys, sign and verify, push
notifications through a relay, rotate, stop a relay that misbehaves, back up and recover, and see a tampering server refused.

  --port PORT   port to listen on (8403); the next port is for relays and push service
  --pin         pin the module's digest in the page; by default the release is signed, logged and witnessed here, and the page
                verifies all of that
  --dir DIR     folder for the served files (target/enclave/demo-PORT)
  --json        print the addresses as one JSON object instead of text, then serve

examples:
  cargo xtask enclave demo
  cargo xtask enclave demo --port 9000
  cargo xtask enclave demo --json | jq -r .app";

/// The paths and addresses of the demo.
struct Addresses {
    app: String,
    kms: String,
    relay: String,
    push: String,
}

impl Addresses {
    fn new(port: u16, services: u16) -> Self {
        let at = |name: &str, port: u16| format!("http://{name}.briefcase.localhost:{port}");
        Self { app: at("app", port), kms: at("kms", port), relay: at("relay", services), push: at("push", services) }
    }
}

/// `cargo xtask enclave demo`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    if ["--help", "-h"].iter().any(|name| workspace::flag(args, name)) {
        println!("{HELP}");
        return Ok(());
    }
    let port = workspace::option(args, "--port").unwrap_or("8403");
    let dir = workspace::option(args, "--dir").map_or_else(
        || workspace::target().join("enclave").join(format!("demo-{port}")),
        |dir| workspace::root().join(dir),
    );
    let port: u16 = port.parse().map_err(|_| Failure::new(format!("{port} is not a port")))?;
    let server = Server::bind(port)?;
    let port = server.port()?;
    let services = services::bind(port)?;
    let at = Addresses::new(port, services.local_addr()?.port());
    let json = workspace::flag(args, "--json");
    if !json {
        println!("demo: building enclave, page and push sender (minutes the first time)");
    }
    let (kms, app) = (dir.join("kms"), dir.join("app"));
    let hosts = Hosts::new(vec![at.app.clone()], true)?;
    let cargo = workspace::target().join("enclave/cargo");
    let built = super::build::build(workspace::root(), &cargo, &kms, &hosts, &Release::read(&of_this_commit(args))?)?;
    let trust = match workspace::flag(args, "--pin") {
        true => Trust::Pin(built.digest.hex()),
        false => Trust::Policy(released(&kms, &dir.join("maker"))?),
    };
    page(&app, &at, &trust)?;
    services::start(
        services,
        Arc::new(services::Services::new(&at, programs::example("briefcase-push", "push")?, kms.clone())?),
    );
    announce(&at, &built.digest.hex(), &app, json);
    server.serve(vec![
        Site { name: "kms.briefcase.localhost".to_owned(), dir: kms },
        Site { name: "app.briefcase.localhost".to_owned(), dir: app },
    ])
}

/// The page's trust configuration.
enum Trust {
    /// A pinned digest.
    Pin(String),
    /// A release policy, in JSON.
    Policy(String),
}

/// Signs and logs a build with new keys. Returns the policy.
fn released(kms: &Path, dir: &Path) -> Result<String, Failure> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    let maker = Maker::new(dir, IDENTITY)?;
    let root = maker.publish(kms)?;
    Ok(maker.policy(&root).to_string())
}

/// Returns the arguments, with the commit of the build unless one is given.
fn of_this_commit(args: &[String]) -> Vec<String> {
    let commit = Step::new("git").args(["rev-parse", "HEAD"]).read().unwrap_or_default().trim().to_owned();
    let more = if commit.is_empty() { Vec::new() } else { vec!["--commit".to_owned(), commit] };
    args.iter().cloned().chain(more).collect()
}

/// The folder of the host page: its files, its configuration, and the headers that a host should send.
fn page(out: &Path, at: &Addresses, trust: &Trust) -> Result<(), Failure> {
    let web = workspace::root().join("web");
    node::install(&web)?;
    let build = Step::new(node::node()?).args([Path::new("enclave-demo/build.mjs"), Path::new("--out"), out]).dir(&web);
    let Addresses { kms, relay, push, .. } = at;
    let pin = match trust {
        Trust::Pin(digest) => {
            build.run()?;
            Some(digest)
        }
        Trust::Policy(policy) => {
            build.args(["--verifier"]).run()?;
            std::fs::write(out.join("policy.json"), policy)?;
            None
        }
    };
    let config = json!({ "enclave": format!("{kms}/kms.html"), "pin": pin, "relay": relay, "push": push });
    std::fs::write(out.join("config.json"), config.to_string())?;
    Ok(std::fs::write(out.join("_headers"), headers(at, trust))?)
}

/// The headers that docs/enclave-hosting.md asks of a host.
fn headers(Addresses { kms, relay, push, .. }: &Addresses, trust: &Trust) -> String {
    // The verifier of releases is WebAssembly; a host that pins a digest does not need it.
    let script = match trust {
        Trust::Pin(_) => "'self'",
        Trust::Policy(_) => "'self' 'wasm-unsafe-eval'",
    };
    let policy = format!(
        "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self'; worker-src 'self'; \
         connect-src 'self' {kms} {relay} {push}; frame-src {kms}/kms.html; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types demo-worker"
    );
    let everywhere = [
        ("Content-Security-Policy", policy.as_str()),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Opener-Policy", "same-origin-allow-popups"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-cache"),
    ];
    let types = [
        ("index.html", "text/html; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("wake.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("config.json", "application/json"),
        ("policy.json", "application/json"),
        ("verifier.wasm", "application/wasm"),
    ];
    let mut text = "/*\n".to_owned();
    for (name, value) in everywhere {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    for (file, kind) in types {
        text.push_str(&format!("/{file}\n  Content-Type: {kind}\n"));
    }
    text
}

fn announce(at: &Addresses, pin: &str, dir: &Path, json: bool) {
    let Addresses { app, kms, relay, push } = at;
    let policy = dir.join("policy.json");
    let believed = if policy.is_file() { format!("--policy {}", policy.display()) } else { format!("--pin {pin}") };
    if json {
        println!(
            "{}",
            json!({ "app": format!("{app}/"), "enclave": format!("{kms}/kms.html"), "sha256": pin, "relay": relay, "push": push })
        );
        return;
    }
    println!(
        "
  Open   {app}/

  1. Create a key, sign, change a letter, verify.        The page never holds the private half.
  2. Subscribe, give a relay a lease for two hours.      Then let it misbehave, and revoke it.
  3. Back up, lose everything, recover.                  The code is shown to you, not to the page.
  4. Let the enclave's server tamper with a file.        The page refuses before any of it runs.

  enclave  {kms}/kms.html
  module   sha256 {pin}
  check    curl -s {kms}/artifacts/kms-{pin}.mjs | sha256sum
  verify   cargo run -q -p briefcase -- enclave verify {kms} {believed}

  Ctrl-C ends it."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_connect_to_its_four_origins_and_frame_one() {
        let text = headers(&Addresses::new(8403, 8404), &Trust::Pin(String::new()));
        let policy = super::super::headers::of(&text, "/index.html")
            .into_iter()
            .find_map(|(name, value)| (name == "Content-Security-Policy").then_some(value))
            .unwrap();
        assert!(policy.contains("frame-src http://kms.briefcase.localhost:8403/kms.html;"));
        assert!(policy.contains(
            "connect-src 'self' http://kms.briefcase.localhost:8403 http://relay.briefcase.localhost:8404 http://push.briefcase.localhost:8404;"
        ));
        assert!(!policy.contains("unsafe"));
    }
}
