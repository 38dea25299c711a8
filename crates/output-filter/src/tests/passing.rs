//! Ordinary outputs pass unchanged.

use std::collections::BTreeMap;

use super::*;

/// The number of outputs of each kind.
const COUNT: usize = 7_200;

/// No output is changed. Flags inform a person and change nothing; they are measured too: source code that assigns a
/// variable named `secret` is flagged.
#[test]
fn ordinary_outputs_are_neither_changed_nor_flagged() {
    let redactor = redactor(&[SECRET, "another-secret-0123456789"]);
    let (mut changed, mut flagged) = (Vec::new(), BTreeMap::<_, usize>::new());
    for output in ordinary::outputs(1, COUNT) {
        let answer = json!({ "content": [{ "type": "text", "text": output.text }] });
        let filtered = run(answer.to_string().as_bytes(), &redactor, MessageShape::ToolResult(None)).unwrap();
        if filtered.changed {
            changed.push((output.kind, output.text, String::from_utf8_lossy(&filtered.bytes).into_owned()));
        }
        if !filtered.flags.is_empty() {
            *flagged.entry((output.kind, filtered.flags)).or_default() += 1;
        }
    }
    assert!(changed.is_empty(), "{} changed: {:#?}", changed.len(), changed.first());
    let flags: usize = flagged.values().sum();
    println!("{flags} of {COUNT} ordinary outputs flagged: {flagged:?}");
    assert!(flags * 1_000 <= COUNT * 5, "{flags} of {COUNT}: {flagged:#?}");
}
