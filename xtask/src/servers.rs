//! Runs third-party servers from npm and PyPI directly and through the briefcase, and compares their tools.
//!
//! The servers of `servers.json` get no credentials, a home of their own, and no install scripts. The result is
//! `docs/servers.md`. It needs the registries, so the default run leaves it out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::programs;
use crate::step::Step;
use crate::workspace;

/// The fewest servers that a run compares.
const COMPARED_MIN: usize = 25;
/// The most notes of one server in the table.
const NOTES_MAX: usize = 6;

/// One third-party server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    registry: Registry,
    package: String,
    version: String,
    /// The script in an npm package, or the program of a PyPI package.
    program: String,
    #[serde(default)]
    args: Vec<String>,
    /// Dummy values for what the server wants to start.
    #[serde(default)]
    env: serde_json::Map<String, Value>,
    /// Files in its home, by name.
    #[serde(default)]
    files: serde_json::Map<String, Value>,
    /// Tools that stay out, for a reason that the page gives.
    #[serde(default)]
    without: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Registry {
    Npm,
    Pypi,
}

impl Registry {
    const fn word(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "PyPI",
        }
    }
}

/// Compares every server of the list, and writes the table. With `--only NAME`, compares one and writes nothing.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let mut servers = list()?;
    let only = workspace::option(args, "--only");
    if let Some(only) = only {
        servers.retain(|server| server.package == only);
    }
    programs::build_unless_told(args)?;
    let mut jobs = Vec::new();
    for server in &servers {
        match installed(server) {
            Ok(argv) => jobs.push(job(server, &argv)),
            Err(failure) => println!("{}: cannot be installed: {failure}", server.package),
        }
    }
    let program = workspace::target().join("debug/third_party");
    let told = Step::new(program).filter(&serde_json::to_vec(&jobs)?)?;
    let results: Vec<Value> = serde_json::from_slice(&told)?;
    if only.is_none() {
        std::fs::write(workspace::root().join("docs/servers.md"), page(&servers, &results))?;
    }
    verdict(&servers, &results, only.is_some())
}

fn list() -> Result<Vec<Server>, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(workspace::root().join("xtask/servers.json"))?)?)
}

fn job(server: &Server, argv: &[String]) -> Value {
    json!({
        "package": server.package, "version": server.version, "argv": argv, "env": server.env, "files": server.files,
    })
}

/// Installs a server unless it is installed. Returns its command.
fn installed(server: &Server) -> Result<Vec<String>, Failure> {
    let slug = server.package.replace(['@', '/'], "_");
    let dir = workspace::target().join("servers").join(format!("{slug}-{}", server.version));
    std::fs::create_dir_all(&dir)?;
    let wanted = format!(
        "{}{}{}",
        server.package,
        if matches!(server.registry, Registry::Npm) { "@" } else { "==" },
        server.version
    );
    let (program, mut argv) = match server.registry {
        Registry::Npm => {
            let script = dir.join("node_modules").join(&server.package).join(&server.program);
            if !script.is_file() {
                npm_install(&dir, &wanted)?;
            }
            (script.clone(), vec!["node".to_owned(), script.display().to_string()])
        }
        Registry::Pypi => {
            let program = dir.join("bin").join(&server.program);
            if !program.is_file() {
                pip_install(&dir, &wanted)?;
            }
            (program.clone(), vec![program.display().to_string()])
        }
    };
    if !program.is_file() {
        return Err(Failure::new(format!("the package has no program `{}`", server.program)));
    }
    if let Some(first) = argv.first_mut().filter(|first| *first == "node") {
        *first = node()?.display().to_string();
    }
    argv.extend(server.args.iter().cloned());
    Ok(argv)
}

