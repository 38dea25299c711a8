//! Circles between the modules of a crate: modules that use each other are one module in several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::modules::{self, Module, Modules};
use crate::failure::Failure;
use crate::sizes;
use crate::workspace;

/// A permitted circle with its reason.
#[derive(Deserialize)]
pub struct Allowed {
    #[serde(rename = "crate")]
    package: String,
    /// The modules of the circle, as paths below the crate's root.
    modules: BTreeSet<String>,
    reason: String,
}

/// Modules of one crate that use each other.
struct Circle {
    modules: BTreeSet<String>,
    places: Vec<String>,
}

/// Returns the forbidden circles of these packages, given by name and folder, and the unused exceptions.
pub fn check(packages: &[(String, String)], allowed: &[Allowed]) -> Result<Vec<String>, Failure> {
    let files: Vec<_> = workspace::files(&[".rs"])?.into_iter().filter(|path| sizes::is_production(path)).collect();
    let (mut wrong, mut used) = (Vec::new(), BTreeSet::new());
    for (package, folder) in packages {
        for circle in circles(&modules::read(&Path::new(folder).join("src"), &files)?) {
            let rule = allowed.iter().position(|rule| rule.package == *package && rule.modules == circle.modules);
            match rule {
                Some(rule) => drop(used.insert(rule)),
                None => wrong.push(circle.shown(package)),
            }
        }
    }
    for (at, rule) in allowed.iter().enumerate() {
        let names: Vec<&str> = rule.modules.iter().map(String::as_str).collect();
        if !used.contains(&at) {
            wrong.push(format!(
                "{}: there is no circle of {} any more: remove its rule",
                rule.package,
                names.join(", ")
            ));
        }
        if rule.reason.trim().is_empty() {
            wrong.push(format!("{}: the circle of {} has no reason", rule.package, names.join(", ")));
        }
    }
    Ok(wrong)
}

impl Circle {
    fn shown(&self, package: &str) -> String {
        let names: Vec<&str> = self.modules.iter().map(String::as_str).collect();
        format!("{package}: {} use each other:\n            {}", names.join(", "), self.places.join("\n            "))
    }
}

/// Returns the circles between siblings, at every level of a crate.
fn circles(modules: &Modules) -> Vec<Circle> {
    let mut found = Vec::new();
    for (parent, edges) in modules.edges() {
        let graph: BTreeSet<(&str, &str)> = edges.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        for component in components(&graph) {
            let inside =
                |(from, to): &(String, String)| component.contains(from.as_str()) && component.contains(to.as_str());
            let places = edges.iter().filter(|(edge, _)| inside(edge)).map(|(_, place)| place.clone()).collect();
            found.push(Circle { modules: component.iter().map(|name| full(&parent, name)).collect(), places });
        }
    }
    found
}

fn full(parent: &Module, name: &str) -> String {
    parent.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join("::")
}

/// Returns the groups of two or more nodes that reach each other.
fn components<'a>(edges: &BTreeSet<(&'a str, &'a str)>) -> Vec<BTreeSet<&'a str>> {
    let nodes: BTreeSet<&str> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let reached: BTreeMap<&str, BTreeSet<&str>> = nodes.iter().map(|node| (*node, reach(node, edges))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|reached| reached.contains(to));
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for node in &nodes {
        let component: BTreeSet<&str> =
            nodes.iter().copied().filter(|other| reaches(node, other) && reaches(other, node)).collect();
        if component.len() > 1 && !found.contains(&component) {
            found.push(component);
        }
    }
    found
}

/// Returns everything reachable in one or more steps.
fn reach<'a>(start: &str, edges: &BTreeSet<(&'a str, &'a str)>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for (_, to) in edges.iter().filter(|(from, _)| *from == node) {
            if reached.insert(*to) {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let mut modules = Modules::default();
        for (module, source) in sources {
            let path = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
            modules.add(path, &syn::parse_file(source).unwrap());
        }
        circles(&modules).into_iter().map(|circle| circle.modules.into_iter().collect()).collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_circle() {
        let sources = [("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g(); }"), ("c", "use super::a;")];
        assert_eq!(found(&sources), [["a", "b"]]);
    }

    #[test]
    fn a_circle_through_a_third_module_and_through_children_is_found() {
        assert_eq!(found(&[("a", "use super::b::B;"), ("b", "use super::c::C;"), ("c", "use super::a::A;")]).len(), 1);
        let deep = [("a", ""), ("a::x", "use crate::b::B;"), ("b", "use crate::a::x::X;")];
        assert_eq!(found(&deep), [["a", "b"]]);
    }

    #[test]
    fn a_parent_that_re_exports_its_children_makes_no_circle_and_hides_no_circle() {
        let parent = ("", "mod a; mod b; pub use a::A; pub use b::B;");
        assert!(found(&[parent, ("a", "use crate::B;"), ("b", "")]).is_empty());
        assert_eq!(found(&[parent, ("a", "use crate::B;"), ("b", "use super::A;")]), [["a", "b"]]);
        assert!(found(&[("p", "mod c; pub struct P;"), ("p::c", "use super::P;")]).is_empty());
    }

    #[test]
    fn paths_in_macros_count_and_those_in_tests_do_not() {
        assert_eq!(found(&[("a", "fn f() { m!(crate::b::g()); }"), ("b", "use crate::a::A;")]), [["a", "b"]]);
        let tested = "#[cfg(test)] mod tests { use crate::b::B; }";
        assert!(found(&[("a", tested), ("b", "use crate::a::A;")]).is_empty());
    }
}
