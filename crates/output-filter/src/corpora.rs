//! The corpora for redaction, hidden characters and poisoned text, which lie beside the checkout and are never copied
//! into it.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::Value;

/// One sample.
pub(crate) struct Row {
    pub(crate) text: String,
    pub(crate) attack: bool,
    pub(crate) family: String,
    pub(crate) meta: Value,
}

/// The samples of a corpus. Fails when the corpus is missing: a measurement that did not happen is no success.
pub(crate) fn rows(name: &str) -> Vec<Row> {
    let path = find(&format!("shared/corpora/{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = value.get("text").and_then(Value::as_str).map(str::to_owned).unwrap_or_else(|| {
        let encoded = value["text_b64"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let family = value["family"].as_str().unwrap().to_owned();
    Row { text, attack: value["label"] == 1, family, meta: value["meta"].clone() }
}

fn find(relative: &str) -> PathBuf {
    let start = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = start.ancestors().map(|folder| folder.join(relative)).find(|path| path.exists());
    beside.unwrap_or_else(|| {
        panic!("{relative} is not beside any folder above {}; these tests measure on it", start.display())
    })
}
