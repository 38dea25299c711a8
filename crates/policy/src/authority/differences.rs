//! The differences between two JSON values, for people: two definitions of a tool, or two authority documents.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Authority;

/// One place that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The place: a JSON pointer (RFC 6901).
    pub path: String,
    /// The old value; `None` when it was absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The new value; `None` when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// Returns every place where two values differ, without their parents, in order of the paths.
#[must_use]
pub fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut String::new(), Some(old), Some(new), &mut found);
    found
}

impl Authority {
    /// Returns the changes since `old`, for people. Token digests and the data of factors are masked.
    #[must_use]
    pub fn differences(&self, old: &Self) -> Vec<Difference> {
        let plain = |document: &Self| serde_json::to_value(document).unwrap_or(Value::Null);
        let mut found = differences(&plain(old), &plain(self));
        for difference in &mut found {
            let inside = difference.path.starts_with("/factors") || difference.path.starts_with("/agents");
            if inside {
                difference.old.as_mut().into_iter().chain(difference.new.as_mut()).for_each(mask);
                if difference.path.ends_with("/token") || difference.path.contains("/data") {
                    difference.old = difference.old.take().map(|_| Value::from("(hidden)"));
                    difference.new = difference.new.take().map(|_| Value::from("(hidden)"));
                }
            }
        }
        found.retain(|difference| difference.path != "/version");
        found
    }
}

fn mask(value: &mut Value) {
    if let Some(members) = value.as_object_mut() {
        for (name, member) in members.iter_mut() {
            if name == "token" || name == "data" { *member = Value::from("(hidden)") } else { mask(member) }
        }
    }
}

fn walk(path: &mut String, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Difference>) {
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                let token = briefcase_json::pointer::token(name);
                descend(path, &token, |path| walk(path, old.get(name), new.get(name), found));
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            for index in 0..old.len().max(new.len()) {
                descend(path, &index.to_string(), |path| walk(path, old.get(index), new.get(index), found));
            }
        }
        (old, new) => found.push(Difference { path: path.clone(), old: old.cloned(), new: new.cloned() }),
    }
}

fn descend(path: &mut String, token: &str, inside: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(token);
    inside(path);
    let parent = path.get(..length).unwrap_or_default().to_owned();
    *path = parent;
}
