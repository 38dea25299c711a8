//! Measures the cost of the filter for each megabyte. `cargo run --release -p briefcase-output-filter --example redaction_figures`
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::{error::Error, hint::black_box, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_output_filter::{FilterLimits, FilterSpec, MessageShape, Redactor, filter};
use briefcase_test_data::ordinary;
use bytes::Bytes;
use serde_json::{Value, json};

const MEGABYTE: usize = 1_000_000;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let secrets = |count: usize| {
        let mut builder = Redactor::builder();
        (0..count).for_each(|number| builder.add(format!("Zk9_wQ/r2+T~m7YxLp4e8-{number:04}").as_bytes()));
        builder.build().ok_or("too many secrets")
    };
    let (none, three, hundred) = (secrets(0)?, secrets(3)?, secrets(100)?);
    println!("{:<40} {:>9} {:>12} {:>12} {:>12}", "one megabyte of", "bytes", "no secret", "3 secrets", "100 secrets");
    for (name, message) in messages() {
        let bytes = Bytes::from(message.to_string());
        let times = [&none, &three, &hundred].map(|redactor| median(&bytes, redactor));
        let [none, three, hundred] = times.map(|micros| format!("{}.{:01} ms", micros / 1000, micros % 1000 / 100));
        println!("{name:<40} {:>9} {none:>12} {three:>12} {hundred:>12}", bytes.len());
    }
    Ok(())
}

/// Returns the median time in microseconds.
fn median(bytes: &Bytes, redactor: &Redactor) -> u128 {
    let limits = FilterLimits { bytes: 64 << 20, blob_bytes: 48 << 20 };
    let spec = FilterSpec { redactor, shape: MessageShape::ToolResult(None), limits };
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            drop(black_box(filter(bytes.clone(), &spec)));
            began.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    times.get(ROUNDS / 2).copied().unwrap_or_default()
}

fn messages() -> Vec<(&'static str, Value)> {
    let text = |text: String| json!({ "content": [{ "type": "text", "text": text }] });
    let filled = |part: &str| part.repeat(MEGABYTE / part.len());
    let outputs: Vec<Value> = {
        let (mut blocks, mut size) = (Vec::new(), 0);
        for output in ordinary::outputs(1, 20_000) {
            size += output.text.len();
            blocks.push(json!({ "type": "text", "text": output.text }));
            if size >= MEGABYTE {
                break;
            }
        }
        blocks
    };
    let bytes: Vec<u8> =
        (0..MEGABYTE / 4 * 3).map(|place| u8::try_from(place * 7919 % 251).unwrap_or_default()).collect();
    let row =
        |number: usize| json!({ "id": number, "name": format!("item {number}"), "price": 1.5, "tags": ["a", "b"] });
    vec![
        ("prose", text(filled("The quick brown fox jumps over 13 lazy dogs; see https://example.com/a?b=c.\n"))),
        ("ordinary outputs, a block each", json!({ "content": outputs })),
        ("rows of structured content", json!({ "structuredContent": (0..MEGABYTE / 62).map(row).collect::<Vec<_>>() })),
        ("a picture in base64", json!({ "content": [{ "type": "image", "data": STANDARD.encode(bytes) }] })),
        ("accents and emoji", text(filled("Größe ❤️ 👩‍💻 naïve — “text” и текст\n"))),
        ("escapes (hostile)", text(filled("%25"))),
        ("three layers of escapes (hostile)", text(filled("&amp;#x25;41"))),
        ("hex (hostile)", text(filled("4a6f"))),
        ("nested base64 (hostile)", text(filled("UVVGQlFVRkI="))),
        ("a list of codes (hostile)", json!({ "structuredContent": vec![65; MEGABYTE / 3] })),
    ]
}
