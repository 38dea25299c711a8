//! The places inside a schema that references name: pointers, anchors, and ids.

use std::collections::{BTreeMap, BTreeSet};

use briefcase_json::pointer;
use serde_json::Value;

/// The deepest place that can be named.
const DEPTH_MAX: usize = 128;

/// The names of places in one schema.
#[derive(Default)]
pub(super) struct References<'a> {
    root: Option<&'a Value>,
    /// The places by absolute name: an id, or an id with an anchor.
    ids: BTreeMap<&'a str, String>,
    /// The places by anchor. `None` where two places have the same one.
    anchors: BTreeMap<&'a str, Option<String>>,
    /// The places whose id makes them the root of the pointers inside.
    bases: BTreeSet<String>,
    /// Whether some place redefines what `$recursiveRef` means.
    recursive_anchor: bool,
}

impl<'a> References<'a> {
    pub(super) fn of(root: &'a Value) -> Self {
        let mut all = Self { root: Some(root), ..Self::default() };
        all.collect(root, "", 0);
        all
    }

    /// Searches everything: a name in a place that is no schema does no harm.
    fn collect(&mut self, value: &'a Value, place: &str, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        let below = depth.saturating_add(1);
        match value {
            Value::Object(members) => {
                for name in ["$id", "id"] {
                    match members.get(name).and_then(Value::as_str).map(|id| (id, id.strip_prefix('#'))) {
                        Some((_, Some(anchor))) => self.anchor(anchor, place),
                        Some((id, None)) => {
                            self.ids.entry(id.trim_end_matches('#')).or_insert_with(|| place.to_owned());
                            self.bases.insert(place.to_owned());
                        }
                        None => {}
                    }
                }
                for name in ["$anchor", "$dynamicAnchor"] {
                    if let Some(anchor) = members.get(name).and_then(Value::as_str) {
                        self.anchor(anchor, place);
                    }
                }
                self.recursive_anchor |= members.get("$recursiveAnchor") == Some(&Value::Bool(true));
                for (name, member) in members {
                    self.collect(member, &format!("{place}/{}", pointer::token(name)), below);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(item, &format!("{place}/{index}"), below);
                }
            }
            _ => {}
        }
    }

    fn anchor(&mut self, anchor: &'a str, place: &str) {
        self.anchors.entry(anchor).and_modify(|known| *known = None).or_insert_with(|| Some(place.to_owned()));
    }

    /// The place that a reference at `place` names, if it is inside the schema.
    pub(super) fn target(&self, place: &str, keyword: &str, reference: &Value) -> Option<String> {
        let text = reference.as_str()?;
        if keyword == "$recursiveRef" && (text != "#" || self.recursive_anchor) {
            return None;
        }
        let (resource, fragment) = text.split_once('#').unwrap_or((text, ""));
        let base = if resource.is_empty() { self.base_of(place) } else { self.ids.get(resource)?.as_str() };
        if fragment.is_empty() || fragment.starts_with('/') {
            let pointer = pointer::from_fragment(fragment)?;
            // Generators write pointers from the root inside of parts that have an id.
            let candidates = [format!("{base}{pointer}"), pointer];
            return candidates.into_iter().find(|place| self.root.is_some_and(|root| root.pointer(place).is_some()));
        }
        self.anchors.get(fragment)?.clone()
    }

    /// The innermost part around a place that has an id of its own.
    fn base_of(&self, place: &str) -> &str {
        let is_around = |base: &&String| {
            place.strip_prefix(base.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.bases.iter().filter(is_around).max_by_key(|base| base.len()).map_or("", String::as_str)
    }
}
