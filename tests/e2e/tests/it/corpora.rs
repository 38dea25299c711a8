//! The corpora of hostile text, which lie beside the checkout and are never copied into it. A corpus that is missing fails
//! the test: a measurement that did not happen is no success.

use std::path::Path;

use serde_json::Value;

/// One sample.
pub struct Row {
    pub text: String,
    pub attack: bool,
    pub family: String,
    pub meta: Value,
}

/// The samples of a corpus.
pub fn rows(name: &str) -> Vec<Row> {
    let relative = format!("shared/corpora/{name}.jsonl");
    let start = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = start.ancestors().map(|folder| folder.join(&relative)).find(|path| path.is_file());
    let path = found.unwrap_or_else(|| panic!("{relative} is not beside any folder above {}", start.display()));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(row).collect()
}

/// The first `count` injections, each of another text.
pub fn injections(count: usize) -> Vec<String> {
    let all = rows("injection_tool_outputs").into_iter().filter(|row| row.attack);
    let found: Vec<String> = all.map(|row| row.text).step_by(7).take(count).collect();
    assert_eq!(found.len(), count, "the corpus is too small");
    found
}

fn row(line: &str) -> Row {
    let value: Value = serde_json::from_str(line).expect("a row of a corpus");
    Row {
        text: value["text"].as_str().expect("a text").to_owned(),
        attack: value["label"] == 1,
        family: value["family"].as_str().unwrap_or_default().to_owned(),
        meta: value["meta"].clone(),
    }
}
