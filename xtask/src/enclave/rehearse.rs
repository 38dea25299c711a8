//! `cargo xtask enclave rehearse`: a whole release on this machine, in the steps of the workflow, and its verification
//! by users. Sigstore is its project's own mock; log and witnesses are real programs with temporary keys.

use std::path::Path;

use serde_json::Value;

use super::build;
use super::hosts::Hosts;
use super::maker::Maker;
use super::manifest::Release;
use super::publish;
use super::serve::{Server, Site};
use super::verify::{auditor, verified};
use crate::failure::Failure;
use crate::step::Step;
use crate::{programs, workspace};

const IDENTITY: &str = "https://github.com/briefcase/briefcase/.github/workflows/release.yml@refs/tags/rehearsal";

/// Makes two releases, verifies both as a user would, and checks that a changed byte is detected.
pub fn run(_: &[String]) -> Result<(), Failure> {
    programs::build(&[])?;
    let dir = workspace::target().join("enclave/rehearsal");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let maker = Maker::new(&dir, IDENTITY)?;
    let server = Server::bind(0)?;
    let port = server.port()?;
    let [first, second] = ["first", "second"].map(|name| dir.join(name));
    let (program, state) = (auditor()?, dir.join("watched.json"));
    let host = |number: u64| format!("http://app{number}.briefcase.localhost:{port}");
    site(&first, 1, &host(1))?;
    let root = maker.publish(&first)?;
    site(&second, 2, &host(2))?;
    publish::follow(&second, &first)?;
    let root_of_second = maker.publish(&second)?;
    let names = ["one", "two"].map(|name| format!("{name}.briefcase.localhost"));
    let sites = names.iter().zip([&first, &second]).map(|(name, dir)| Site { name: name.clone(), dir: dir.clone() });
    let sites = sites.collect();
    std::thread::spawn(move || server.serve(sites));
    for (name, root) in names.iter().zip([&root, &root_of_second]) {
        let policy = dir.join(format!("{name}.policy.json"));
        std::fs::write(&policy, maker.policy(root).to_string())?;
        let url = format!("http://{name}:{port}");
        verified(&program, &[&url, "--policy", &policy.to_string_lossy()])?;
        println!("rehearse: {url} is verified");
    }
    let policy = dir.join(format!("{}.policy.json", names[1]));
    let url = format!("http://{}:{port}", names[1]);
    let watch = ["watch", &url, "--once", "--policy", &policy.to_string_lossy(), "--state", &state.to_string_lossy()]
        .map(str::to_owned);
    Step::new(&program).args(&watch).read()?;
    spoil(&second)?;
    if Step::new(&program).args(&watch).succeeds() {
        return Err(Failure::new("a changed module was accepted as a release"));
    }
    println!("rehearse: a changed byte is detected");
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
