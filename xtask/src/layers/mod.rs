//! Imports go downward only, some programs may not link some crates, the modules of the daemon have no circles, and
//! `unsafe` occurs only in listed crates.
//!
//! Reads `xtask/layers.toml`, the source, and the resolved dependency graph. Only normal dependencies count:
//! development and build dependencies do not ship.

mod circles;
mod modules;
mod unsafe_code;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

#[derive(Deserialize)]
struct Rules {
    layer: Vec<Layer>,
    #[serde(default)]
    beside: Vec<Beside>,
    outside: Outside,
    #[serde(default)]
    forbidden: Vec<Forbidden>,
    #[serde(default)]
    circle: Vec<circles::Allowed>,
    #[serde(default, rename = "unsafe")]
    unsafe_code: Vec<unsafe_code::Allowed>,
}

/// The program whose crates may have no circles between modules.
const DAEMON: &str = "briefcased";

#[derive(Deserialize)]
struct Layer {
    name: String,
    crates: Vec<String>,
}

#[derive(Deserialize)]
struct Beside {
    #[serde(rename = "crate")]
    user: String,
    may_use: Vec<String>,
}

#[derive(Deserialize)]
struct Outside {
    crates: Vec<String>,
}

#[derive(Deserialize)]
struct Forbidden {
    #[serde(rename = "crate")]
    user: String,
    not: Vec<String>,
    reason: String,
}

/// Package name → names of the packages it links directly.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Checks the layers.
pub fn run(_: &[String]) -> Result<(), Failure> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(workspace::root().join("xtask/layers.toml"))?)?;
    let metadata = workspace::metadata()?;
    let graph = graph(&metadata);
    let mut wrong = unlisted(&rules, &metadata);
    wrong.extend(upward(&rules, &graph));
    wrong.extend(forbidden(&rules)?);
    let packages = packages(&metadata);
    let linked = below(DAEMON, &graph);
    let daemons: Vec<_> = packages.iter().filter(|(name, _)| linked.contains(name)).cloned().collect();
    wrong.extend(circles::check(&daemons, &rules.circle)?);
    wrong.extend(unsafe_code::check(&packages, &rules.unsafe_code)?);
    if wrong.is_empty() {
        let (crates, layers) = (members(&metadata).len(), rules.layer.len());
        println!(
            "layers: {crates} crates in {layers} layers, imports only downward; no circles in {} crates of the daemon; \
             unsafe code in {} packages",
            daemons.len(),
            rules.unsafe_code.len()
        );
        return Ok(());
    }
    Err(Failure::new(wrong.join("\n        ")))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

fn graph(metadata: &Value) -> Graph {
    let names: BTreeMap<&str, &str> =
        list(metadata, "/packages").map(|package| (text(package, "id"), text(package, "name"))).collect();
    let name = |id: &str| names.get(id).copied().unwrap_or_default().to_owned();
    let mut graph = Graph::new();
    for node in list(metadata, "/resolve/nodes") {
        let links = list(node, "/deps")
            .filter(|dep| list(dep, "/dep_kinds").any(|kind| kind.get("kind").is_some_and(Value::is_null)))
            .map(|dep| name(text(dep, "pkg")));
        graph.entry(name(text(node, "id"))).or_default().extend(links);
    }
    graph
}

/// Names of the workspace's packages under crates/ and apps/.
fn members(metadata: &Value) -> BTreeSet<String> {
    let root = workspace::root();
    list(metadata, "/packages")
        .filter(|package| {
            let manifest = std::path::Path::new(text(package, "manifest_path"));
            ["crates", "apps"].iter().any(|folder| manifest.starts_with(root.join(folder)))
        })
        .map(|package| text(package, "name").to_owned())
        .collect()
}

/// The workspace's packages: their names, and their folders below the root.
fn packages(metadata: &Value) -> Vec<(String, String)> {
    let folder = |package: &Value| {
        let manifest = std::path::Path::new(text(package, "manifest_path"));
        let folder = manifest.parent()?.strip_prefix(workspace::root()).ok()?;
        Some((text(package, "name").to_owned(), folder.to_str()?.to_owned()))
    };
    list(metadata, "/packages").filter_map(folder).collect()
}

