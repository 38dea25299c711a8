//! Every text that two parsers could read differently is rejected with its own reason.

use briefcase_json::{JsonError, JsonLimits, Reason, parse_relayed, parse_strict, scan};
use proptest::prelude::*;

use crate::{from_hex, vectors};

fn document(case: &serde_json::Value) -> Vec<u8> {
    match case.get("hex") {
        Some(hex) => from_hex(hex.as_str().unwrap()),
        None => case["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

#[test]
fn each_vector_is_rejected_for_its_reason() {
    let cases = vectors("refused.json");
    for case in cases.as_array().unwrap() {
        let error = parse_strict(&document(case), &JsonLimits::AGENT).unwrap_err();
        assert_eq!(error.reason.as_str(), case["reason"], "{case}");
    }
}

#[test]
fn relayed_text_is_rejected_for_all_but_its_numbers() {
    let cases = vectors("refused.json");
    for case in cases.as_array().unwrap() {
        let bytes = document(case);
        let limits = JsonLimits { number: 64, depth: 64, ..JsonLimits::UPSTREAM };
        let scanned = scan(&bytes, &limits);
        match case["reason"].as_str().unwrap() {
            "number_range" | "negative_zero" | "unsafe_integer" => assert_eq!(scanned, Ok(()), "{case}"),
            reason => {
                assert_eq!(scanned.unwrap_err().reason.as_str(), reason, "{case}");
                assert_eq!(parse_relayed(&bytes, &limits).unwrap_err().reason.as_str(), reason, "{case}");
            }
        }
    }
}

#[test]
fn relayed_numbers_are_those_that_serde_json_represents() {
    let read = |text: &str| parse_relayed(text.as_bytes(), &JsonLimits::UPSTREAM);
    assert_eq!(read("18446744073709551615").unwrap(), u64::MAX);
    assert_eq!(read("-9223372036854775808").unwrap(), i64::MIN);
    assert_eq!(read("18446744073709551616").unwrap(), 18_446_744_073_709_551_616.0);
    assert_eq!(read("1e400").unwrap_err().reason, Reason::NumberRange);
    for text in ["18446744073709551615", "1.0", "-0", "-0.0", "0", "-1", "1e3", "18446744073709551616", "0.1"] {
        assert_eq!(read(text).unwrap(), serde_json::from_str::<serde_json::Value>(text).unwrap(), "{text}");
    }
}

#[test]
fn unambiguous_text_is_accepted() {
    let read = |text: &str| parse_strict(text.as_bytes(), &JsonLimits::AGENT);
    for text in ["0", "1", "-1", "9007199254740991", "-9007199254740991", "0.5", "1e21", "1e-7", "5e-324", "-1.5e300"] {
        assert_eq!(read(text).unwrap().as_f64(), text.parse().ok(), "{text}");
    }
    assert_eq!(read(" [\n1.0,\t1e2, 0.0 ]\r\n").unwrap(), serde_json::json!([1, 100, 0]));
    assert_eq!(
        read(r#"{"\u00e9\ud83d\ude00\/\b\f\n\r\t\"\\":"\u0000é"}"#).unwrap(),
        serde_json::json!({"é😀/\u{8}\u{c}\n\r\t\"\\": "\u{0}é"}),
    );
    // Names that only look alike are different names to every parser.
    assert_eq!(read("{\"é\":1,\"e\u{301}\":2}").unwrap().as_object().unwrap().len(), 2);
    assert!(read(&format!("{}1{}", "[".repeat(64), "]".repeat(64))).is_ok());
}

#[test]
fn an_error_names_the_position_and_never_repeats_the_document() {
    let error = parse_strict(b"{\"secret\x1b[2J\": 1, \"secret\x1b[2J\": 2}", &JsonLimits::AGENT).unwrap_err();
    assert_eq!(error.reason, Reason::Syntax);
    let error = parse_strict(br#"{"token":1,"x":2,"token":3}"#, &JsonLimits::AGENT).unwrap_err();
    assert_eq!(error, JsonError { reason: Reason::DuplicateKey, at: 17 });
    assert_eq!(
        error.to_string(),
        "duplicate_key at byte 17: an object has the same member name twice; send each name once"
    );
    let error = parse_strict(b"[1, 9007199254740993]", &JsonLimits::AGENT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unsafe_integer at byte 4: the integer is beyond 9007199254740991 (2^53 - 1); send it as a string"
    );
}

proptest! {
    #[test]
    fn any_bytes_give_a_position_inside_the_document(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for result in [parse_strict(&bytes, &JsonLimits::AGENT).map(drop), scan(&bytes, &JsonLimits::UPSTREAM)] {
            if let Err(error) = result {
                prop_assert!(error.at <= bytes.len());
                prop_assert!(error.to_string().is_ascii());
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }
    }

    #[test]
    fn a_repeated_name_is_found_anywhere(
        names in proptest::collection::btree_set("[a-c\u{e9}]{0,3}", 1..40),
        twice in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let mut members: Vec<String> = names.iter().map(|name| format!("\"{name}\":{{\"a\":0}}")).collect();
        let write = |members: &[String]| format!("[{{{}}}]", members.join(","));
        prop_assert_eq!(scan(write(&members).as_bytes(), &JsonLimits::AGENT), Ok(()));
        let again = members[twice.index(members.len())].clone();
        members.insert(to.index(members.len() + 1), again);
        let error = scan(write(&members).as_bytes(), &JsonLimits::AGENT).unwrap_err();
        prop_assert_eq!(error.reason, Reason::DuplicateKey);
    }
}
