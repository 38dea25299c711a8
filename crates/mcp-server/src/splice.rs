//! Changes single values inside JSON text and leaves every other byte alone.
//!
//! The text has passed a strict reader before, so names are unique in their object. Text that is not what a caller
//! expects gives `None` or no change, never a panic.

use std::{borrow::Cow, fmt, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The members of an object in their order: decoded names, raw values.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// Reads the top level of an object.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Reads the top level of an object in bytes.
    pub(crate) fn of_bytes(text: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(text).ok().and_then(Self::of)
    }

    /// A member's raw value.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A member that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Members<'a>> {
        self.get(name).and_then(Members::of)
    }

    /// A member that is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.get(name).and_then(string)
    }

    /// All members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object without some members, written anew.
    pub(crate) fn without(&self, names: &[&str]) -> Bytes {
        object(self.iter().filter(|(key, _)| !names.contains(key))).into()
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Vec<(Cow<'de, str>, &'de str)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Visitor).map(Members)
    }
}

/// The raw elements of an array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let raw: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(raw.into_iter().map(RawValue::get).collect())
}

/// What a JSON string says.
pub(crate) fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// A text as JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    briefcase_json::write_string(text, &mut out);
    String::from_utf8(out).unwrap_or_else(|_| "\"\"".to_owned())
}

/// An object of raw values.
pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (name, value) in members {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&quoted(name));
        out.push(':');
        out.push_str(value);
    }
    out.push('}');
    out
}

/// Whether the text may have a member of that name. False positives are fine; there are no false negatives, as a name
/// written with escapes counts.
pub(crate) fn may_have(text: &[u8], name: &str) -> bool {
    memchr::memmem::find(text, name.as_bytes()).is_some() || memchr::memmem::find(text, b"\\u").is_some()
}

/// Text under change.
pub(crate) struct Draft<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Draft<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Puts `with` in the place of `part`, which is a piece of the text.
    pub(crate) fn replace(&mut self, part: &'a str, with: impl Into<String>) {
        if let Some(place) = self.place(part) {
            self.edits.push((place, with.into()));
        }
    }

    /// Puts members at the front of `object`, a piece of the text. At most once per object.
    pub(crate) fn prepend(&mut self, object: &'a str, members: &str) {
        let (Some(place), Some(old)) = (self.place(object), Members::of(object)) else { return };
        let comma = if old.is_empty() || members.is_empty() { "" } else { "," };
        let Some(at) = object.find('{').and_then(|brace| place.start.checked_add(brace + 1)) else { return };
        self.edits.push((at..at, format!("{members}{comma}")));
    }

    fn place(&self, part: &str) -> Option<Range<usize>> {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        let place = start..start.checked_add(part.len())?;
        self.text.get(place.clone()).is_some().then_some(place)
    }

    /// Whether anything changes.
    pub(crate) const fn is_unchanged(&self) -> bool {
        self.edits.is_empty()
    }

    /// The changed text.
    pub(crate) fn finish(mut self) -> String {
        self.edits.sort_by_key(|(place, _)| (place.start, place.end));
        let mut out =
            String::with_capacity(self.text.len() + self.edits.iter().map(|(_, with)| with.len()).sum::<usize>());
        let mut at = 0;
        for (place, with) in &self.edits {
            if place.start < at {
                continue;
            }
            out.push_str(self.text.get(at..place.start).unwrap_or_default());
            out.push_str(with);
            at = place.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        out
    }

    /// The changed text, or `original` when nothing changes.
    pub(crate) fn finish_or(self, original: &Bytes) -> Bytes {
        if self.is_unchanged() { original.clone() } else { self.finish().into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_named_value_changes() {
        let text = r#"{ "z":1.10, "uri" : "a://b", "n":{"uri":"keep","é":"\u00e9"} }"#;
        let members = Members::of(text).unwrap();
        let mut draft = Draft::new(text);
        draft.replace(members.get("uri").unwrap(), quoted("s+a://b"));
        assert_eq!(draft.finish(), r#"{ "z":1.10, "uri" : "s+a://b", "n":{"uri":"keep","é":"\u00e9"} }"#);
    }

    #[test]
    fn members_go_to_the_front_of_empty_and_full_objects() {
        for (text, expected) in [("{}", r#"{"a":1}"#), (" { }", r#" {"a":1 }"#), (r#"{"b":2}"#, r#"{"a":1,"b":2}"#)] {
            let mut draft = Draft::new(text);
            draft.prepend(text, r#""a":1"#);
            assert_eq!(draft.finish(), expected);
        }
    }

    #[test]
    fn foreign_text_is_no_piece() {
        let (text, other) = (String::from("{}"), String::from("{}"));
        let mut draft = Draft::new(&text);
        draft.replace(&other, "x");
        assert!(draft.is_unchanged());
    }

    #[test]
    fn names_written_with_escapes_are_found() {
        assert!(may_have(br#"{"u\u0072i":1}"#, "uri"));
        assert_eq!(Members::of(r#"{"u\u0072i":1}"#).unwrap().get("uri"), Some("1"));
        assert!(!may_have(br#"{"u":"\n"}"#, "uri"));
    }

    proptest! {
        #[test]
        fn any_text_gives_no_panic(text in ".{0,200}") {
            let _ = Members::of(&text).map(|members| members.without(&["_meta"]));
            let mut draft = Draft::new(&text);
            draft.prepend(&text, "x");
            let _ = draft.finish();
        }

        #[test]
        fn replacing_a_value_by_itself_changes_nothing(
            keys in prop::collection::btree_map("[a-z\\\\\"é]{1,6}", prop::collection::vec(any::<i32>(), 0..4), 1..8),
        ) {
            let text = serde_json::to_string_pretty(&keys).unwrap();
            let members = Members::of(&text).unwrap();
            let mut draft = Draft::new(&text);
            for (_, value) in members.iter() {
                draft.replace(value, value);
            }
            prop_assert_eq!(draft.finish(), text.clone());
            for (key, value) in &keys {
                prop_assert_eq!(members.get(key).map(|raw| serde_json::from_str::<Vec<i32>>(raw).unwrap()), Some(value.clone()));
            }
        }
    }
}
