use super::*;

/// The secret in every encoding an echo may use.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let each = |form: &dyn Fn(char) -> String| secret.chars().map(form).collect::<String>();
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = secret.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let shifted = |shift: usize| STANDARD.encode(format!("{}{secret} and more", "#".repeat(shift)));
    let url = |keep: &str| {
        each(&|c| {
            if c.is_ascii_alphanumeric() || keep.contains(c) { c.to_string() } else { format!("%{:02X}", u32::from(c)) }
        })
    };
    let wrapped = shifted(1)
        .as_bytes()
        .chunks(10)
        .map(|chunk| std::str::from_utf8(chunk).unwrap().to_owned())
        .collect::<Vec<_>>();
    vec![
        ("raw", secret.to_owned()),
        ("upper", secret.to_uppercase()),
        ("lower", secret.to_lowercase()),
        ("url", url("-_.~")),
        ("url lower", url("").to_lowercase()),
        ("url all", each(&|c| format!("%{:02x}", u32::from(c)))),
        ("form", url("-_.").replace("%20", "+")),
        ("url twice", url("").replace('%', "%25")),
        ("json", serde_json::to_string(secret).unwrap()),
        ("json twice", serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap()),
        ("json u", each(&|c| format!("\\u{:04x}", u32::from(c)))),
        ("x", each(&|c| format!("\\x{:02X}", u32::from(c)))),
        ("base64 0", shifted(0)),
        ("base64 1", shifted(1)),
        ("base64 2", shifted(2)),
        ("base64url", URL_SAFE_NO_PAD.encode(format!("u:{secret}"))),
        ("base64 utf16", STANDARD.encode(&utf16)),
        ("base64 utf16be", STANDARD.encode([&[1], &utf16_be[..]].concat())),
        ("wrapped", wrapped.join("\r\n  ")),
        ("base64 in url", shifted(0).replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")),
        ("hex", hex(secret.as_bytes())),
        ("hex upper", hex(secret.as_bytes()).to_uppercase()),
        ("hex utf16", hex(&utf16)),
        ("hex colons", secret.bytes().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")),
        ("html", secret.replace('&', "&amp;").replace('"', "&quot;")),
        ("html dec", each(&|c| format!("&#{};", u32::from(c)))),
        ("html hex", each(&|c| format!("&#x{:x};", u32::from(c)))),
        ("html zeros", each(&|c| format!("&#x00{:X}", u32::from(c)) + ";")),
        ("utf16", String::from_utf8(utf16).unwrap()),
        ("reversed", secret.chars().rev().collect()),
        ("split by hidden", each(&|c| format!("{c}\u{200b}"))),
    ]
}

#[test]
fn attack_15_an_echoed_secret_is_found_in_every_encoding() {
    let (redactor, others) =
        (redactor(&[SECRET, "another-secret-0123456789"]), redactor(&["unrelated-secret-value-42"]));
    for (name, encoded) in encodings(SECRET) {
        for around in ["{}", "token={}&x=1", "before {} after", "<a href='{}'>"] {
            let text = around.replace("{}", &encoded);
            for answer in [json!({ "t": text }), json!({ "a": [{ text.clone(): 1 }], "t": "" })] {
                let filtered = run(answer.to_string().as_bytes(), &redactor, MessageShape::Other).unwrap();
                assert!(filtered.redactions.exact >= 1, "{name}: {text:?}");
                assert!(filtered.flags.contains(&Flag::SecretEchoed));
                let left = String::from_utf8(filtered.bytes.to_vec()).unwrap();
                assert!(left.contains(REDACTED) && redactor.redact(&left).is_none(), "{name}: {left:?}");
            }
            assert_eq!(others.redact(&text), None, "{name}");
        }
    }
}

#[test]
fn attack_15_a_stream_is_redacted_at_every_split_point() {
    let redactor = redactor(&[SECRET]);
    for (name, encoded) in encodings(SECRET).into_iter().filter(|(name, _)| *name != "split by hidden") {
        let whole = format!("first line\n{encoded}\nlast line of it").into_bytes();
        for cut in 0..=whole.len() {
            let mut stream = StreamRedactor::new(&redactor);
            let mut out = stream.push(&whole[..cut]);
            out.extend(stream.push(&whole[cut..]));
            let (rest, count) = stream.finish();
            out.extend(rest);
            assert!(
                count >= 1 && redactor.redact_bytes(&out).is_none(),
                "{name} cut at {cut}: {}",
                String::from_utf8_lossy(&out)
            );
            assert!(out.starts_with(b"first line") && out.ends_with(b"last line of it"), "{name}");
        }
    }
}

proptest! {
    /// The same bytes give the same output for every cut.
    #[test]
    fn a_stream_does_not_depend_on_how_it_was_cut(
        parts in proptest::collection::vec(prop_oneof![Just("s3cret-value".to_owned()), Just("czNjcmV0LXZhbHVl".to_owned()), "[a-z0-9 \n%\\\\&-]{0,40}"], 0..12),
        cuts in proptest::collection::vec(1..30_usize, 1..40),
    ) {
        let redactor = redactor(&["s3cret-value"]);
        let whole = parts.concat().into_bytes();
        let mut stream = StreamRedactor::new(&redactor);
        let (mut out, mut rest) = (Vec::new(), &whole[..]);
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            out.extend(stream.push(now));
            rest = later;
        }
        out.extend(stream.push(rest));
        let (tail, _) = stream.finish();
        out.extend(tail);
        let mut at_once = StreamRedactor::new(&redactor);
        let mut expected = at_once.push(&whole);
        expected.extend(at_once.finish().0);
        prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
    }

    /// Ordinary text contains no secret.
    #[test]
    fn nothing_is_found_where_nothing_is(text in "[ -~\n]{0,200}") {
        prop_assume!(!text.to_lowercase().contains("correct-horse"));
        prop_assert_eq!(redactor(&["correct-horse-battery-staple"]).redact(&text), None);
    }
}

