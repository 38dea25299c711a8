//! Caps on the size of files, functions and crates: without a check, every project grows one giant file.
//!
//! Only lines of code count: no blank lines, no comments, nothing under `#[cfg(test)]`.

mod rust;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::workspace;

pub use rust::{is_production, only_for_tests};

const CRATE: usize = 8_000;

/// The caps of one language.
struct Caps {
    file: usize,
    function: usize,
}

const RUST: Caps = Caps { file: 500, function: 80 };
const TYPESCRIPT: Caps = Caps { file: 350, function: 60 };

/// The measurements of one file.
#[derive(Default)]
pub struct Measured {
    /// Lines of code.
    lines: usize,
    /// Each function's name and lines of code.
    functions: Vec<(String, usize)>,
}

#[derive(Deserialize)]
struct Exceptions {
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    what: String,
    lines: usize,
    reason: String,
}

/// All findings, before the exceptions.
#[derive(Default)]
struct Findings {
    files: Vec<usize>,
    functions: Vec<usize>,
    crates: BTreeMap<String, usize>,
    over: Vec<Over>,
}

struct Over {
    what: String,
    lines: usize,
    cap: usize,
}

/// Checks the caps; `--report` shows medians too.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let text = std::fs::read_to_string(workspace::root().join("xtask/size-exceptions.toml"))?;
    let exceptions: Exceptions = toml::from_str(&text)?;
    let mut findings = Findings::default();
    for path in workspace::files(&[".rs"])?.iter().filter(|path| rust::is_production(path)) {
        let source = std::fs::read_to_string(workspace::root().join(path))?;
        let measured = rust::measure(&source).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        let folder: Vec<_> = path.iter().take_while(|part| *part != "src").map(|part| part.to_string_lossy()).collect();
        *findings.crates.entry(folder.join("/")).or_default() += measured.lines;
        findings.add(path, &measured, &RUST);
    }
    for path in workspace::files(&[".ts", ".tsx"])?.iter().filter(|path| typescript::is_production(path)) {
        let source = std::fs::read_to_string(workspace::root().join(path))?;
        findings.add(path, &typescript::measure(&source), &TYPESCRIPT);
    }
    let crates = findings.crates.iter().filter(|(_, lines)| **lines > CRATE);
    let crates: Vec<Over> =
        crates.map(|(name, lines)| Over { what: name.clone(), lines: *lines, cap: CRATE }).collect();
    findings.over.extend(crates);
    if workspace::flag(args, "--report") {
        findings.report();
    }
    check(&findings, &exceptions.exception)
}

impl Findings {
    fn add(&mut self, path: &Path, measured: &Measured, caps: &Caps) {
        let what = path.display().to_string();
        self.files.push(measured.lines);
        if measured.lines > caps.file {
            self.over.push(Over { what: what.clone(), lines: measured.lines, cap: caps.file });
        }
        for (name, lines) in &measured.functions {
            self.functions.push(*lines);
            if *lines > caps.function {
                self.over.push(Over { what: format!("{what}::{name}"), lines: *lines, cap: caps.function });
            }
        }
    }

    fn report(&mut self) {
        self.files.sort_unstable();
        self.functions.sort_unstable();
        let at = |list: &[usize], percent: usize| list.get(list.len() * percent / 100).copied().unwrap_or(0);
        println!("files      median {:>4}  p90 {:>4}", at(&self.files, 50), at(&self.files, 90));
        println!("functions  median {:>4}  p90 {:>4}", at(&self.functions, 50), at(&self.functions, 90));
        for (name, lines) in &self.crates {
            println!("{lines:>6}  {name}");
        }
    }
}

fn check(findings: &Findings, exceptions: &[Exception]) -> Result<(), Failure> {
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for over in &findings.over {
        let excepted = exceptions.iter().find(|exception| exception.what == over.what);
        if let Some(exception) = excepted {
            used.insert(&exception.what);
        }
        let cap = excepted.map_or(over.cap, |exception| exception.lines);
        if over.lines > cap {
            wrong.push(format!("{}: {} lines of code, the cap is {cap}", over.what, over.lines));
        }
    }
    for exception in exceptions {
        if !used.contains(&exception.what) {
            wrong.push(format!("{}: its exception is no longer needed, remove it", exception.what));
        }
        if exception.reason.trim().is_empty() {
            wrong.push(format!("{}: its exception gives no reason", exception.what));
        }
    }
    if wrong.is_empty() {
        println!("sizes: {} files and {} functions under their caps", findings.files.len(), findings.functions.len());
        return Ok(());
    }
    Err(Failure::new(wrong.join("\n       ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(lines: usize) -> Findings {
        Findings { over: vec![Over { what: "a.rs".into(), lines, cap: 500 }], ..Findings::default() }
    }

    fn exception(lines: usize, reason: &str) -> Vec<Exception> {
        vec![Exception { what: "a.rs".into(), lines, reason: reason.into() }]
    }

    #[test]
    fn over_the_cap_fails_and_an_exception_is_a_cap_of_its_own() {
        assert!(check(&over(501), &[]).is_err());
        assert!(check(&over(501), &exception(510, "reads top to bottom")).is_ok());
        assert!(check(&over(511), &exception(510, "reads top to bottom")).is_err());
    }

    #[test]
    fn an_exception_without_reason_or_need_fails() {
        assert!(check(&over(501), &exception(510, " ")).is_err());
        assert!(check(&Findings::default(), &exception(510, "reads top to bottom")).is_err());
    }
}