/// Returns a package and its transitive dependencies.
fn below(package: &str, graph: &Graph) -> BTreeSet<String> {
    let mut found = BTreeSet::from([package.to_owned()]);
    let mut open = vec![package];
    while let Some(user) = open.pop() {
        for used in graph.get(user).into_iter().flatten() {
            if found.insert(used.clone()) {
                open.push(used);
            }
        }
    }
    found
}

fn unlisted(rules: &Rules, metadata: &Value) -> Vec<String> {
    let listed: BTreeSet<&String> =
        rules.layer.iter().flat_map(|layer| &layer.crates).chain(&rules.outside.crates).collect();
    let members = members(metadata);
    let missing = members.iter().filter(|name| !listed.contains(name));
    let stale = listed.iter().filter(|name| !members.contains(**name));
    missing
        .map(|name| format!("{name} is in no layer: list it in xtask/layers.toml"))
        .chain(stale.map(|name| format!("{name} is listed in xtask/layers.toml but does not exist")))
        .collect()
}

fn upward(rules: &Rules, graph: &Graph) -> Vec<String> {
    let layer_of: BTreeMap<&str, usize> = rules
        .layer
        .iter()
        .enumerate()
        .flat_map(|(at, layer)| layer.crates.iter().map(move |name| (name.as_str(), at)))
        .collect();
    let beside = |user: &str, used: &str| {
        rules.beside.iter().any(|rule| rule.user == user && rule.may_use.iter().any(|name| name == used))
    };
    let mut wrong = Vec::new();
    for (user, at) in &layer_of {
        for used in graph.get(*user).into_iter().flatten() {
            if rules.outside.crates.contains(used) {
                wrong.push(format!("{user} links {used}, which is for tests only"));
            }
            let Some(below) = layer_of.get(used.as_str()) else { continue };
            if below > at || (below == at && !beside(user, used)) {
                let layer = rules.layer.get(*below).map_or("", |layer| layer.name.as_str());
                wrong.push(format!("{user} uses {used} of layer `{layer}`, which is not below it"));
            }
        }
    }
    wrong
}

fn forbidden(rules: &Rules) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for rule in &rules.forbidden {
        // One query per package: features that only another program enables do not count here.
        let tree = Step::cargo()
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "depth", "--format", " {p}", "--no-dedupe"])
            .args(["--package", &rule.user])
            .read()?;
        let paths = linked(&tree);
        for name in &rule.not {
            if let Some(path) = paths.get(name.as_str()) {
                wrong.push(format!("{path}: {} may not link {name} ({})", rule.user, rule.reason));
            }
        }
    }
    Ok(wrong)
}

/// Returns all packages in the output of `cargo tree --prefix depth`, each with one path to it.
fn linked(tree: &str) -> BTreeMap<&str, String> {
    let mut paths = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let depth = words.next().and_then(|depth| depth.parse::<usize>().ok());
        let (Some(depth), Some(name)) = (depth, words.next()) else { continue };
        above.truncate(depth);
        above.push(name);
        paths.entry(name).or_insert_with(|| above.join(" → "));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph_of(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::new();
        for (user, used) in edges {
            graph.entry((*user).to_owned()).or_default().insert((*used).to_owned());
        }
        graph
    }

    fn rules() -> Rules {
        toml::from_str(
            r#"
            [[layer]]
            name = "low"
            crates = ["a", "b"]
            [[layer]]
            name = "high"
            crates = ["c", "d"]
            [[beside]]
            crate = "b"
            may_use = ["a"]
            [outside]
            crates = ["kit"]
            "#,
        )
        .unwrap()
    }

    #[test]
    fn downward_and_allowed_neighbours_pass() {
        assert!(upward(&rules(), &graph_of(&[("c", "a"), ("d", "b"), ("b", "a")])).is_empty());
    }

    #[test]
    fn upward_sideways_and_test_crates_are_named() {
        for edge in [("a", "c"), ("c", "d"), ("a", "b"), ("c", "kit")] {
            assert_eq!(upward(&rules(), &graph_of(&[edge])).len(), 1, "{edge:?}");
        }
    }

    #[test]
    fn a_crate_is_found_however_deep_it_lies() {
        let paths = linked("0 app v1\n1 x v1\n2 y v1\n3 deep v2 (path)\n1 z v1\n");
        assert_eq!(paths.get("deep").unwrap(), "app → x → y → deep");
        assert_eq!(paths.get("z").unwrap(), "app → z");
    }
}
