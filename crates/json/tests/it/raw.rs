//! The raw editor against serde_json, and on text that was never checked.

use std::{borrow::Cow, fmt};

use briefcase_json::{
    JsonLimits,
    raw::{Cursor, Patch, RawObject, decode_string, elements, may_have, object, quote},
    scan,
};
use proptest::prelude::*;
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The members of an object as serde_json reads them, in their order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

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
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    members.push((name, value.get()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Visitor).map(Members)
    }
}

/// Fails unless the raw readers and serde_json agree on the top level of a checked text.
fn compare(text: &str) {
    let expected = serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0);
    let read = RawObject::parse(text);
    let members = read.as_ref().map(|read| read.iter().collect::<Vec<_>>());
    let expected = expected.as_ref().map(|all| all.iter().map(|(name, value)| (&**name, *value)).collect::<Vec<_>>());
    assert_eq!(members, expected, "{text}");
    let expected = serde_json::from_str::<Vec<&RawValue>>(text).ok();
    assert_eq!(elements(text), expected.map(|all| all.into_iter().map(RawValue::get).collect()), "{text}");
    assert_eq!(decode_string(text.trim()), serde_json::from_str::<String>(text).ok().map(Cow::Owned), "{text}");
    for (name, value) in members.into_iter().flatten() {
        assert!(may_have(text.as_bytes(), name) || name.contains(['"', '\\', '/']) || name.contains(char::is_control));
        compare(value);
    }
    elements(text).into_iter().flatten().for_each(compare);
}

/// JSON and things that look like it.
fn json_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(&[
            "{", "}", "[", "]", ":", ",", "\"", "\\", " ", "\n", "\"a\"", "\"b\\\"}\"", "\"u\\u0072i\"", "1.50", "-0", "null",
            "true", "{}", "[]", "\"a\":1", "\"x\":{\"y\":[1,{}]}",
        ][..]).prop_map(str::to_owned),
        1 => ".{0,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn tree() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        prop::sample::select(&["}", "{\"", "]", ",", ":", "\\", "\"", "é", "\u{7f}"][..]).prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn members_and_elements_are_those_of_serde_json(tree in tree()) {
        compare(&tree.to_string());
        compare(&format!(" {} ", serde_json::to_string_pretty(&tree).unwrap()));
    }

    #[test]
    fn a_text_that_passes_the_scan_has_the_members_of_serde_json(text in json_like()) {
        if scan(text.as_bytes(), &JsonLimits::AGENT).is_ok() {
            compare(&text);
        }
    }

    #[test]
    fn unchecked_text_gives_no_panic_and_no_range_outside(text in json_like()) {
        let read = RawObject::parse(&text).map(|object| object.with(&[("a", None), ("b", Some("1"))]));
        let is_object = read.is_none_or(|text| text.starts_with('{') && text.ends_with('}'));
        prop_assert!(is_object);
        let _ = elements(&text);
        let mut patch = Patch::new(&text);
        patch.prepend(&text, "\"x\":1");
        let _ = patch.finish();
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.take(b'{');
        let mut end = 0;
        while let Some(member) = cursor.member() {
            prop_assert!(end <= member.key.start && member.key.end <= member.value.start);
            prop_assert!(member.value.start < member.value.end && member.value.end <= text.len());
            end = member.value.end;
        }
    }

    #[test]
    fn a_value_replaced_by_itself_changes_nothing(
        keys in prop::collection::btree_map("[a-z\\\\\"é]{1,6}", prop::collection::vec(any::<i32>(), 0..4), 1..8),
    ) {
        let text = serde_json::to_string_pretty(&keys).unwrap();
        let members = RawObject::parse(&text).unwrap();
        let mut patch = Patch::new(&text);
        for (_, value) in members.iter() {
            patch.replace(value, value);
        }
        prop_assert_eq!(patch.finish().unwrap(), text.clone());
        for (key, value) in &keys {
            let raw = members.get(key).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Vec<i32>>(raw).unwrap(), value);
        }
    }

    #[test]
    fn a_member_is_set_removed_or_added(
        keys in prop::collection::btree_map("[a-d]{1,2}", any::<i32>(), 0..6), name in "[a-d]{1,2}",
    ) {
        let text = serde_json::to_string(&keys).unwrap();
        let members = RawObject::parse(&text).unwrap();
        let mut expected = keys;
        expected.insert(name.clone(), 7);
        let set = members.with(&[(&name, Some("7"))]);
        prop_assert_eq!(serde_json::from_str::<std::collections::BTreeMap<String, i32>>(&set).unwrap(), expected.clone());
        expected.remove(&name);
        let removed = members.with(&[(&name, None)]);
        prop_assert_eq!(serde_json::from_str::<std::collections::BTreeMap<String, i32>>(&removed).unwrap(), expected);
    }

    #[test]
    fn a_quoted_text_decodes_to_itself(text in any::<String>()) {
        let quoted = quote(&text);
        prop_assert_eq!(decode_string(&quoted).unwrap(), text);
    }
}

#[test]
fn only_the_named_value_changes() {
    let text = r#"{ "z":1.10, "uri" : "a://b", "n":{"uri":"keep","é":"\u00e9"} }"#;
    let mut patch = Patch::new(text);
    patch.replace(RawObject::parse(text).unwrap().get("uri").unwrap(), quote("s+a://b"));
    assert_eq!(patch.finish().unwrap(), r#"{ "z":1.10, "uri" : "s+a://b", "n":{"uri":"keep","é":"\u00e9"} }"#);
}

#[test]
fn members_go_to_the_front_of_empty_and_full_objects() {
    for (text, expected) in [("{}", r#"{"a":1}"#), (" { }", r#" {"a":1 }"#), (r#"{"b":2}"#, r#"{"a":1,"b":2}"#)] {
        let mut patch = Patch::new(text);
        patch.prepend(text, r#""a":1"#);
        assert_eq!(patch.finish().unwrap(), expected);
    }
}

#[test]
fn a_slice_of_another_text_is_ignored() {
    let (text, other) = (String::from("{}"), String::from("{}"));
    let mut patch = Patch::new(&text);
    patch.replace(&other, "x");
    patch.prepend(&other, "x");
    assert_eq!(patch.finish(), None);
}

#[test]
fn of_two_overlapping_changes_the_first_counts() {
    let text = r#"{"a":{"b":1}}"#;
    let outer = RawObject::parse(text).unwrap();
    let mut patch = Patch::new(text);
    patch.replace(outer.object("a").unwrap().get("b").unwrap(), "2");
    patch.replace(outer.get("a").unwrap(), "3");
    assert_eq!(patch.finish().unwrap(), r#"{"a":3}"#);
}

#[test]
fn names_written_with_escapes_are_found() {
    assert!(may_have(br#"{"u\u0072i":1}"#, "uri"));
    assert_eq!(RawObject::parse(r#"{"u\u0072i":1}"#).unwrap().get("uri"), Some("1"));
    assert!(!may_have(br#"{"u":"\n"}"#, "uri"));
}

#[test]
fn an_object_of_raw_values_keeps_their_bytes() {
    assert_eq!(object([]), "{}");
    assert_eq!(object([("a", "1.50"), ("\"", "{ }")]), r#"{"a":1.50,"\"":{ }}"#);
    assert_eq!(
        RawObject::parse(r#"{"a" : 1.50, "b":2}"#).unwrap().with(&[("b", None), ("c", Some("[]"))]),
        r#"{"a":1.50,"c":[]}"#
    );
}
