//! Labelled texts: the corpora of `vectors/texts`, and those of the same form beside the checkout.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::AdditionalRun;

/// One labelled text.
#[derive(Clone, Debug)]
pub struct LabelledText {
    /// The text itself.
    pub text: String,
    /// Whether it is an attack or a secret.
    pub attack: bool,
    /// The kind of text, in words of its corpus.
    pub family: String,
    /// Further members, such as `args`: the parameters of a described tool.
    pub meta: Value,
}

/// A folder of corpora, one JSON object a line.
#[derive(Clone, Debug)]
pub struct Corpora(PathBuf);

impl Corpora {
    /// The corpora of this repository, `vectors/texts`.
    #[must_use]
    pub fn committed() -> Self {
        Self(crate::checkout().join("vectors/texts"))
    }

    /// The corpora of an additional run.
    #[must_use]
    pub fn of(run: &AdditionalRun) -> Self {
        Self(run.folder().to_owned())
    }

    /// Returns the texts of a corpus.
    ///
    /// # Panics
    /// When the corpus is missing or a line is malformed: a measurement without data is a failure.
    #[must_use]
    pub fn texts(&self, corpus: &str) -> Vec<LabelledText> {
        let path = self.0.join(format!("{corpus}.jsonl"));
        let lines = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        lines.lines().map(|line| parse_line(&path, line)).collect()
    }

    /// Returns `count` attacks of a corpus, spread over all of its families.
    ///
    /// # Panics
    /// When the corpus has fewer than `count` attacks.
    #[must_use]
    pub fn attacks(&self, corpus: &str, count: usize) -> Vec<String> {
        let attacks: Vec<String> =
            self.texts(corpus).into_iter().filter(|text| text.attack).map(|text| text.text).collect();
        let step = attacks.len().checked_div(count).unwrap_or_default();
        assert!(step > 0, "{}: {corpus} has only {} attacks", self.0.display(), attacks.len());
        attacks.into_iter().step_by(step).take(count).collect()
    }
}

fn parse_line(path: &Path, line: &str) -> LabelledText {
    parse(line).unwrap_or_else(|| panic!("{}: malformed line: {line}", path.display()))
}

/// Parses a line: `text`, or `text_b64` where a scanner would take the text for a leak; `label`, `family`, `meta`.
fn parse(line: &str) -> Option<LabelledText> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = match value.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => String::from_utf8_lossy(&STANDARD.decode(value.get("text_b64")?.as_str()?).ok()?).into_owned(),
    };
    Some(LabelledText {
        text,
        attack: value.get("label")? == 1,
        family: value.get("family")?.as_str()?.to_owned(),
        meta: value.get("meta").cloned().unwrap_or_default(),
    })
}
