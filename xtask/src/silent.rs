//! Finds tests in targets that Cargo.toml declares free of tests (`test = false`, `doctest = false`), so that no empty
//! test program is linked. Such a test would never run.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::workspace;

/// Fails when a target without tests contains one.
pub fn check() -> Result<(), Failure> {
    let metadata = workspace::metadata()?;
    let members = metadata.get("workspace_members").and_then(Value::as_array).cloned().unwrap_or_default();
    let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    let mut found = Vec::new();
    for package in packages.filter(|package| package.get("id").is_some_and(|id| members.contains(id))) {
        for target in package.get("targets").and_then(Value::as_array).into_iter().flatten() {
            found.extend(silenced(target)?);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("tests that never run, since Cargo.toml declares none here:\n  {}", found.join("\n  "))))
}

/// Returns the files of a target with tests that do not run.
fn silenced(target: &Value) -> Result<Vec<String>, Failure> {
    let is = |name: &str| target.get(name).and_then(Value::as_bool) == Some(true);
    let kinds: Vec<&str> =
        target.get("kind").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let program = kinds == ["bin"];
    let library = kinds.iter().any(|kind| ["lib", "rlib", "cdylib"].contains(kind));
    let Some(source) = target.get("src_path").and_then(Value::as_str).map(Path::new) else { return Ok(Vec::new()) };
    if !program && !library {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for file in files(source)? {
        let text = std::fs::read_to_string(&file)?;
        if (!is("test") && has_test(&text)) || (library && !is("doctest") && has_doc_test(&text)) {
            found.push(file.display().to_string());
        }
    }
    Ok(found)
}

/// Returns the files of a target: one file of `src/bin`, or everything below its root except other programs.
fn files(source: &Path) -> Result<Vec<PathBuf>, Failure> {
    let root = source.parent().unwrap_or(source);
    if root.ends_with("src/bin") {
        return Ok(vec![source.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with("src/bin") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn has_test(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| line == "#[test]" || line.starts_with("#[tokio::test"))
}

/// Returns whether a doc comment has a block that rustdoc compiles: one without a language, or one for Rust.
fn has_doc_test(text: &str) -> bool {
    let docs = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
    });
    let fences = docs.filter_map(|line| line.trim().strip_prefix("```"));
    // Every second fence closes a block.
    fences.step_by(2).any(|language| !["text", "json", "sh", "toml", "http", "ignore"].contains(&language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_doc_tests_are_seen() {
        assert!(has_test("mod tests {\n    #[test]\n    fn a() {}\n}"));
        assert!(has_test("#[tokio::test(flavor = \"multi_thread\")]\nasync fn a() {}"));
        assert!(!has_test("// #[test] would be a test\n"));
        assert!(has_doc_test("/// ```compile_fail,E0308\n/// a\n/// ```\n"));
        assert!(has_doc_test("//! ```text\n//! a\n//! ```\n//! ```\n//! b\n//! ```\n"));
        assert!(!has_doc_test("//! ```text\n//! a\n//! ```\nlet fence = \"```\";\n"));
    }
}
