//! The published family of echoed secrets, and ordinary texts beside it.

use std::collections::BTreeMap;

use super::*;

#[derive(Debug)]
struct Row {
    form: String,
    secret: String,
    message: Value,
    gone: Vec<String>,
}

fn published() -> (BTreeMap<String, String>, Vec<Row>) {
    let file: Value = serde_json::from_slice(include_bytes!("../../../../vectors/echoes/forms.json")).unwrap();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets =
        file["secrets"].as_object().unwrap().iter().map(|(name, secret)| (name.clone(), word(secret))).collect();
    let row = |row: &Value| Row {
        form: word(&row["form"]),
        secret: word(&row["secret"]),
        message: row["message"].clone(),
        gone: row["gone"].as_array().unwrap().iter().map(word).collect(),
    };
    (secrets, file["rows"].as_array().unwrap().iter().map(row).collect())
}

fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(name.clone());
            strings(member, found);
        }),
        _ => {}
    }
}

/// Returns whether the filter replaces the secret: something is redacted, and no encoded part of it is left.
fn caught(row: &Row, redactor: &Redactor) -> bool {
    let filtered = run(row.message.to_string().as_bytes(), redactor, MessageShape::ToolResult(None)).unwrap();
    let after: Value = serde_json::from_slice(&filtered.bytes).unwrap();
    let mut left = Vec::new();
    strings(&after, &mut left);
    let again = run(&filtered.bytes, redactor, MessageShape::ToolResult(None)).unwrap();
    assert_eq!(again.redactions.exact, 0, "{} {}: a second run finds more: {after}", row.form, row.secret);
    filtered.redactions.exact > 0 && !row.gone.iter().any(|part| left.iter().any(|text| text.contains(part)))
}

#[test]
fn attack_68_at_least_95_percent_of_the_published_forms_are_redacted() {
    let (secrets, rows) = published();
    let mut of_form: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let redactors: BTreeMap<&str, Redactor> = secrets
        .iter()
        .map(|(name, secret)| (name.as_str(), redactor(&[secret, "another-secret-0123456789"])))
        .collect();
    let mut missed = Vec::new();
    for row in &rows {
        let is_caught = caught(row, &redactors[row.secret.as_str()]);
        let (all, found) = of_form.entry(&row.form).or_default();
        *all += 1;
        *found += usize::from(is_caught);
        if !is_caught {
            missed.push(format!("{} ({}): {}", row.form, row.secret, row.message));
        }
    }
    let whole = of_form.values().filter(|(all, found)| all == found).count();
    let found = rows.len() - missed.len();
    println!("echoed secrets: {found} of {} rows, {whole} of {} forms in every row", rows.len(), of_form.len());
    println!("{}", missed.join("\n"));
    assert!(of_form.len() >= 60, "{} forms", of_form.len());
    assert!(found * 100 >= rows.len() * 95, "{found} of {}", rows.len());
    assert!(whole * 100 >= of_form.len() * 95, "{whole} of {} forms", of_form.len());
}

/// The forms do not match the secret of another row.
#[test]
fn attack_68_the_forms_of_other_secrets_pass() {
    let (_, rows) = published();
    let redactor = redactor(&["Qw7!zN4&uV9@tB2#", "unrelated-secret-value-42", "0123456789abcdef0123456789abcdef"]);
    for row in &rows {
        let filtered = run(row.message.to_string().as_bytes(), &redactor, MessageShape::ToolResult(None)).unwrap();
        assert_eq!(filtered.redactions.exact, 0, "{} {}: {}", row.form, row.secret, row.message);
    }
}

