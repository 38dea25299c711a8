use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use briefcase_schema as schema;
use briefcase_test_data::{AdditionalRun, Corpora, ordinary};

/// A random fixture, not a real credential.
const SECRET: &str = "Zk9_wQ/r2+T~m7 Yx&4\"e8=Lp";

fn redactor(secrets: &[&str]) -> Redactor {
    let mut builder = Redactor::builder();
    secrets.iter().for_each(|secret| builder.add(secret.as_bytes()));
    builder.build().unwrap()
}

fn run(answer: &[u8], redactor: &Redactor, shape: MessageShape<'_>) -> Result<Filtered, FilterRefusal> {
    let spec = FilterSpec { redactor, shape, limits: FilterLimits::default() };
    filter(Bytes::copy_from_slice(answer), &spec)
}

fn plain(answer: &Value) -> Filtered {
    run(answer.to_string().as_bytes(), &Redactor::none(), MessageShape::Other).unwrap()
}

fn text_of(filtered: &Filtered) -> String {
    let value: Value = serde_json::from_slice(&filtered.bytes).unwrap();
    value["t"].as_str().unwrap().to_owned()
}

mod echoes;
mod neutralising;
mod passing;
mod redacting;
mod structuring;
