//! Attack 21: two other parsers read the text that `parse_strict` accepts as the same value. The documents contain
//! pieces that parsers are known to disagree on, and are then damaged.

use briefcase_json::{JsonLimits, canonical, parse_strict, scan};
use serde_json::{Number, Value};
use tinyjson::JsonValue;

/// xorshift64*: the same documents in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }
}

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "0e0",
    "1",
    "-1",
    "01",
    "1.",
    ".1",
    "+1",
    "1e5",
    "1E+2",
    "1e-7",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "2.2250738585072011e-308",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9007199254740993.0",
    "18446744073709551615",
    "18446744073709551616",
    "1e20",
    "1e21",
    "1e22",
    "123456789012345678901234567890",
    "0.1",
    "0.30000000000000004",
    "3.141592653589793238462643383279",
    "1.00000000000000011102230246251565",
    "NaN",
    "Infinity",
    "0x1F",
    "1_0",
    "1e",
    "--1",
    "1e1.5",
    "100e-2",
    "0.5e1",
];

const STRINGS: &[&str] = &[
    r#""""#,
    r#""a""#,
    r#""\u0061""#,
    r#""\u00e9""#,
    "\"\u{e9}\"",
    "\"e\u{301}\"",
    r#""\ud83d\ude00""#,
    "\"\u{1f600}\"",
    r#""\ud83d""#,
    r#""\ude00""#,
    r#""\ud83dx""#,
    r#""\ud83d\u0041""#,
    r#""\u0000""#,
    "\"\u{0}\"",
    "\"\t\"",
    "\"\n\"",
    r#""\n""#,
    r#""\/""#,
    r#""/""#,
    r#""\x""#,
    r#""\u12""#,
    r#""\u12G4""#,
    "'a'",
    "\"\u{7f}\"",
    "\"\u{2028}\"",
    "\"\u{feff}\"",
    r#""\"""#,
    r#""\\""#,
    "\"\u{ffff}\"",
];

const NOISE: &[&str] = &[
    ",", ":", "{", "}", "[", "]", "\"", "\\", " ", "\n", "\u{b}", "\u{a0}", "\u{feff}", "//x\n", "/**/", "#", "null",
    "true", "-", "e", "0", "\u{0}", "\u{1b}",
];

fn value(dice: &mut Dice, depth: usize, out: &mut String) {
    out.push_str(dice.pick(&["", "", "", " ", "\n\t"]));
    match dice.roll(if depth == 0 { 6 } else { 9 }) {
        0 | 1 => out.push_str(dice.pick(NUMBERS)),
        2 | 3 => out.push_str(dice.pick(STRINGS)),
        4 => out.push_str(dice.pick(&["null", "true", "false", "nul", "True"])),
        5 => out.push_str(&dice.roll(1 << 20).to_string()),
        6 | 7 => {
            out.push('{');
            for place in 0..dice.roll(5) {
                out.push_str(if place > 0 { "," } else { "" });
                out.push_str(dice.pick(STRINGS));
                out.push(':');
                value(dice, depth - 1, out);
            }
            out.push('}');
        }
        _ => {
            out.push('[');
            for place in 0..dice.roll(5) {
                out.push_str(if place > 0 { "," } else { "" });
                value(dice, depth - 1, out);
            }
            out.push(']');
        }
    }
}

fn document(dice: &mut Dice) -> String {
    let mut text = String::new();
    value(dice, 4, &mut text);
    if dice.roll(3) == 0 {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let at = places[dice.roll(places.len())];
        if dice.roll(2) == 0 { text.insert_str(at, dice.pick(NOISE)) } else { drop(text.drain(at..)) }
    }
    text
}

/// The value that tinyjson read, with integers as integers.
fn from_tiny(value: &JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Boolean(boolean) => (*boolean).into(),
        JsonValue::Number(double) if double.fract() == 0.0 && double.abs() < 9e15 => (*double as i64).into(),
        JsonValue::Number(double) => Value::Number(Number::from_f64(*double).unwrap()),
        JsonValue::String(text) => text.as_str().into(),
        JsonValue::Array(items) => items.iter().map(from_tiny).collect(),
        JsonValue::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), from_tiny(value))).collect())
        }
    }
}

#[test]
fn accepted_text_is_read_alike_by_three_parsers() {
    let mut dice = Dice(0x6272_6965_6663_6173);
    let (mut accepted, mut refused) = (0, std::collections::BTreeMap::<&str, u32>::new());
    for _ in 0..100_000 {
        let text = document(&mut dice);
        let ours = match parse_strict(text.as_bytes(), &JsonLimits::AGENT) {
            Ok(ours) => ours,
            Err(error) => {
                *refused.entry(error.reason.as_str()).or_default() += 1;
                continue;
            }
        };
        accepted += 1;
        assert_eq!(scan(text.as_bytes(), &JsonLimits::UPSTREAM), Ok(()), "{text:?}");
        let serde: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("serde_json: {error}: {text:?}"));
        let tiny: JsonValue = text.parse().unwrap_or_else(|error| panic!("tinyjson: {error}: {text:?}"));
        let form = canonical(&ours);
        assert_eq!(form, canonical(&serde), "serde_json reads it differently: {text:?}");
        assert_eq!(form, canonical(&from_tiny(&tiny)), "tinyjson reads it differently: {text:?}");
        assert_eq!(parse_strict(&form, &JsonLimits::AGENT).unwrap(), ours, "{text:?}");
    }
    assert!(accepted > 15_000, "only {accepted} documents were accepted: the test is too weak");
    for reason in
        ["duplicate_key", "number_range", "negative_zero", "unsafe_integer", "surrogate", "trailing", "syntax"]
    {
        assert!(refused.get(reason).is_some_and(|count| *count > 100), "{reason} is too rare: {refused:?}");
    }
}

/// The opposite direction: text that the other parsers read as two different values is rejected.
#[test]
fn text_that_two_parsers_read_differently_is_rejected() {
    let mut dice = Dice(0x6361_6e6f_6e69_6361);
    let mut differing = 0;
    for _ in 0..100_000 {
        let text = document(&mut dice);
        let serde: Option<Value> = serde_json::from_str(&text).ok();
        let tiny = text.parse::<JsonValue>().ok().filter(finite).map(|tiny| canonical(&from_tiny(&tiny)));
        if serde.map(|serde| canonical(&serde)) != tiny {
            differing += 1;
            assert!(parse_strict(text.as_bytes(), &JsonLimits::AGENT).is_err(), "{text:?}");
        }
    }
    assert!(differing > 1_000, "only {differing} documents were read differently: the test is too weak");
}

fn finite(value: &JsonValue) -> bool {
    match value {
        JsonValue::Number(double) => double.is_finite(),
        JsonValue::Array(items) => items.iter().all(finite),
        JsonValue::Object(members) => members.values().all(finite),
        _ => true,
    }
}
