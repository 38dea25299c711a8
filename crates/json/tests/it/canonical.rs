//! RFC 8785: its own examples and its properties.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use crate::{from_hex, vectors};

#[test]
fn the_documents_of_the_rfc() {
    for case in vectors("rfc8785.json")["documents"].as_array().unwrap() {
        let value = parse_strict(&from_hex(case["document"].as_str().unwrap()), &JsonLimits::AGENT).unwrap();
        let expected = String::from_utf8(from_hex(case["canonical"].as_str().unwrap())).unwrap();
        assert_eq!(String::from_utf8(canonical(&value)).unwrap(), expected, "{}", case["name"]);
    }
}

#[test]
fn the_numbers_of_the_rfc() {
    for case in vectors("rfc8785.json")["numbers"].as_array().unwrap() {
        let double = f64::from_bits(u64::from_str_radix(case["bits"].as_str().unwrap(), 16).unwrap());
        let value = Value::Number(Number::from_f64(double).unwrap());
        assert_eq!(String::from_utf8(canonical(&value)).unwrap(), case["text"].as_str().unwrap());
    }
}

#[test]
fn integers_beyond_a_double_stay_distinct() {
    assert_eq!(canonical(&json!(u64::MAX)), b"18446744073709551615");
    assert_ne!(canonical(&json!(u64::MAX)), canonical(&json!(u64::MAX - 1)));
    assert_eq!(canonical(&json!(i64::MIN)), b"-9223372036854775808");
}

#[test]
fn every_control_character_has_one_escape() {
    let all: String = ('\u{0}'..='\u{20}').chain(['\u{7f}', '\u{2028}']).collect();
    let expected = "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\
        \\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f\
        \u{20}\u{7f}\u{2028}\"";
    assert_eq!(String::from_utf8(canonical(&json!(all))).unwrap(), expected);
}

/// Any tree that `parse_strict` can return.
fn strict_tree() -> impl Strategy<Value = Value> {
    const SAFE: i64 = (1 << 53) - 1;
    let fraction = any::<f64>().prop_filter_map("has another form", |double| {
        let same = double.is_finite() && (double.fract() != 0.0 || double.abs() >= 1e21);
        same.then(|| Value::Number(Number::from_f64(double).unwrap()))
    });
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-SAFE..=SAFE).prop_map(Value::from),
        fraction,
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_form_round_trips(tree in strict_tree()) {
        let written = canonical(&tree);
        let read = parse_strict(&written, &JsonLimits::AGENT).unwrap();
        prop_assert_eq!(&read, &tree);
        prop_assert_eq!(canonical(&read), written);
    }

    #[test]
    fn layout_order_and_escapes_do_not_change_the_canonical_form(tree in strict_tree(), seed in any::<u64>()) {
        let mut text = String::new();
        write_anyhow(&tree, seed, &mut text);
        prop_assert_eq!(canonical(&parse_strict(text.as_bytes(), &JsonLimits::AGENT).unwrap()), canonical(&tree));
    }
}

/// Writes a tree in one of many ways: members reordered, spaces, needless escapes.
fn write_anyhow(tree: &Value, seed: u64, out: &mut String) {
    let space = [" ", "", "\n", "\t\r"][(seed % 4) as usize];
    let next = seed.rotate_right(3).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    match tree {
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                out.push_str(space);
                write_anyhow(item, next, out);
            }
            *out += "]";
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            let turn = (seed as usize) % members.len().max(1);
            members.rotate_left(turn);
            out.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                write_string(name, seed, out);
                out.push_str(space);
                out.push(':');
                write_anyhow(value, next, out);
                out.push_str(space);
            }
            out.push('}');
        }
        Value::String(text) => write_string(text, seed, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_string(text: &str, seed: u64, out: &mut String) {
    if seed.is_multiple_of(3) {
        out.push_str(&serde_json::to_string(text).unwrap());
        return;
    }
    out.push('"');
    text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
    out.push('"');
}
