//! Builds twice, from copies of the sources in two folders, as two users, and compares the whole trees.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::hosts::Hosts;
use crate::failure::Failure;
use crate::node;
use crate::step::Step;
use crate::workspace;

/// `cargo xtask enclave reproduce`.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let hosts = if args.iter().any(|arg| arg == "--host") { args.to_vec() } else { default_hosts() };
    Hosts::read(&hosts)?;
    let base = std::env::temp_dir().join(format!("briefcase-reproduce-{}", std::process::id()));
    let outcome = compared(&base, &hosts);
    std::fs::remove_dir_all(&base)?;
    outcome
}

fn default_hosts() -> Vec<String> {
    ["--host", "https://app.example"].map(str::to_owned).to_vec()
}

fn compared(base: &Path, hosts: &[String]) -> Result<(), Failure> {
    let first = tree(&built(&base.join("one"), hosts, None)?)?;
    let user = Other::found()?;
    let second = tree(&built(&base.join("a much longer path/two"), hosts, Some(user))?)?;
    let differing = differences(&first, &second)?;
    if !differing.is_empty() {
        return Err(Failure::new(format!("two builds differ in {}", differing.join(", "))));
    }
    println!("{} files are the same, byte for byte, from two folders and two users ({user:?}):", first.len());
    for (path, digest) in &first {
        println!("  {}  {path}", digest.hex());
    }
    Ok(())
}

/// Returns the paths with different bytes. Two trees without files are a failure too.
fn differences(first: &BTreeMap<String, Digest>, second: &BTreeMap<String, Digest>) -> Result<Vec<String>, Failure> {
    let module = |tree: &BTreeMap<String, Digest>| tree.keys().any(|path| path.ends_with(".mjs"));
    if !module(first) || !module(second) {
        return Err(Failure::new("nothing to compare: a build made no module"));
    }
    let paths = first.keys().chain(second.keys());
    let mut differing: Vec<String> = paths.filter(|path| first.get(*path) != second.get(*path)).cloned().collect();
    differing.sort();
    differing.dedup();
    Ok(differing)
}

/// The second user of the build. The usable kind depends on the toolchain's place: `nobody` cannot read that of root.
#[derive(Clone, Copy, Debug)]
enum Other {
    /// The system's user `nobody`.
    Nobody,
    /// The same files under another user's number and name, in a user namespace.
    Mapped,
}

impl Other {
    /// Without a second user there is no proof, so this fails.
    fn found() -> Result<Self, Failure> {
        let all = [Self::Nobody, Self::Mapped];
        let can = |user: &Self| user.step().args([cargo()]).args(["--version"]).succeeds();
        all.into_iter().find(can).ok_or_else(|| {
            Failure::new("no second user to build as: run it as root, or allow user namespaces (`unshare --user`)")
        })
    }

    /// The command that runs a command line as this user.
    fn step(self) -> Step {
        match self {
            Self::Nobody => Step::new("runuser").args(["-u", NOBODY, "--"]),
            Self::Mapped => Step::new("unshare").args(["--user", "--map-user=65534", "--map-group=65534", "--"]),
        }
    }
}

const NOBODY: &str = "nobody";

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Copies the sources into `dir` and builds them there with a separate target folder and npm packages. As another user,
/// also with a separate cargo, home, time zone and language.
fn built(dir: &Path, hosts: &[String], user: Option<Other>) -> Result<PathBuf, Failure> {
    copy(dir)?;
    let (home, out) = (dir.join("home"), dir.join("out"));
    if matches!(user, Some(Other::Nobody)) {
        Step::new("chown").args(["-R", NOBODY]).args([dir]).run()?;
    }
    let step = match user {
        None => Step::cargo(),
        Some(user) => {
            let step = user.step().args([cargo()]);
            [("HOME", home.as_os_str()), ("CARGO_HOME", home.as_os_str())]
                .into_iter()
                .chain([("USER", NOBODY), ("LOGNAME", NOBODY), ("TZ", "Asia/Tokyo"), ("LC_ALL", "C.UTF-8")].map(env))
                .fold(step, |step, (name, value)| step.env(name, value))
        }
    };
    step.args(["xtask", "enclave", "build", "--out"])
        .args([&out])
        .args(hosts)
        .dir(dir.join("source"))
        .env("PATH", path(dir)?)
        .env("RUSTUP_HOME", rustup_home())
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .env("npm_config_cache", home.join("npm"))
        .run()?;
    Ok(out)
}

fn env(pair: (&'static str, &'static str)) -> (&'static str, &'static OsStr) {
    (pair.0, OsStr::new(pair.1))
}

/// The folder of rustup's toolchains: with another home, rustup would look elsewhere.
fn rustup_home() -> OsString {
    let own = || Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".rustup").into_os_string();
    std::env::var_os("RUSTUP_HOME").unwrap_or_else(own)
}

/// The path with a copy of our Node first: the copied sources have no npm packages with one.
fn path(dir: &Path) -> Result<OsString, Failure> {
    let old = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(dir.join("bin")).chain(std::env::split_paths(&old)))
        .map_err(|error| Failure::new(format!("PATH: {error}")))
}

/// Copies exactly the files that git would commit: a build that needs more is not reproducible.
fn copy(dir: &Path) -> Result<(), Failure> {
    let source = dir.join("source");
    for path in workspace::files(&[""])? {
        let to = source.join(&path);
        std::fs::create_dir_all(to.parent().unwrap_or(&source))?;
        std::fs::copy(workspace::root().join(&path), to)?;
    }
    std::fs::create_dir_all(dir.join("home"))?;
    std::fs::create_dir_all(dir.join("bin"))?;
    let node = node::node()?;
    if node.is_absolute() {
        std::fs::copy(node, dir.join("bin/node"))?;
    }
    Ok(())
}

/// Every file below a folder with its digest.
fn tree(dir: &Path) -> Result<BTreeMap<String, Digest>, Failure> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, Digest::of(&std::fs::read(&path)?));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<String, Digest> {
        files.iter().map(|(path, text)| ((*path).to_owned(), Digest::of(text.as_bytes()))).collect()
    }

    #[test]
    fn a_byte_a_missing_file_and_a_file_more_are_differences() {
        let whole = tree(&[("a.mjs", "x"), ("b", "y")]);
        assert!(differences(&whole, &whole).unwrap().is_empty());
        assert_eq!(differences(&whole, &tree(&[("a.mjs", "X"), ("b", "y")])).unwrap(), ["a.mjs"]);
        assert_eq!(differences(&whole, &tree(&[("a.mjs", "x")])).unwrap(), ["b"]);
        assert_eq!(differences(&tree(&[("a.mjs", "x")]), &whole).unwrap(), ["b"]);
    }

    #[test]
    fn comparing_nothing_is_no_agreement() {
        assert!(differences(&tree(&[]), &tree(&[])).is_err());
        assert!(differences(&tree(&[("b", "y")]), &tree(&[("b", "y")])).is_err());
    }
}
