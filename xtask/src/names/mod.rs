//! One word, one meaning: a second public type of the same name needs a reason, and some words are denied.
//!
//! Reads `xtask/names.toml`. Invariant: a reasoned exception that is no longer needed fails too, so the list only shrinks.

mod rust;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;
use crate::workspace;

#[derive(Deserialize)]
struct Rules {
    #[serde(default)]
    generic: Vec<Generic>,
    #[serde(default)]
    folder: Vec<Folder>,
    #[serde(default)]
    same: Vec<Same>,
    denied: Vec<Denied>,
    #[serde(default)]
    allowed: Vec<Allowed>,
}

/// Names that each crate may have one of.
#[derive(Deserialize)]
struct Generic {
    names: Vec<String>,
    reason: String,
}

/// A folder whose types are not compared with others.
#[derive(Deserialize)]
struct Folder {
    path: String,
    reason: String,
}

/// A name that several crates define for a reason. A crate with two of them is listed twice.
#[derive(Deserialize)]
struct Same {
    name: String,
    crates: Vec<String>,
    reason: String,
}

/// A word that may not be part of a name.
#[derive(Deserialize)]
struct Denied {
    word: String,
    /// The whole name only: the word inside a longer name is plain English.
    #[serde(default)]
    whole: bool,
    /// The word is a plain verb as the name of a function.
    #[serde(default)]
    verb: bool,
    instead: String,
}

/// A name with a denied word that stays.
#[derive(Deserialize)]
struct Allowed {
    name: String,
    reason: String,
}

/// A public type and where it is defined.
struct Type {
    name: String,
    /// The folder of its crate, such as `crates/engine`.
    home: String,
    place: String,
}

/// A name of anything: a type, a function, a module or a file.
struct Name {
    name: String,
    is_function: bool,
    place: String,
}

/// Checks the names.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(workspace::root().join("xtask/names.toml"))?)?;
    let (mut types, mut names) = (Vec::new(), Vec::new());
    for path in workspace::files(&[".rs", ".ts", ".tsx"])? {
        names.extend(of_path(&path));
        if path.extension().is_some_and(|ending| ending == "rs") {
            let source = std::fs::read_to_string(workspace::root().join(&path))?;
            let found = rust::read(&path, &source)
                .map_err(|error| Failure::new(format!("{}: not Rust: {error}", path.display())))?;
            types.extend(found.types.into_iter().filter(|_| ships(&path)));
            names.extend(found.names);
        }
    }
    let mut wrong = twice(&rules, &types);
    wrong.extend(denied(&rules, &names));
    wrong.extend(unreasoned(&rules));
    if !wrong.is_empty() {
        return Err(Failure::new(wrong.join("\n       ")));
    }
    println!("names: {} public types and {} names checked", types.len(), names.len());
    Ok(())
}

/// Returns whether a file's public types are compared: those of crates and programs, without the test kit.
fn ships(path: &Path) -> bool {
    let shipped = crate::sizes::is_production(path) && (path.starts_with("crates") || path.starts_with("apps"));
    shipped && !path.starts_with("crates/testkit")
}

/// The names that a path adds: its file and the folders that hold it.
fn of_path(path: &Path) -> Vec<Name> {
    let place = path.display().to_string();
    let parts = path.with_extension("");
    let name = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
    parts.iter().map(|part| Name { name: name(part), is_function: false, place: place.clone() }).collect()
}

/// Public types of the same name without a reason.
fn twice(rules: &Rules, types: &[Type]) -> Vec<String> {
    let compared = |found: &&Type| !rules.folder.iter().any(|folder| found.place.starts_with(&folder.path));
    let mut by_name: BTreeMap<&str, Vec<&Type>> = BTreeMap::new();
    for found in types.iter().filter(compared) {
        by_name.entry(&found.name).or_default().push(found);
    }
    let mut wrong = Vec::new();
    for (name, found) in by_name.iter().filter(|(_, found)| found.len() > 1) {
        if is_excepted(rules, name, found) {
            continue;
        }
        let places: Vec<&str> = found.iter().map(|found| found.place.as_str()).collect();
        wrong.push(format!("{name} is defined {} times: {}", found.len(), places.join(", ")));
    }
    let is_twice = |name: &str| by_name.get(name).is_some_and(|found| found.len() > 1);
    let same = rules.same.iter().map(|same| &same.name);
    let generic = rules.generic.iter().flat_map(|generic| &generic.names);
    let stale = same.chain(generic).filter(|name| !is_twice(name));
    wrong.extend(stale.map(|name| format!("{name} is not defined twice: remove it from xtask/names.toml")));
    wrong
}

/// Whether a rule allows exactly these definitions.
fn is_excepted(rules: &Rules, name: &str, found: &[&Type]) -> bool {
    let mut homes: Vec<&str> = found.iter().map(|found| found.home.as_str()).collect();
    homes.sort_unstable();
    let generic = rules.generic.iter().any(|generic| generic.names.iter().any(|known| known == name));
    let one_each = homes.iter().collect::<BTreeSet<_>>().len() == homes.len();
    let listed = |same: &Same| {
        let mut crates: Vec<&str> = same.crates.iter().map(String::as_str).collect();
        crates.sort_unstable();
        same.name == name && crates == homes
    };
    (generic && one_each) || rules.same.iter().any(listed)
}

/// Names with a word of the deny list.
fn denied(rules: &Rules, names: &[Name]) -> Vec<String> {
    let (mut wrong, mut used) = (BTreeMap::new(), BTreeSet::new());
    for found in names {
        let Some(rule) = rules.denied.iter().find(|rule| rule.is_in(found)) else { continue };
        if let Some(exception) = rules.allowed.iter().find(|allowed| allowed.name == found.name) {
            used.insert(exception.name.as_str());
            continue;
        }
        let text = format!("{}: `{}` has the word `{}`: {}", found.place, found.name, rule.word, rule.instead);
        wrong.entry((&found.name, &found.place)).or_insert(text);
    }
    let stale = rules.allowed.iter().map(|allowed| &allowed.name).filter(|name| !used.contains(name.as_str()));
    let stale = stale.map(|name| format!("nothing is named {name}: remove it from xtask/names.toml"));
    wrong.into_values().chain(stale).collect()
}

impl Denied {
    fn is_in(&self, found: &Name) -> bool {
        if found.is_function && self.verb {
            return false;
        }
        let words = words(&found.name);
        let is_it = |word: &String| *word == self.word || word.strip_suffix('s').is_some_and(|word| word == self.word);
        if self.whole { words.len() == 1 && words.iter().all(is_it) } else { words.iter().any(is_it) }
    }
}

/// The words of a name in snake, kebab, dotted or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || letter.is_uppercase() {
            words.push(String::new());
        }
        fresh = false;
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

fn unreasoned(rules: &Rules) -> Vec<String> {
    let generic = rules.generic.iter().map(|rule| (rule.names.join(", "), &rule.reason));
    let folder = rules.folder.iter().map(|rule| (rule.path.clone(), &rule.reason));
    let same = rules.same.iter().map(|rule| (rule.name.clone(), &rule.reason));
    let allowed = rules.allowed.iter().map(|rule| (rule.name.clone(), &rule.reason));
    let all = generic.chain(folder).chain(same).chain(allowed);
    all.filter(|(_, reason)| reason.trim().is_empty())
        .map(|(what, _)| format!("{what}: its exception gives no reason"))
        .collect()
}

#[cfg(test)]
mod tests;
