use super::*;

#[test]
fn harmless_text_passes_unchanged() {
    let answer = Bytes::from_static(br#"{ "content":[{"type":"text","text":"a\n\"b\"\t\/ c"}],  "n": 1.50e0 }"#);
    let spec = FilterSpec {
        redactor: &redactor(&[SECRET]),
        shape: MessageShape::ToolResult(None),
        limits: FilterLimits::default(),
    };
    let filtered = filter(answer.clone(), &spec).unwrap();
    assert!(!filtered.changed && filtered.flags.is_empty());
    assert_eq!(filtered.bytes.as_ptr(), answer.as_ptr(), "no copy");
}

#[test]
fn everything_between_strings_stays_byte_for_byte() {
    let answer = "{ \"a\\u200b\" : 1.0 ,\n\"b\":[\"x\\u202ey\", null ,\"é\"],\"c\":-0}";
    let filtered = run(answer.as_bytes(), &Redactor::none(), MessageShape::Other).unwrap();
    assert_eq!(filtered.bytes, "{ \"a\\\\u{200b}\" : 1.0 ,\n\"b\":[\"xy\", null ,\"é\"],\"c\":-0}");
    assert!(filtered.changed && filtered.flags.contains(&Flag::Neutralised));
}

/// Checks every text of the corpus of hidden characters. Returns the numbers of texts with and without hidden data.
fn hidden_characters(corpora: &Corpora) -> (usize, usize) {
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
    let (mut structural, mut wrong, mut legal) = (0, Vec::new(), 0);
    for row in corpora.texts("unicode_terminal") {
        let filtered = plain(&json!({ "t": row.text }));
        if row.attack && STRUCTURAL.contains(&row.family.as_str()) {
            structural += 1;
            assert!(filtered.flags.contains(&Flag::Neutralised), "{} {:?}", row.family, row.text);
            let left = text_of(&filtered);
            assert!(neutralise(&left).is_none(), "{left:?}");
        } else if !row.attack {
            legal += 1;
            if filtered.changed || !filtered.flags.is_empty() {
                wrong.push((row.family, row.text, text_of(&filtered)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    (structural, legal)
}

#[test]
fn attack_13_the_corpus_of_hidden_characters() {
    let (structural, legal) = hidden_characters(&Corpora::committed());
    assert!(structural >= 75 && legal >= 36, "{structural} texts that hide, {legal} that do not");
}

#[test]
fn attack_13_a_corpus_of_hidden_characters_beside_the_checkout() {
    let Some(run) = AdditionalRun::begin("output filter: hidden characters", "corpora") else { return };
    let (structural, legal) = hidden_characters(&Corpora::of(&run));
    assert!(structural >= 30 && legal >= 10, "{structural} texts that hide, {legal} that do not");
    run.finish(structural + legal);
}

#[test]
fn ordinary_writing_stays() {
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
fn text_that_hides_reorders_or_overwrites_is_removed() {
    let hostile = [
        ("a\u{200b}b", "ab"),
        ("a\u{200d}b", "ab"),
        ("a\u{2060}\u{2061}b", "a\\u{2061}b"),
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
        ("\u{3164}\u{115f}", "\\u{3164}\\u{115f}"),
        ("e\u{ad}v\u{ad}i\u{ad}l", "evil"),
        ("\u{200e}\u{200f}abc", "abc"),
        ("ש\u{200e}\u{200f}\u{200e}", "ש"),
        ("ש \u{2067}abc\u{2069}", "ש abc"),
        ("ש \u{2066}abc", "ש abc"),
        // Hidden characters that separate others until they are removed.
        ("ש\u{200f}\u{200b}\u{200f}\u{200b}\u{200e}", "ש"),
        ("\u{1b}[5mx\u{1b}[1337mx", "\u{1b}[5mx␛[1337mx"),
        ("می\u{200c}\u{200c}\u{200c}خ", "میخ"),
    ];
    for (text, visible) in hostile {
        assert_eq!(neutralise(text).as_deref(), Some(visible), "{text:?}");
    }
}

/// Characters that are drawn as a blank are shown by their codes, in texts, names and values.
#[test]
fn attack_72_blank_characters_are_shown() {
    let blanks = [
        '\u{2800}',
        '\u{3164}',
        '\u{115f}',
        '\u{1160}',
        '\u{ffa0}',
        '\u{2061}',
        '\u{2062}',
        '\u{2063}',
        '\u{2064}',
        '\u{2065}',
        '\u{17b4}',
        '\u{17b5}',
        '\u{180e}',
        '\u{1d159}',
        '\u{16fe4}',
        '\u{fff0}',
        '\u{13441}',
    ];
    for blank in blanks {
        let shown = format!("a{}b", blank.escape_unicode());
        let filtered = plain(&json!({ "t": format!("a{blank}b"), format!("n{blank}"): [format!("{blank}{blank}")] }));
        assert_eq!(text_of(&filtered), shown);
        let whole = String::from_utf8(filtered.bytes.to_vec()).unwrap();
        assert!(!whole.contains(blank) && filtered.flags.contains(&Flag::Neutralised), "{blank:?}: {whole}");
        assert_eq!(whole.matches(&format!("\\{}", blank.escape_unicode())).count(), 4, "{blank:?}: {whole}");
    }
    // Braille dots and Korean letters need some of them.
    for legal in
        ["\u{2820}\u{2800}\u{2804}", "\u{28ff}\u{2800}\u{2800}\u{2800}\n", "\u{115f}\u{1161}", "\u{1100}\u{1160}"]
    {
        assert_eq!(neutralise(legal), None, "{legal:?}");
    }
    assert_eq!(neutralise("pay\u{2800}\u{2800}now").as_deref(), Some("pay\\u{2800}\\u{2800}now"));
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
        for shape in [MessageShape::Other, MessageShape::Content, MessageShape::ToolResult(None)] {
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
    /// For any input, the result is JSON of the same structure, and a second filter run changes nothing. No control
    /// character but tab, line feed and CRLF remains outside of colours.
    #[test]
    fn filtering_is_stable_and_leaves_no_controls(text in "\\PC*[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{e0020}-\u{e007f}\u{fe0f}a\u{5d0}]{0,12}\\PC{0,8}") {
        let filtered = plain(&json!({ "t": text, "n": [1, true, null] }));
        let once = text_of(&filtered);
        let again = run(&filtered.bytes, &Redactor::none(), MessageShape::Other).unwrap();
        prop_assert_eq!(neutralise(&once), None, "once is enough");
        prop_assert!(serde_json::from_slice::<Value>(&again.bytes).is_ok());
        for c in once.replace("\r\n", "").chars().filter(|c| *c != '\u{1b}') {
            prop_assert!(!matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'), "{:?}", once);
        }
    }
}
