//! Signed decisions.

use briefcase_enclave_formats::{
    CodecError,
    approval::{ApprovalAnswer, ApprovalError, SignedDecision, verify},
};
use briefcase_types::UnixMillis;

use crate::sample::{Es256, text, vectors};

const NOW: UnixMillis = UnixMillis(1_763_712_000_500);

fn draft() -> String {
    vectors()["approval"]["draft"].to_string()
}

fn signed(key: &Es256, change: impl Fn(String) -> String) -> (Vec<u8>, Vec<u8>) {
    let vectors = vectors();
    let kid = text(&vectors["approval"]["draft"]["kid"]).to_owned();
    let bytes = change(text(&vectors["approval"]["bytes"]).replace(&kid, &key.kid)).into_bytes();
    let signature = key.sign(&bytes);
    (bytes, signature)
}

#[test]
fn the_signed_bytes_match_another_implementation() {
    let vectors = vectors();
    let decision = SignedDecision::draft(draft().as_bytes()).unwrap();
    assert_eq!(decision.to_bytes().unwrap(), text(&vectors["approval"]["bytes"]).as_bytes());
}

#[test]
fn a_decision_verifies_with_its_key_at_its_time() {
    let key = Es256::new(3);
    let (bytes, signature) = signed(&key, |text| text);
    let decision = verify(&bytes, &signature, &key.raw, NOW).unwrap();
    assert_eq!((decision.decision, decision.text.as_str()), (ApprovalAnswer::Approve, "Pay 10 € to “Ada”?\nOnce."));
    for time in [1_763_711_999_999, 1_763_712_060_000] {
        assert!(matches!(verify(&bytes, &signature, &key.raw, UnixMillis(time)), Err(ApprovalError::Time)));
    }
    assert!(matches!(verify(&bytes, &signature, &Es256::new(4).raw, NOW), Err(ApprovalError::Signature)));
    let changed = String::from_utf8(bytes).unwrap().replace("10 €", "99 €").into_bytes();
    assert!(matches!(verify(&changed, &signature, &key.raw, NOW), Err(ApprovalError::Signature)));
}

#[test]
fn other_encodings_are_rejected_even_when_signed() {
    let key = Es256::new(3);
    for change in [
        |text: String| text.replace("briefcase-approval-1", "briefcase-approval-2"),
        |text: String| text.replace(r#"{"approval""#, r#"{ "approval""#),
        |text: String| text.replace(r#","text""#, r#","test":1,"text""#),
        |text: String| text.replace(r#""approve""#, r#""maybe""#),
        |text: String| text.replace("1763712060000", "1863712060000"),
        |text: String| text.replace("Once.", "Once.\u{202e}"),
        |text: String| text.replace(r#""form":"briefcase-approval-1","#, ""),
    ] {
        let (bytes, signature) = signed(&key, change);
        assert!(
            matches!(verify(&bytes, &signature, &key.raw, NOW), Err(ApprovalError::Form(_))),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
    // The id of another key.
    let (bytes, _) = signed(&key, |text| text.replace(&key.kid, &Es256::new(4).kid));
    let signature = key.sign(&bytes);
    assert!(matches!(verify(&bytes, &signature, &key.raw, NOW), Err(ApprovalError::Signature)));
}

#[test]
fn a_text_must_be_present_and_visible() {
    for text in ["", "  \n ", "a\u{200b}b", "\u{1b}[2J"] {
        let mut draft = vectors()["approval"]["draft"].take();
        draft["text"] = text.into();
        assert!(matches!(SignedDecision::draft(draft.to_string().as_bytes()), Err(CodecError::Limit(_))), "{text:?}");
    }
    let long = draft().replace("Once.", &"x".repeat(9000));
    assert!(matches!(SignedDecision::draft(long.as_bytes()), Err(CodecError::Limit(_))));
}
