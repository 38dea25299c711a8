//! Translates a schema of any dialect into one that can be compiled, and names the parts that cannot be checked.
//!
//! Invariant: the translation accepts every value that the original accepts. A part that cannot be checked is left out,
//! and so is every keyword that would refuse more without that part (`not`, `if`, one-of, `unevaluatedProperties`). A
//! reference is followed inside the schema only: nothing is fetched.

mod keywords;
mod references;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::references::References;
use super::{
    SchemaError, UncheckedPart,
    bounds::{DEPTH_MAX, PARTS_MAX},
};

/// The most problems that one schema reports.
const PROBLEMS_MAX: usize = 16;

/// A schema in the newest dialect, whose references are pointers into its `$defs`.
pub(super) struct Translated {
    pub(super) schema: Value,
    pub(super) problems: Vec<UncheckedPart>,
}

/// Translates a schema.
///
/// # Errors
/// [`SchemaError`] when no part of it can be checked within the limits.
pub(super) fn translate(schema: &Value) -> Result<Translated, SchemaError> {
    let dialect = Dialect::of(schema)?;
    let references = References::of(schema);
    let first = Translation::new(schema, dialect, &references, false).run()?;
    if first.problems.is_empty() {
        return Ok(first);
    }
    // Something was left out, so that what depends on it has to go too.
    Translation::new(schema, dialect, &references, true).run()
}

/// The generation of a dialect. Until draft 7, the neighbours of a `$ref` do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    UntilDraft7,
    Newer,
}

impl Dialect {
    fn of(schema: &Value) -> Result<Self, SchemaError> {
        let members = schema.as_object().ok_or(SchemaError::NotAnObject)?;
        super::bounds::check_dialect(members)?;
        let name = members.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let old = ["draft-04", "draft-06", "draft-07"].iter().any(|draft| name.contains(draft));
        Ok(if old { Self::UntilDraft7 } else { Self::Newer })
    }
}

struct Translation<'a> {
    root: &'a Value,
    dialect: Dialect,
    references: &'a References<'a>,
    /// Whether keywords that depend on a part that may be left out are left out too.
    weaken: bool,
    problems: Vec<UncheckedPart>,
    parts: usize,
    patterns: usize,
    /// The targets of references by their places, with their numbers in `$defs`.
    targets: BTreeMap<String, usize>,
    /// The targets that are not translated yet.
    open: Vec<String>,
}

/// A translated part.
struct Part {
    schema: Value,
    /// Whether the part, or one that it refers to, may lack something of the original.
    depends: bool,
}

impl Part {
    const fn whole(schema: Value) -> Self {
        Self { schema, depends: false }
    }
}

