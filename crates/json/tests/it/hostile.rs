//! Attack 47: documents that are expensive to read are rejected at once. The limits count bytes, levels, names and
//! values, so a document is rejected before it is built.

use std::time::{Duration, Instant};

use briefcase_json::{JsonLimits, Reason, parse_strict, scan};

fn refused(document: &[u8], limits: &JsonLimits) -> Reason {
    let start = Instant::now();
    let strict = parse_strict(document, limits).unwrap_err();
    let scanned = scan(document, limits).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "rejection took {:?}", start.elapsed());
    assert_eq!(strict, scanned);
    assert!(strict.at <= limits.bytes);
    strict.reason
}

/// The agent's limits with a larger size, so that the other limits must stop the document.
const LONG: JsonLimits = JsonLimits { bytes: 1 << 30, ..JsonLimits::AGENT };

#[test]
fn a_string_of_50_mib() {
    let document = format!("\"{}\"", "a".repeat(50 << 20));
    assert_eq!(refused(document.as_bytes(), &JsonLimits::AGENT), Reason::Size);
}

#[test]
fn a_million_member_names() {
    let members: Vec<String> = (0..1_000_000).map(|name| format!("\"{name}\":0")).collect();
    let document = format!("{{{}}}", members.join(","));
    assert_eq!(refused(document.as_bytes(), &LONG), Reason::Keys);
}

#[test]
fn a_hundred_thousand_levels() {
    for level in ["[", "{\"a\":", "[{\"a\":"] {
        assert_eq!(refused(level.repeat(100_000).as_bytes(), &LONG), Reason::Depth);
    }
    // Limits without a depth do not let a document exhaust the stack either.
    let careless = JsonLimits { depth: usize::MAX, ..LONG };
    assert_eq!(refused("[".repeat(100_000).as_bytes(), &careless), Reason::Depth);
}

#[test]
fn a_number_of_a_million_digits() {
    let digits = "1".repeat(1_000_000);
    for number in [digits.clone(), format!("0.{digits}"), format!("1e{digits}"), format!("-{digits}")] {
        assert_eq!(refused(format!("[{number}]").as_bytes(), &LONG), Reason::NumberLength);
    }
}

#[test]
fn two_million_small_values() {
    let document = format!("[{}0]", "0,".repeat(2_000_000));
    assert_eq!(refused(document.as_bytes(), &LONG), Reason::Values);
    let document = format!("[{}[]]", "[],".repeat(1_300_000));
    assert_eq!(refused(document.as_bytes(), &JsonLimits::AGENT), Reason::Values);
}

#[test]
fn names_made_to_be_compared_at_length() {
    let shared = "a".repeat(400);
    let members: Vec<String> = (0..9_999).map(|name| format!("\"{shared}{name:05}\":0")).collect();
    let document = format!("{{{}}}", members.join(","));
    let start = Instant::now();
    assert_eq!(scan(document.as_bytes(), &JsonLimits::AGENT), Ok(()));
    assert!(start.elapsed() < Duration::from_secs(2));
}
