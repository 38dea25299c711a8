//! Licences, sources and duplicate versions of dependencies, by cargo-deny, offline.
//!
//! The check for known vulnerabilities is an additional run: the advisory database changes from day to day, so a check
//! that fetched it could pass today and fail tomorrow. It runs when a copy is in the cache; `--advisories` fetches one.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step::Step;
use crate::{tools, workspace};

const VERSION: &str = "0.20.2";

/// The database of known vulnerabilities.
const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Runs the checks that need no network. `--advisories` fetches the database of known vulnerabilities first.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let program = install()?;
    let database = workspace::cache()?.join("advisory-dbs");
    let config = config(&database)?;
    let deny = |args: &[&str]| Step::new(&program).args(["--locked", "--config"]).args([&config]).args(args);
    if workspace::flag(args, "--advisories") {
        println!("deny: fetching {DATABASE} (this needs the network)");
        deny(&["fetch", "db"]).run()?;
    }
    let mut step = deny(&["--offline", "check", "--hide-inclusion-graph"]);
    if database.is_dir() {
        println!("additional run: known vulnerabilities (deny): ran, database {}", database.display());
        step = step.args(["--disable-fetch", "advisories"]);
    } else {
        println!(
            "additional run: known vulnerabilities (deny): did not run, no database at {}; `cargo xtask deny --advisories` fetches it",
            database.display()
        );
    }
    step.args(["bans", "licenses", "sources"]).run()
}

/// Writes deny.toml with the database's path on this machine, which may not be below the home folder.
fn config(database: &Path) -> Result<PathBuf, Failure> {
    let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(workspace::root().join("deny.toml"))?)?;
    let mut advisories = toml::Table::new();
    advisories.insert("db-path".into(), database.to_string_lossy().into_owned().into());
    advisories.insert("db-urls".into(), vec![DATABASE].into());
    advisories.insert("yanked".into(), "allow".into());
    config.insert("advisories".into(), advisories.into());
    let path = workspace::target().join("deny.toml");
    std::fs::create_dir_all(workspace::target())?;
    std::fs::write(&path, config.to_string())?;
    Ok(path)
}

/// Returns cargo-deny in this version, if it is installed on the machine or in the cache.
pub fn installed() -> Option<PathBuf> {
    let is_this = |program: &PathBuf| {
        let told = if program.is_absolute() && !program.is_file() {
            None
        } else {
            Step::new(program).args(["--version"]).read().ok()
        };
        told.is_some_and(|told| told.split_whitespace().nth(1) == Some(VERSION))
    };
    let machine = tools::on_path("cargo-deny").then(|| PathBuf::from("cargo-deny"));
    machine.into_iter().chain(cached().ok()).find(is_this)
}

/// Installs cargo-deny into the cache.
///
/// Built without optimisation: it runs for seconds, and compiling it is the longest part of the setup.
pub fn install() -> Result<PathBuf, Failure> {
    if let Some(program) = installed() {
        return Ok(program);
    }
    let tools = workspace::cache()?.join("tools");
    println!("deny: building cargo-deny {VERSION} once, into {}", tools.display());
    Step::cargo()
        .args(["install", "--locked", "--no-default-features", "cargo-deny", "--version", VERSION])
        .args(["--root"])
        .args([&tools])
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .run()?;
    cached()
}

fn cached() -> Result<PathBuf, Failure> {
    Ok(workspace::cache()?.join("tools/bin/cargo-deny"))
}
