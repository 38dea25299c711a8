//! A secret anywhere in a stream, in several encodings, is absent from the output, however the stream is cut. The text
//! around it stays.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use briefcase_output_filter::{Redactor, StreamRedactor};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((control, text)) = bytes.split_first_chunk::<4>() else { return };
    let secret = "Qx7!zv/Kp&2m Lw";
    let mut builder = Redactor::builder();
    builder.add(secret.as_bytes());
    let redactor = builder.build().expect("one secret");
    let encoded = match control[0] % 5 {
        0 => secret.to_owned(),
        1 => STANDARD.encode(format!("{}{secret}..", "#".repeat(usize::from(control[1] % 3)))),
        2 => secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        3 => secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
        _ => secret.chars().map(|character| format!("&#{};", u32::from(character))).collect(),
    };
    let at = usize::from(control[2]).min(text.len());
    // A blank on either side, so that the fuzzer's bytes do not become part of an encoding.
    let whole = [&text[..at], b" ", encoded.as_bytes(), b" ", &text[at..]].concat();
    let mut stream = StreamRedactor::new(&redactor);
    let mut out = Vec::new();
    for piece in whole.chunks(usize::from(control[3]).max(1)) {
        out.extend(stream.push(piece));
    }
    let (rest, count) = stream.finish();
    out.extend(rest);
    assert!(count >= 1, "{}", String::from_utf8_lossy(&whole));
    assert!(redactor.redact_bytes(&out).is_none(), "{}", String::from_utf8_lossy(&out));
});