impl<'a> Translation<'a> {
    fn new(root: &'a Value, dialect: Dialect, references: &'a References<'a>, weaken: bool) -> Self {
        Self {
            root,
            dialect,
            references,
            weaken,
            problems: Vec::new(),
            parts: 0,
            patterns: 0,
            targets: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Translated, SchemaError> {
        let mut schema = self.part("", self.root, 0)?.schema;
        let mut definitions = Map::new();
        while let Some(place) = self.open.pop() {
            let Some(number) = self.targets.get(&place).copied() else { continue };
            let target = self.root.pointer(&place).ok_or(SchemaError::Dangling)?;
            let part = self.part(&place, target, 0)?;
            definitions.insert(number.to_string(), part.schema);
        }
        if !definitions.is_empty()
            && let Some(members) = schema.as_object_mut()
        {
            members.insert("$defs".to_owned(), Value::Object(definitions));
        }
        Ok(Translated { schema, problems: self.problems })
    }

    fn part(&mut self, place: &str, schema: &'a Value, depth: usize) -> Result<Part, SchemaError> {
        self.parts = self.parts.saturating_add(1);
        if self.parts > PARTS_MAX {
            return Err(SchemaError::TooLarge("it has more than 2,000 parts"));
        }
        if depth > DEPTH_MAX {
            return Err(SchemaError::TooLarge("it is nested more than 64 levels"));
        }
        match schema {
            Value::Bool(_) => Ok(Part::whole(schema.clone())),
            Value::Object(members) => self.object(place, members, depth.saturating_add(1)),
            other => {
                self.problem(place, Some(other), "a schema is an object");
                Ok(Part { schema: json!({}), depends: true })
            }
        }
    }

    fn object(&mut self, place: &str, members: &'a Map<String, Value>, depth: usize) -> Result<Part, SchemaError> {
        let mut out = Output::default();
        for name in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = members.get(name).filter(|reference| !reference.is_null()) {
                self.reference(place, name, reference, &mut out);
            }
        }
        if self.dialect == Dialect::UntilDraft7 && members.contains_key("$ref") {
            return Ok(out.finish());
        }
        for (name, value) in members {
            self.keyword(place, members, name, value, depth, &mut out)?;
        }
        if self.weaken {
            for keyword in out.weaken() {
                let here = format!("{place}/{keyword}");
                self.problem(&here, members.get(keyword), "it depends on a part that is not checked");
            }
        }
        Ok(out.finish())
    }

    fn reference(&mut self, place: &str, name: &str, reference: &'a Value, out: &mut Output) {
        let Some(target) = self.references.target(place, name, reference) else {
            let reason = match reference.as_str() {
                Some(text) if text.starts_with('#') => "it refers to a part that does not exist",
                Some(_) => "it refers to something outside of the schema, and nothing is fetched",
                None => "a reference is a text",
            };
            self.problem(&format!("{place}/{name}"), Some(reference), reason);
            out.depends = true;
            return;
        };
        out.refers = true;
        let pointer = if target.is_empty() {
            "#".to_owned()
        } else {
            let next = self.targets.len();
            let number = *self.targets.entry(target.clone()).or_insert_with(|| {
                self.open.push(target);
                next
            });
            format!("#/$defs/{number}")
        };
        out.add_all_of(json!({ "$ref": pointer }));
    }

    fn problem(&mut self, place: &str, value: Option<&Value>, reason: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(UncheckedPart::new(place, value, reason));
        }
    }
}

/// The members of a translated part.
#[derive(Default)]
struct Output {
    members: Map<String, Value>,
    /// Schemas that apply beside the members.
    all_of: Vec<Value>,
    depends: bool,
    /// Whether the part itself has a reference: its target may lack something.
    refers: bool,
    /// The keywords whose schemas depend on a part that may be left out.
    uncertain: Vec<&'static str>,
    /// Whether a name pattern was left out, so that the other members are unknown.
    open_names: bool,
}

impl Output {
    fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    fn add_all_of(&mut self, schema: Value) {
        self.all_of.push(schema);
    }

    /// Notes the state of a schema below `keyword`.
    fn note(&mut self, keyword: &'static str, part: &Part) {
        if part.depends {
            self.depends = true;
            self.uncertain.push(keyword);
        }
    }

    /// Removes what would refuse more than the original, now that some part may be missing. Returns the removed keywords.
    fn weaken(&mut self) -> Vec<&'static str> {
        let uncertain = |keyword: &'static str| self.uncertain.contains(&keyword);
        let mut gone = Vec::new();
        if uncertain("not") {
            gone.push("not");
        }
        if uncertain("if") {
            gone.extend(["if", "then", "else"]);
        }
        if uncertain("contains") {
            gone.push("maxContains");
        }
        if self.open_names {
            gone.push("additionalProperties");
        }
        // They depend on everything beside them.
        if self.depends || self.refers {
            gone.extend(["unevaluatedProperties", "unevaluatedItems"]);
        }
        let loose = uncertain("oneOf");
        gone.retain(|keyword| self.members.remove(*keyword).is_some());
        if loose && let Some(forms) = self.members.remove("oneOf") {
            self.all_of.push(json!({ "anyOf": forms }));
            gone.push("oneOf");
        }
        gone
    }

    fn finish(mut self) -> Part {
        if !self.all_of.is_empty() {
            let mut all = std::mem::take(&mut self.all_of);
            if let Some(Value::Array(own)) = self.members.remove("allOf") {
                all.extend(own);
            }
            self.members.insert("allOf".to_owned(), Value::Array(all));
        }
        Part { schema: Value::Object(self.members), depends: self.depends || self.refers }
    }
}
