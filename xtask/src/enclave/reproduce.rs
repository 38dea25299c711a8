//! Builds twice, from copies of the sources in two folders (and, when root asks, as another user), and compares whole trees.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::digest::Digest;
use super::hosts::Hosts;
use crate::failure::Failure;
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
    let user = other_user();
    let second = tree(&built(&base.join("a much longer path/two"), hosts, user)?)?;
    let differing = differences(&first, &second)?;
    if !differing.is_empty() {
        return Err(Failure::new(format!("two builds differ in {}", differing.join(", "))));
    }
    println!(
        "{} files are the same, byte for byte, from two folders and as {}:",
        first.len(),
        user.unwrap_or("one user")
    );
    for (path, digest) in &first {
        println!("  {}  {path}", digest.hex());
    }
    Ok(())
}

/// Paths whose bytes are not the same. Two trees without files agree on nothing, and that is a failure too.
fn differences(first: &BTreeMap<String, Digest>, second: &BTreeMap<String, Digest>) -> Result<Vec<String>, Failure> {
    let module = |tree: &BTreeMap<String, Digest>| tree.keys().any(|path| path.ends_with(".mjs"));
    if !module(first) || !module(second) {
        return Err(Failure::new("there was nothing to compare: a build made no module"));
    }
    let paths = first.keys().chain(second.keys());
    let mut differing: Vec<String> = paths.filter(|path| first.get(*path) != second.get(*path)).cloned().collect();
    differing.sort();
    differing.dedup();
    Ok(differing)
}

/// Root can show that the user does not matter; anybody else says that it was not shown.
fn other_user() -> Option<&'static str> {
    let root = Step::new("id").args(["-u"]).read().is_ok_and(|id| id.trim() == "0");
    (root && Step::new("runuser").args(["-u", "nobody", "--", "true"]).succeeds()).then_some("nobody")
}

/// Copies the sources into `dir` and builds them there with a cargo, a target folder and npm packages of their own.
fn built(dir: &Path, hosts: &[String], user: Option<&str>) -> Result<PathBuf, Failure> {
    copy(dir)?;
    let out = dir.join("out");
    let target = dir.join("target");
    let mut args: Vec<String> = ["xtask", "enclave", "build", "--out"].map(str::to_owned).to_vec();
    args.push(out.to_string_lossy().into_owned());
    args.extend(hosts.iter().cloned());
    let step = match user {
        None => Step::cargo(),
        Some(user) => {
            Step::new("chown").args(["-R", user]).args([dir]).run()?;
            let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            Step::new("runuser").args(["-u", user, "--"]).args([program])
        }
    };
    let home = dir.join("home");
    let mut step = step
        .args(&args)
        .dir(dir.join("source"))
        .env("CARGO_TARGET_DIR", target)
        .env("npm_config_cache", home.join("npm"));
    if user.is_some() {
        step = step.env("HOME", &home).env("CARGO_HOME", &home);
    }
    step.run()?;
    Ok(out)
}

/// What git would commit, and nothing else: a build that needs more than that is not reproducible.
fn copy(dir: &Path) -> Result<(), Failure> {
    let source = dir.join("source");
    for path in workspace::files(&[""])? {
        let to = source.join(&path);
        std::fs::create_dir_all(to.parent().unwrap_or(&source))?;
        std::fs::copy(workspace::root().join(&path), to)?;
    }
    std::fs::create_dir_all(dir.join("home"))?;
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
