//! The output of the filter is JSON for JSON input and contains no secret. A second run changes nothing that hides
//! text.
#![no_main]

use briefcase_json::{JsonLimits, scan};
use briefcase_output_filter::{FilterLimits, FilterSpec, MessageShape, Redactor, filter, neutralise};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const SECRET: &str = "s3cr3t-VALUE/42+";

fuzz_target!(|bytes: &[u8]| {
    let mut builder = Redactor::builder();
    builder.add(SECRET.as_bytes());
    let redactor = builder.build().expect("one secret");
    for shape in [MessageShape::Other, MessageShape::Content, MessageShape::ToolResult(None)] {
        let spec = FilterSpec { redactor: &redactor, shape, limits: FilterLimits::default() };
        let Ok(filtered) = filter(Bytes::copy_from_slice(bytes), &spec) else { continue };
        assert_eq!(filtered.changed, filtered.bytes != bytes);
        if scan(bytes, &JsonLimits::UPSTREAM).is_err() {
            continue;
        }
        let value: Value = serde_json::from_slice(&filtered.bytes).expect("still JSON");
        strings(&value, &mut |text| assert_eq!(neutralise(text), None));
        assert!(redactor.redact_bytes(&filtered.bytes).is_none() || filtered.redactions.exact == 0);
        strings(&value, &mut |text| assert_eq!(redactor.redact(text), None));
    }
});

fn strings(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, visit)),
        Value::Object(members) => members.values().for_each(|member| strings(member, visit)),
        _ => {}
    }
}