/// At most one of 1,000 ordinary outputs is changed, and no benign line of the corpora.
#[test]
fn attack_68_ordinary_texts_contain_no_secret() {
    let (secrets, _) = published();
    let all: Vec<&str> =
        secrets.values().map(String::as_str).chain(["admin-2024", "hunter2hunter2", "8675309123"]).collect();
    let redactor = redactor(&all);
    let wrong = |text: &str| {
        let answer = json!({ "content": [{ "type": "text", "text": text }] });
        run(answer.to_string().as_bytes(), &redactor, MessageShape::ToolResult(None)).unwrap().redactions.exact > 0
    };
    let (mut count, mut changed) = (0, Vec::new());
    for output in ordinary::outputs(1, 5_000) {
        count += 1;
        if wrong(&output.text) {
            changed.push(output.text);
        }
    }
    println!("{} of {count} ordinary outputs changed", changed.len());
    assert!(changed.len() * 1_000 <= count, "{changed:#?}");
    for corpus in ["secret_lines", "hard_negatives", "injection_tool_outputs", "tool_descriptions", "unicode_terminal"]
    {
        for row in Corpora::committed().texts(corpus) {
            assert!(!wrong(&row.text), "{corpus}: {}", row.text);
        }
    }
}

/// A hostile text costs time in proportion to its size: each search ends, and what cannot be searched is withheld.
#[test]
fn attack_68_texts_built_to_cost_time_are_searched_or_withheld() {
    use base64::engine::general_purpose::STANDARD;
    let redactor = redactor(&[SECRET, "a8Fk29dLq0Zx7Wm3Pb5Tn1RvC6Hs4Jg2"]);
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 64 << 20], 9);
    let hostile = [
        "%25".repeat(200_000),
        "&amp;".repeat(100_000),
        "\\u005c".repeat(80_000),
        "=3D".repeat(150_000),
        "41".repeat(250_000),
        "65 ".repeat(150_000),
        "AAAA".repeat(120_000),
        "QUFB".repeat(120_000),
        "A\n".repeat(200_000),
        "\u{2800}".repeat(150_000),
        "a8Fk29".repeat(80_000),
        "Ab1".repeat(150_000),
        STANDARD.encode(bomb),
    ];
    let began = std::time::Instant::now();
    for text in hostile {
        let answer = json!({ "content": [{ "type": "text", "text": text }] });
        run(answer.to_string().as_bytes(), &redactor, MessageShape::ToolResult(None)).unwrap();
    }
    // Six megabytes in a debug build. A search in quadratic time would take hours.
    assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
    let many = format!("{{\"a\":[{}0]}}", "\"a8\",7,".repeat(150_000));
    assert!(run(many.as_bytes(), &redactor, MessageShape::Other).is_ok());
    let split: String = SECRET.chars().map(|character| format!("{},", json!(character.to_string()))).collect();
    let hidden = format!("{{\"a\":[{}{split}0]}}", "\"zz\",".repeat(250_000));
    assert_eq!(run(hidden.as_bytes(), &redactor, MessageShape::Other), Err(FilterRefusal::SecretInParts));
}

#[test]
fn attack_68_outgoing_arguments_in_parts_are_found() {
    let redactor = redactor(&["a8Fk29dLq0Zx7Wm3Pb5Tn1RvC6Hs4Jg2"]);
    for parts in [
        json!({ "a": "a8Fk29dLq0Zx7Wm3", "b": "Pb5Tn1RvC6Hs4Jg2" }),
        json!({ "a": ["a8Fk29dLq0Zx", "7Wm3Pb5Tn1Rv", "C6Hs4Jg2"] }),
        json!({ "a8Fk29dLq0Zx7Wm3": "Pb5Tn1RvC6Hs4Jg2" }),
        json!({ "codes": "a8Fk29dLq0Zx7Wm3Pb5Tn1RvC6Hs4Jg2".bytes().collect::<Vec<_>>() }),
    ] {
        assert!(!redactor.find_in(&parts).is_empty(), "{parts}");
    }
    assert!(redactor.find_in(&json!({ "a": "a8Fk29dLq0Zx", "b": [1, 2, 3] })).is_empty());
}