#[test]
fn a_secret_that_is_a_number_is_found_as_a_number() {
    let redactor = redactor(&["8675309123"]);
    let answer = br#"{"a":8675309123,"b":[-8675309123, 18675309123],"c":"8675309123","d":42}"#;
    let filtered = run(answer, &redactor, MessageShape::Other).unwrap();
    assert_eq!(filtered.bytes, r#"{"a":"[redacted]","b":["[redacted]", "[redacted]"],"c":"[redacted]","d":42}"#);
}

#[test]
fn short_secrets_are_counted_not_searched() {
    let mut builder = Redactor::builder();
    builder.add(b"abc");
    builder.add(b" pin7 ");
    let redactor = builder.build().unwrap();
    assert_eq!(redactor.ignored(), 1);
    assert_eq!(redactor.redact("abc PIN7").unwrap(), ("abc [redacted]".to_owned(), 1));
    assert_eq!(format!("{redactor:?}"), "Redactor(..)");
}

#[test]
fn attack_18_a_secret_in_arguments_is_found_wherever_it_is() {
    let redactor = redactor(&[SECRET, "123456789"]);
    let url = SECRET.replace('/', "%2F");
    let arguments = json!({
        "url": format!("https://x/?k={url}"), "body": { "a/b": [1, "ok", SECRET] }, SECRET: 5, "n": 123456789, "fine": "text",
    });
    let mut found = redactor.find_in(&arguments);
    found.sort();
    assert_eq!(found, ["/[redacted]", "/body/a~1b/2", "/n", "/url"]);
    assert!(redactor.find_in(&json!({ "a": "nothing", "b": 12345 })).is_empty());
}

/// The rates of the patterns on a folder of corpora.
#[derive(Debug, Default)]
struct Measured {
    credentials: usize,
    missed: Vec<(String, String)>,
    look_alikes: usize,
    wrong: Vec<(String, String)>,
    ordinary: usize,
    ordinary_wrong: Vec<String>,
}

impl Measured {
    fn on(corpora: &Corpora) -> Self {
        let mut measured = Self::default();
        for row in corpora.texts("secret_lines") {
            let replaced = plain(&json!({ "t": row.text })).redactions.pattern > 0;
            match (row.attack, row.family == "ordinary_output") {
                (true, _) => {
                    measured.credentials += 1;
                    if !replaced {
                        measured.missed.push((row.family, row.text));
                    }
                }
                (false, true) => measured.ordinary(replaced, row.text),
                (false, false) => {
                    measured.look_alikes += 1;
                    if replaced {
                        measured.wrong.push((row.family, row.text));
                    }
                }
            }
        }
        for row in ["injection_tool_outputs", "hard_negatives"].iter().flat_map(|corpus| corpora.texts(corpus)) {
            if !row.attack {
                measured.ordinary(plain(&json!({ "t": row.text })).redactions.pattern > 0, row.text);
            }
        }
        measured
    }

    fn ordinary(&mut self, replaced: bool, text: String) {
        self.ordinary += 1;
        if replaced {
            self.ordinary_wrong.push(text);
        }
    }

    fn cases(&self) -> usize {
        self.credentials + self.look_alikes + self.ordinary
    }

    /// Asserts that at least `recall` percent of the credentials are replaced, no look-alike, and at most one percent
    /// of the ordinary outputs.
    fn assert_recall(&self, recall: usize) {
        let caught = self.credentials - self.missed.len();
        assert!(caught * 100 >= self.credentials * recall, "{caught} of {}: {:#?}", self.credentials, self.missed);
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        assert!(self.ordinary_wrong.len() * 100 <= self.ordinary, "{:#?}", self.ordinary_wrong);
    }
}

/// Twelve of the 158 credentials have no form: words, and random characters after a plain name. No pattern finds them.
#[test]
fn patterns_are_measured_on_the_corpus() {
    let measured = Measured::on(&Corpora::committed());
    assert!(measured.cases() >= 400, "{}", measured.cases());
    measured.assert_recall(92);
    assert!(measured.missed.iter().all(|(family, _)| family == "without_form"), "{:#?}", measured.missed);
    assert!(measured.ordinary_wrong.is_empty(), "{:#?}", measured.ordinary_wrong);
}

#[test]
fn patterns_are_measured_on_a_corpus_beside_the_checkout() {
    let Some(run) = AdditionalRun::begin("output filter: patterns of credentials", "corpora") else { return };
    let measured = Measured::on(&Corpora::of(&run));
    measured.assert_recall(85);
    run.finish(measured.cases());
}

#[test]
fn well_known_forms_are_replaced_and_their_look_alikes_are_not() {
    // Assembled here, so that no scanner reports this file as a leak.
    let forms = [
        format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"),
        format!("xoxb-{}-{}", "123456789012", "abcDEF123ghiJKL456mno"),
        format!("sk_live_{}", "4eC39HqLyjWDarjtT1zdp7dc"),
        format!("sk-ant-api03-{}", "Ab1-".repeat(3) + &"xYz9Kq2Lm8Np3Rt5".repeat(3)),
        format!("AKIA{}", "IOSFODNN7EXAMPLF"),
        format!("postgres://app:{}@db.example/x", "hunter2hunter"),
        format!(
            "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
            "MIIEpAIBAAKCAQEA0Z3VS5JJcds3".repeat(4)
        ),
        format!(
            "eyJhbGciOiJIUzI1NiJ9.{}.{}",
            "eyJzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
        ),
        format!("Authorization: Bearer {}", "a8Fk29dLq0Zx7Wm3Pb5Tn1Rv"),
    ];
    for form in forms {
        let filtered = plain(&json!({ "t": format!("value: {form} end") }));
        assert_eq!(filtered.redactions.pattern, 1, "{form}");
        assert!(text_of(&filtered).starts_with("value: ") && text_of(&filtered).ends_with(" end"));
    }
    let fine = [
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "postgres://user:${PASSWORD}@db",
        "postgres://localhost:5432/x",
        "550e8400-e29b-41d4-a716-446655440000",
        "APACHE2 LICENSE APPENDIX",
        "https://x.example/?a=1#frag",
        "discord server",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "Bearer authentication is used",
    ];
    for text in fine {
        assert_eq!(plain(&json!({ "t": text })).redactions.pattern, 0, "{text}");
    }
    let key = format!("AIza{}", "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q");
    let flagged = plain(&json!({ "t": key }));
    assert!(!flagged.changed && flagged.flags.contains(&Flag::PossibleCredential), "often a public identifier");
}

#[test]
fn binary_data_is_left_alone_by_patterns() {
    let data = format!("AKIA{}", "IOSFODNN7EXAMPLF");
    assert!(!plain(&json!({ "type": "image", "data": data })).changed);
    assert!(plain(&json!({ "type": "image", "date": data })).changed);
}