fn npm_install(dir: &Path, wanted: &str) -> Result<(), Failure> {
    std::fs::write(dir.join("package.json"), r#"{"private":true}"#)?;
    let flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    Step::new("npm").args(["install"]).args(flags).args([wanted]).dir(dir).run()
}

fn pip_install(dir: &Path, wanted: &str) -> Result<(), Failure> {
    Step::new("python3").args(["-m", "venv"]).args([dir]).run()?;
    Step::new(dir.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", wanted]).run()
}

/// The program of Node: a server's environment has no search path of its own.
fn node() -> Result<PathBuf, Failure> {
    let told = Step::new("node").args(["-p", "process.execPath"]).read()?;
    Ok(PathBuf::from(told.trim()))
}

fn verdict(servers: &[Server], results: &[Value], only: bool) -> Result<(), Failure> {
    let named = |member: &str| -> Vec<String> {
        let with = results.iter().filter(|result| result.get(member).is_some());
        with.map(|result| format!("{}: {}", text(result, "package"), text(result, member))).collect()
    };
    let compared = results.iter().filter(|result| result.get("direct").is_some()).count();
    let without = |result: &Value| -> usize {
        let server = servers.iter().find(|server| server.package == text(result, "package"));
        server.map_or(0, |server| server.without.len())
    };
    let listed =
        |result: &Value| count(result, "listed").saturating_add(without(result).try_into().unwrap_or(u64::MAX));
    let missing: Vec<String> = results
        .iter()
        .filter(|result| result.get("direct").is_some() && count(result, "direct") != listed(result))
        .map(|result| text(result, "package").to_owned())
        .collect();
    println!("servers: {compared} compared, {} not to be started here", named("unavailable").len());
    let failed = named("failed");
    if !failed.is_empty() || !missing.is_empty() {
        return Err(Failure::new(format!("not as directly: {}", [failed, missing].concat().join("; "))));
    }
    if compared < COMPARED_MIN && !only {
        return Err(Failure::new(format!("only {compared} servers could be compared; {COMPARED_MIN} are wanted")));
    }
    Ok(())
}

/// The table of the results.
fn page(servers: &[Server], results: &[Value]) -> String {
    let compared: Vec<&Value> = results.iter().filter(|result| result.get("direct").is_some()).collect();
    let sum = |member: &str| compared.iter().map(|result| count(result, member)).sum::<u64>();
    let mut out = String::from("# Third-party servers\n\n");
    let _ = writeln!(
        out,
        "`cargo xtask servers` installs the servers of `xtask/servers.json` from npm and PyPI, without install scripts and\n\
         without credentials. It compares their tools directly with their tools through the gateway and the daemon. It runs\n\
         weekly in CI, and needs both registries. This page is its output.\n"
    );
    let _ = writeln!(
        out,
        "{} servers with {} tools: {} are listed, {} of them byte for byte alike in content.\n",
        compared.len(),
        sum("direct"),
        sum("listed"),
        sum("identical")
    );
    out.push_str(
        "| server | from | version | tools directly | listed | unchanged | notes |\n|---|---|---|---|---|---|---|\n",
    );
    for result in results {
        let package = text(result, "package");
        let from = servers.iter().find(|server| server.package == package).map_or("", |server| server.registry.word());
        let _ = writeln!(
            out,
            "| {package} | {from} | {} | {} | {} | {} | {} |",
            text(result, "version"),
            number(result, "direct"),
            number(result, "listed"),
            number(result, "identical"),
            notes(result)
        );
    }
    out
}

fn notes(result: &Value) -> String {
    for member in ["failed", "unavailable"] {
        if result.get(member).is_some() {
            return format!("{member}: {}", cell(text(result, member)));
        }
    }
    let all: Vec<&str> =
        result.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut shown: Vec<String> = all.iter().take(NOTES_MAX).map(|note| cell(note)).collect();
    if let Some(more) = all.len().checked_sub(NOTES_MAX).filter(|more| *more > 0) {
        shown.push(format!("and {more} more of the same kinds"));
    }
    shown.join("; ")
}

/// Text of one table cell, without line breaks and paths of this machine.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let line = line.replace(&workspace::root().display().to_string(), "");
    if line.len() > 200 {
        format!("{}…", line.get(..line.floor_char_boundary(200)).unwrap_or_default())
    } else {
        line
    }
}

fn number(result: &Value, member: &str) -> String {
    result.get(member).map_or_else(|| "–".to_owned(), ToString::to_string)
}

fn count(result: &Value, member: &str) -> u64 {
    result.get(member).and_then(Value::as_u64).unwrap_or_default()
}

fn text<'a>(result: &'a Value, member: &str) -> &'a str {
    result.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_and_has_enough_servers() {
        let servers = list().unwrap();
        assert!(servers.len() >= COMPARED_MIN);
        let mut names: Vec<&str> = servers.iter().map(|server| server.package.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), servers.len(), "each server once");
    }

    #[test]
    fn the_page_says_what_is_missing() {
        let results = [
            json!({ "package": "a", "version": "1", "direct": 2, "listed": 1, "identical": 1, "notes": ["`x|y` is missing: why"] }),
            json!({ "package": "b", "version": "2", "unavailable": "needs\na network" }),
        ];
        let page = page(&[], &results);
        assert!(page.contains("| a |  | 1 | 2 | 1 | 1 | `x\\|y` is missing: why |"), "{page}");
        assert!(page.contains("| b |  | 2 | – | – | – | unavailable: needs a network |"), "{page}");
        assert!(verdict(&[], &results, true).is_err());
        assert!(verdict(&[], &results[1..], true).is_ok());
        assert!(verdict(&[], &results[1..], false).is_err());
        let known = json!({ "registry": "npm", "package": "a", "version": "1", "program": "x", "without": ["y"] });
        assert!(verdict(&[serde_json::from_value(known).unwrap()], &results, true).is_ok(), "a known reason");
    }
}
