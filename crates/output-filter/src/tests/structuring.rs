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
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The first content block and the number of blocks after the filter.
fn repaired(block: &Value) -> (Value, usize) {
    let other = json!({ "type": "text", "text": "kept" });
    let filtered = result(&json!({ "content": [block, other.clone()] }), None).unwrap();
    let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
    assert_eq!(after["content"][1], other, "{block}");
    (after["content"][0].clone(), after["content"].as_array().unwrap().len())
}

#[test]
fn attack_12_a_wrong_label_is_corrected_with_a_note() {
    let (png, gif, wav) =
        (encode(b"\x89PNG\r\n\x1a\n rest of the picture"), encode(b"GIF89a rest"), encode(b"RIFF\0\0\0\0WAVEfmt "));
    let (html, svg) = (encode(b"  <!DOCTYPE html><script>alert(1)</script>"), encode(b"<svg onload='x'/>"));
    let (exe, pdf) = (encode(b"\x7fELF\x02\x01\x01"), encode(b"%PDF-1.7 rest"));
    let block = |kind: &str, data: &str, mime: &str| json!({ "type": kind, "data": data, "mimeType": mime });
    let blob = |data: &str, mime: &str| json!({ "type": "resource", "resource": { "uri": "a:b", "blob": data, "mimeType": mime } });
    for (given, kind, mime) in [
        (block("image", &gif, "image/png"), "image", "image/gif"),
        (block("image", &png, "text/html"), "image", "image/png"),
        (block("image", &svg, "image/png"), "image", "image/svg+xml"),
        (block("image", &wav, "image/png"), "audio", "audio/wav"),
        (block("audio", &png, "audio/wav"), "image", "image/png"),
    ] {
        let (after, blocks) = repaired(&given);
        assert_eq!((&after["type"], &after["mimeType"], &after["data"]), (&json!(kind), &json!(mime), &given["data"]));
        assert!(blocks == 3 && after["_meta"]["briefcase/note"].as_str().unwrap().contains(mime), "{after}");
    }
    for (given, mime) in [
        (block("image", &pdf, "image/png"), "application/pdf"),
        (block("image", "AAEC", "image/png"), "application/octet-stream"),
        (block("audio", "AAEC", "audio/wav"), "application/octet-stream"),
    ] {
        let (after, blocks) = repaired(&given);
        let resource = (&after["resource"]["mimeType"], &after["resource"]["blob"]);
        assert_eq!((&after["type"], resource), (&json!("resource"), (&json!(mime), &given["data"])), "{after}");
        assert_eq!(blocks, 3);
    }
    for (given, mime) in [
        (blob(&exe, "application/pdf"), "application/x-executable"),
        (blob(&html, "image/gif"), "text/html"),
        (blob("AAEC", "image/png"), "application/octet-stream"),
    ] {
        let (after, blocks) = repaired(&given);
        assert_eq!((&after["resource"]["mimeType"], blocks), (&json!(mime), 3), "{after}");
        assert_eq!(after["resource"]["blob"], given["resource"]["blob"]);
    }
    // A page or a program is never passed on as a picture or a sound.
    for given in [
        block("image", &html, "image/png"),
        block("image", &exe, "image/jpeg"),
        block("image", &html, "image/x-own"),
        block("audio", &exe, "audio/wav"),
        block("image", "not base64!", "image/png"),
        json!({ "type": "image", "data": { "length": 12 }, "mimeType": "image/png" }),
        json!({ "type": "image", "data": html }),
    ] {
        let (after, _) = repaired(&given);
        assert_eq!(after["type"], "text", "{after}");
        assert!(after["text"].as_str().unwrap().ends_with("It is left out."), "{after}");
    }
}

#[test]
fn attack_12_loose_base64_is_spelled_strictly() {
    let bytes = b"\x89PNG\r\n\x1a\n\xff\xfe\xfb rest of the picture.";
    let strict = encode(bytes);
    let loose = [
        strict.trim_end_matches('=').to_owned(),
        strict.replace('+', "-").replace('/', "_"),
        strict.as_bytes().chunks(10).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n"),
        format!(" {strict}\n"),
        format!("data:image/png;base64,{strict}"),
    ];
    for data in loose {
        let given = json!({ "type": "image", "data": data, "mimeType": "image/png" });
        let filtered = result(&json!({ "content": [given.clone()] }), None).unwrap();
        let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
        assert_eq!(after["content"], json!([{ "type": "image", "data": strict, "mimeType": "image/png" }]), "{data:?}");
        let prompt = json!({ "messages": [{ "role": "user", "content": given }] });
        let filtered = run(prompt.to_string().as_bytes(), &Redactor::none(), MessageShape::Content).unwrap();
        let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
        assert_eq!(after["messages"][0]["content"]["data"], json!(strict));
        let read = json!({ "contents": [{ "uri": "a:b", "blob": data, "mimeType": "image/png" }] });
        let filtered = run(read.to_string().as_bytes(), &Redactor::none(), MessageShape::Content).unwrap();
        let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
        assert_eq!(after["contents"][0]["blob"], json!(strict));
        let task = json!({ "task": { "taskId": "1" }, "resultType": "task", "result": { "content": [{ "type": "image", "data": data, "mimeType": "image/png" }] } });
        let filtered = run(task.to_string().as_bytes(), &Redactor::none(), MessageShape::ToolResult(None)).unwrap();
        let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
        assert_eq!(after["result"]["content"][0]["data"], json!(strict));
    }
    for broken in ["AAAAA", "AA==AAAA", "****", "=AAA"] {
        let (after, _) = repaired(&json!({ "type": "image", "data": broken, "mimeType": "image/png" }));
        assert_eq!(after["type"], "text", "{broken}: {after}");
    }
}

#[test]
fn attack_68_binary_data_with_a_secret_stays_base64() {
    let blob = encode(format!("key={SECRET}\n").as_bytes());
    let answer = json!({ "contents": [{ "uri": "a:b", "blob": blob }] });
    let filtered = run(answer.to_string().as_bytes(), &redactor(&[SECRET]), MessageShape::Content).unwrap();
    let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
    assert_eq!(after["contents"][0]["blob"], json!(encode(b"[redacted]")));
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
