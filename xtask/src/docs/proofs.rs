//! Checks that every test and file that a document names as a proof exists: the last column of the tables whose last
//! heading is “proof” or “shown by”.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::workspace;

/// The headings of a column of proofs.
const HEADINGS: [&str; 2] = ["proof", "shown by"];
/// The programs with which a command begins. What follows is not the name of a test.
const COMMANDS: [&str; 2] = ["cargo ", "./x "];
/// The folder of the end-to-end tests. A name that ends in `*` begins the name of a file there.
const END_TO_END: &str = "tests/e2e/tests/it";

/// A name in a column of proofs.
#[derive(Debug, PartialEq, Eq)]
struct Proof {
    line: usize,
    name: String,
}

/// The number of names, and those that nothing has.
pub fn check(documents: &[PathBuf]) -> Result<(usize, Vec<String>), Failure> {
    let sources = sources()?;
    let (mut checked, mut missing) = (0, Vec::new());
    for document in documents {
        let text = std::fs::read_to_string(workspace::root().join(document))?;
        for Proof { line, name } in proofs(&text) {
            checked += 1;
            if !exists(&name, &sources) {
                missing.push(format!("{}:{line}: `{name}` is no test and no file", document.display()));
            }
        }
    }
    Ok((checked, missing))
}

/// The text of every file that can contain a test or its name.
fn sources() -> Result<Vec<String>, Failure> {
    let files = workspace::files(&[".rs", ".ts", ".mjs", ".json", ".toml"])?;
    files.iter().map(|path| Ok(std::fs::read_to_string(workspace::root().join(path)).unwrap_or_default())).collect()
}

fn exists(name: &str, sources: &[String]) -> bool {
    if let Some(begin) = name.strip_suffix('*').filter(|begin| begin.starts_with("attack_")) {
        let files = std::fs::read_dir(workspace::root().join(END_TO_END)).into_iter().flatten().flatten();
        return files.into_iter().any(|file| file.file_name().to_string_lossy().starts_with(begin));
    }
    if name.contains('/') && !name.contains(' ') {
        return alternatives(name).iter().all(|path| workspace::root().join(path).exists());
    }
    if workspace::root().join(END_TO_END).join(format!("{name}.rs")).is_file() || Path::new(name).is_file() {
        return true;
    }
    let stem = name.trim_end_matches(['…', '*']).trim();
    sources.iter().any(|text| text.contains(stem))
}

/// Returns the paths of `a/{b,c}`.
fn alternatives(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (list, after))) => {
            list.split(',').map(|item| format!("{before}{}{after}", item.trim())).collect()
        }
        None => vec![path.to_owned()],
    }
}

fn proofs(text: &str) -> Vec<Proof> {
    let mut found = Vec::new();
    let (mut inside, mut heading) = (false, true);
    for (at, line) in text.lines().enumerate() {
        if !line.starts_with('|') {
            heading = true;
            continue;
        }
        let last = last_cell(line);
        if heading {
            inside = HEADINGS.contains(&last);
            heading = false;
            continue;
        }
        if inside {
            let names = quoted(last, '`', '`').into_iter().chain(quoted(last, '“', '”'));
            let names = names.filter(|name| !COMMANDS.iter().any(|command| name.starts_with(command)));
            found.extend(names.map(|name| Proof { line: at + 1, name: name.to_owned() }));
        }
    }
    found
}

fn last_cell(line: &str) -> &str {
    let row = line.trim().trim_end_matches('|');
    row.rsplit_once('|').map_or(row, |(_, last)| last).trim()
}

fn quoted(text: &str, open: char, close: char) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(open)
        && let Some((name, beyond)) = after.split_once(close)
    {
        found.push(name);
        rest = beyond;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_last_column_are_found() {
        let text = "| a | proof |\n|---|---|\n| `x` | `one`, “two words …”; `cargo xtask web` |\n\n| b | c |\n|---|---|\n| d | `e` |\n";
        let names: Vec<String> = proofs(text).into_iter().map(|proof| proof.name).collect();
        assert_eq!(names, ["one", "two words …"]);
    }

    #[test]
    fn a_name_exists_as_a_file_a_family_of_files_or_in_a_source() {
        let sources = ["fn a_key_is_kept() {}".to_owned()];
        assert!(exists("a_key_is_kept", &sources) && exists("a_key_…", &sources));
        assert!(exists("xtask/src/{docs,ci}", &sources) && exists("attack_01_*", &sources));
        for absent in ["a_key_is_lost", "attack_00_*", "xtask/src/{docs,nothing}"] {
            assert!(!exists(absent, &sources), "{absent}");
        }
    }
}
