//! The amount of work that a schema can cause, counted before compilation.
//!
//! A schema is a graph. *In-place* edges (`$ref`, `anyOf`, `if`, …) apply a part to the same value, *deeper* edges
//! (`properties`, `items`, …) to a part of it. With `work(node, 0) = 1 + Σ work(in-place)` and
//! `work(node, d) = 1 + Σ work(in-place, d) + Σ work(deeper, d - 1)`, `work(root, d)` bounds how many parts are applied
//! along any path of a value that is `d` deep, whatever the schema shares or repeats.

use std::collections::BTreeMap;

use briefcase_json::pointer;
use serde_json::{Map, Value};

use super::{SchemaError, WORK_MAX};

pub(super) const PARTS_MAX: usize = 2_000;
pub(super) const DEPTH_MAX: usize = 64;
pub(super) const PATTERNS_MAX: usize = 64;
pub(super) const PATTERN_LENGTH_MAX: usize = 1024;
/// The maximum depth of a value. Every reader rejects deeper values before they get here.
const VALUE_DEPTH_MAX: usize = 128;

/// The depth of ordinary arguments.
const MODEST_DEPTH: usize = 3;

const IN_PLACE_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
const IN_PLACE: [&str; 4] = ["not", "if", "then", "else"];
const IN_PLACE_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
const DEEPER: [&str; 8] = [
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const DEEPER_LISTS: [&str; 2] = ["items", "prefixItems"];
const DEEPER_MAPS: [&str; 2] = ["properties", "patternProperties"];
const DIALECTS: [&str; 6] = [
    "json-schema.org/schema",
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// The cost of a schema.
#[derive(Debug)]
pub(super) struct Bounds {
    by_depth: Vec<u64>,
    patterns: usize,
}

impl Bounds {
    /// The work per part of a value, by depth.
    pub(super) fn work(&self, depth: usize) -> u64 {
        self.by_depth.get(depth).or(self.by_depth.last()).copied().unwrap_or(u64::MAX)
    }

    pub(super) const fn patterns(&self) -> bool {
        self.patterns > 0
    }
}

#[derive(Default)]
struct Part {
    in_place: Vec<usize>,
    deeper: Vec<usize>,
}

struct Graph<'a> {
    root: &'a Value,
    places: BTreeMap<String, usize>,
    anchors: BTreeMap<&'a str, String>,
    parts: Vec<Part>,
    patterns: usize,
}

pub(super) fn measure(schema: &Value) -> Result<Bounds, SchemaError> {
    let members = schema.as_object().ok_or(SchemaError::NotAnObject)?;
    check_dialect(members)?;
    let mut graph =
        Graph { root: schema, places: BTreeMap::new(), anchors: BTreeMap::new(), parts: Vec::new(), patterns: 0 };
    anchors(schema, &mut String::new(), &mut graph.anchors);
    graph.add("", schema, 0)?;
    let by_depth = graph.work_by_depth()?;
    // A value with a few parts at a modest depth must be checkable, or the tool could never be called.
    let modest = by_depth.get(MODEST_DEPTH).or(by_depth.last());
    if modest.is_none_or(|work| *work > WORK_MAX / 64) {
        return Err(SchemaError::TooComplex);
    }
    Ok(Bounds { by_depth, patterns: graph.patterns })
}

pub(super) fn check_dialect(members: &Map<String, Value>) -> Result<(), SchemaError> {
    let Some(dialect) = members.get("$schema").filter(|dialect| !dialect.is_null()) else { return Ok(()) };
    let name = dialect.as_str().ok_or(SchemaError::Dialect)?;
    let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
    let known = DIALECTS.contains(&name.trim_end_matches(['#', '/']));
    if known { Ok(()) } else { Err(SchemaError::Dialect) }
}

impl<'a> Graph<'a> {
    /// Adds the part at a place with all parts that it reaches. Returns its number.
    fn add(&mut self, place: &str, schema: &'a Value, depth: usize) -> Result<usize, SchemaError> {
        if let Some(known) = self.places.get(place) {
            return Ok(*known);
        }
        let number = self.parts.len();
        if number >= PARTS_MAX {
            return Err(SchemaError::TooLarge("it has more than 2,000 parts"));
        }
        if depth > DEPTH_MAX {
            return Err(SchemaError::TooLarge("it is nested more than 64 levels"));
        }
        self.places.insert(place.to_owned(), number);
        self.parts.push(Part::default());
        if let Some(members) = schema.as_object() {
            let part = self.edges(place, members, depth.saturating_add(1))?;
            if let Some(slot) = self.parts.get_mut(number) {
                *slot = part;
            }
        }
        Ok(number)
    }

    fn edges(&mut self, place: &str, members: &'a Map<String, Value>, depth: usize) -> Result<Part, SchemaError> {
        self.check_members(place, members)?;
        let mut part = Part::default();
        if let Some(reference) = members.get("$ref") {
            part.in_place.push(self.follow(reference, depth)?);
        }
        for (name, value) in members {
            let here = format!("{place}/{}", pointer::token(name));
            let name = name.as_str();
            if IN_PLACE.contains(&name) {
                part.in_place.push(self.add(&here, value, depth)?);
            } else if IN_PLACE_LISTS.contains(&name) || IN_PLACE_MAPS.contains(&name) {
                self.add_each(&here, value, depth, &mut part.in_place)?;
            } else if DEEPER_MAPS.contains(&name) || (DEEPER_LISTS.contains(&name) && value.is_array()) {
                self.add_each(&here, value, depth, &mut part.deeper)?;
            } else if DEEPER.contains(&name) {
                part.deeper.push(self.add(&here, value, depth)?);
            } else if name == "$defs" || name == "definitions" {
                self.add_each(&here, value, depth, &mut Vec::new())?;
            }
        }
        Ok(part)
    }

    fn add_each(
        &mut self,
        place: &str,
        schemas: &'a Value,
        depth: usize,
        edges: &mut Vec<usize>,
    ) -> Result<(), SchemaError> {
        match schemas {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    edges.push(self.add(&format!("{place}/{index}"), item, depth)?);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    edges.push(self.add(&format!("{place}/{}", pointer::token(name)), member, depth)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_members(&mut self, place: &str, members: &Map<String, Value>) -> Result<(), SchemaError> {
        let names_itself =
            |key: &str| members.get(key).is_some_and(|id| id.as_str().is_none_or(|id| !id.starts_with('#')));
        let contextual = ["$dynamicRef", "$recursiveRef"].iter().any(|key| members.contains_key(*key));
        if contextual || (!place.is_empty() && (names_itself("$id") || names_itself("id"))) {
            return Err(SchemaError::Reference);
        }
        let named = members.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let own = members.get("pattern").and_then(Value::as_str).into_iter();
        for pattern in own.chain(named.map(String::as_str)) {
            self.patterns = self.patterns.saturating_add(1);
            if self.patterns > PATTERNS_MAX || pattern.len() > PATTERN_LENGTH_MAX {
                return Err(SchemaError::TooLarge("it has more than 64 patterns, or one longer than 1,024 characters"));
            }
        }
        Ok(())
    }

    fn follow(&mut self, reference: &Value, depth: usize) -> Result<usize, SchemaError> {
        let fragment = reference.as_str().and_then(|text| text.strip_prefix('#')).ok_or(SchemaError::Reference)?;
        let place = match fragment {
            "" => String::new(),
            pointer if pointer.starts_with('/') => pointer::from_fragment(pointer).ok_or(SchemaError::Reference)?,
            anchor => self.anchors.get(anchor).ok_or(SchemaError::Dangling)?.clone(),
        };
        let root = self.root;
        let target = root.pointer(&place).ok_or(SchemaError::Dangling)?;
        self.add(&place, target, depth)
    }

    /// Computes `work(root, d)` for every depth, by the recurrence in the module's documentation.
    fn work_by_depth(&self) -> Result<Vec<u64>, SchemaError> {
        let order = self.in_place_order()?;
        let mut by_depth = Vec::with_capacity(VALUE_DEPTH_MAX);
        let mut shallower = vec![0_u64; self.parts.len()];
        for _ in 0..VALUE_DEPTH_MAX {
            let mut now = vec![0_u64; self.parts.len()];
            for number in &order {
                let Some(part) = self.parts.get(*number) else { continue };
                let same = part.in_place.iter().filter_map(|edge| now.get(*edge));
                let below = part.deeper.iter().filter_map(|edge| shallower.get(*edge));
                let work = same.chain(below).fold(1_u64, |sum, work| sum.saturating_add(*work));
                if let Some(slot) = now.get_mut(*number) {
                    *slot = work;
                }
            }
            by_depth.push(now.first().copied().unwrap_or(u64::MAX));
            if now == shallower {
                break;
            }
            shallower = now;
        }
        Ok(by_depth)
    }

    /// Returns the parts, each after those it applies in place. Rejects a cycle of in-place edges.
    fn in_place_order(&self) -> Result<Vec<usize>, SchemaError> {
        let mut order = Vec::with_capacity(self.parts.len());
        let mut left: Vec<usize> = self.parts.iter().map(|part| part.in_place.len()).collect();
        let mut users: Vec<Vec<usize>> = vec![Vec::new(); self.parts.len()];
        for (number, part) in self.parts.iter().enumerate() {
            for edge in &part.in_place {
                if let Some(list) = users.get_mut(*edge) {
                    list.push(number);
                }
            }
        }
        let mut ready: Vec<usize> = (0..left.len()).filter(|number| left.get(*number) == Some(&0)).collect();
        while let Some(number) = ready.pop() {
            order.push(number);
            for user in users.get(number).into_iter().flatten() {
                let Some(count) = left.get_mut(*user) else { continue };
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(*user);
                }
            }
        }
        if order.len() == self.parts.len() { Ok(order) } else { Err(SchemaError::Cycle) }
    }
}

/// Collects every `$anchor` with its place. It searches everything: a false anchor does no harm.
fn anchors<'a>(value: &'a Value, place: &mut String, found: &mut BTreeMap<&'a str, String>) {
    let mut below = |token: &str, value: &'a Value| {
        let mut inner = format!("{place}/{token}");
        if inner.matches('/').count() <= DEPTH_MAX * 2 {
            anchors(value, &mut inner, found);
        }
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| below(&pointer::token(name), member));
            if let Some(anchor) = members.get("$anchor").and_then(Value::as_str) {
                found.insert(anchor, place.clone());
            }
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| below(&index.to_string(), item)),
        _ => {}
    }
}
