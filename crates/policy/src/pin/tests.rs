use std::collections::BTreeMap;

use briefcase_test_data::{AdditionalRun, Corpora, LabelledText};
use briefcase_types::{ServerId, ToolName};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn server() -> ServerId {
    "mail".parse().unwrap()
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "description": "d", "inputSchema": { "type": "object" } })
}

fn verdicts(definitions: &[Value]) -> Vec<(String, Option<String>)> {
    let raw: Vec<_> = definitions.iter().map(Value::to_string).collect();
    let found = inspect(&server(), &BTreeMap::new(), raw.iter().map(String::as_bytes));
    found.into_iter().map(|entry| (entry.shown_name, entry.verdict.err().map(|why| why.reason().to_owned()))).collect()
}

/// Every place in a definition, with every change that makes another JSON value.
fn mutations(value: &Value) -> Vec<Value> {
    let mut found = match value {
        Value::Null => vec![json!(0)],
        Value::Bool(flag) => vec![json!(!flag), Value::Null],
        Value::Number(number) => {
            vec![json!(number.as_i64().map_or(7, |number| number.wrapping_add(1))), json!(number.to_string())]
        }
        Value::String(text) => vec![
            json!(format!("{text} ")),
            json!(format!("{text}\u{200b}")),
            json!(text.to_uppercase() + "x"),
            Value::Null,
        ],
        Value::Array(items) => {
            let mut longer = items.clone();
            longer.push(Value::Null);
            vec![Value::Array(longer), json!({})]
        }
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("added\u{200b}".into(), json!(true));
            vec![Value::Object(more), json!([])]
        }
    };
    if let Value::Array(items) = value {
        for (index, item) in items.iter().enumerate() {
            let mut shorter = items.clone();
            shorter.remove(index);
            found.push(Value::Array(shorter));
            for mutated in mutations(item) {
                let mut changed = items.clone();
                changed[index] = mutated;
                found.push(Value::Array(changed));
            }
        }
    }
    if let Value::Object(members) = value {
        for (name, member) in members {
            let without: Map<_, _> =
                members.iter().filter(|(other, _)| *other != name).map(|(k, v)| (k.clone(), v.clone())).collect();
            let mut renamed = without.clone();
            renamed.insert(format!("{name}_"), member.clone());
            found.extend([Value::Object(without), Value::Object(renamed)]);
            for mutated in mutations(member) {
                let mut changed = members.clone();
                changed.insert(name.clone(), mutated);
                found.push(Value::Object(changed));
            }
        }
    }
    found
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "[a-z\u{e9}\u{1f600} ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z$]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Attack 3: a change of any node of a definition changes its pin.
    #[test]
    fn attack_03_any_change_of_any_node_changes_the_pin(schema in json_value(), annotations in json_value()) {
        let definition = json!({
            "name": "t", "title": "T", "description": "d", "inputSchema": schema, "outputSchema": { "type": "object" },
            "annotations": annotations, "x-mcp-header": "h",
        });
        let before = pin(&server(), &definition);
        for changed in mutations(&definition) {
            prop_assert_ne!(&changed, &definition);
            prop_assert_ne!(pin(&server(), &changed), before, "{}", changed);
            prop_assert!(!diff(&definition, &changed).is_empty());
        }
    }
}

#[test]
fn the_pin_depends_on_the_server_but_not_on_the_order_of_members() {
    let one: Value = serde_json::from_str(r#"{"name":"t","inputSchema":{"type":"object","a":1,"b":1.0}}"#).unwrap();
    let two: Value =
        serde_json::from_str(r#"{ "inputSchema":{"b":1,"a":1,"type":"object"}, "name":"\u0074" }"#).unwrap();
    assert_eq!(pin(&server(), &one), pin(&server(), &two));
    assert_ne!(pin(&server(), &one), pin(&"files".parse().unwrap(), &one));
}

#[test]
fn attack_04_every_tool_with_a_name_of_its_own_can_be_used() {
    let names = [
        "read",
        "READ",
        "read-file",
        "read_file",
        "read.file",
        "list1",
        "listl",
        "listI",
        "go0gle",
        "google",
        "r\u{435}ad",
        "read\u{200b}",
        "read ",
        " read",
        "a/b",
        "a:b",
        "a b",
        "read\u{202e}",
        "mail:read",
        "\u{ff52}ead",
        &"x".repeat(65),
        &"x".repeat(129),
        &"x".repeat(130),
    ];
    let raw: Vec<_> = names.iter().map(|name| tool(name).to_string()).collect();
    let inspected = |raw: Vec<&str>| -> BTreeMap<String, ToolName> {
        let found = inspect(&server(), &BTreeMap::new(), raw.iter().map(|text| text.as_bytes()));
        let sound = found.into_iter().map(|entry| {
            assert!(!entry.shown_name.contains(['\u{200b}', '\u{202e}']), "what is shown hides nothing");
            entry.verdict.unwrap()
        });
        sound.map(|sound| (sound.own_name, sound.tool)).collect()
    };
    let forward = inspected(raw.iter().map(String::as_str).collect());
    assert_eq!(forward.values().collect::<std::collections::BTreeSet<_>>().len(), names.len());
    assert_eq!(forward, inspected(raw.iter().rev().map(String::as_str).collect()), "any order gives the same names");
    assert_eq!(inspected(vec![&raw[14]])["a/b"], forward["a/b"], "and so does any company");

    let alone = ["read", "reader", "read_file", "get-v1", "get-v2"].map(|name| name.parse::<ToolName>().unwrap());
    assert_eq!(look_alike(&alone.each_ref()), [false; 5]);
    for (one, two) in [
        ("read", "READ"),
        ("read-file", "read_file"),
        ("list1", "listl"),
        ("listI", "listl"),
        ("go0gle", "google"),
        ("a.b", "a_b"),
    ] {
        let names = [one, "other", two].map(|name| name.parse::<ToolName>().unwrap());
        assert_eq!(look_alike(&names.each_ref()), [true, false, true], "{one} {two}");
    }
}

#[test]
fn attack_04_what_cannot_be_named_is_quarantined() {
    let found = verdicts(&[tool("read"), tool("other"), tool("read"), tool("a/b"), tool("a/b")]);
    let reasons: Vec<_> = found.iter().map(|(_, why)| why.as_deref()).collect();
    assert_eq!(reasons, [Some("duplicate"), None, Some("duplicate"), Some("duplicate"), Some("duplicate")]);
    // No name that a server chooses becomes the alias of another of its tools.
    let alias = ToolName::of_server("a/b").unwrap();
    let found = verdicts(&[tool("a/b"), tool(alias.as_str())]);
    assert!(found.iter().all(|(_, why)| why.is_none()), "{found:?}");
}

#[test]
fn attack_08_lists_and_definitions_are_capped() {
    let many: Vec<_> = (0..600).map(|number| tool(&format!("tool-{number}x"))).collect();
    let found = verdicts(&many);
    assert_eq!(found.iter().filter(|(_, why)| why.is_none()).count(), TOOLS_MAX);
    assert!(found[TOOLS_MAX..].iter().all(|(_, why)| why.as_deref() == Some("too_many_tools")));
    let mut long = tool("long");
    long["description"] = json!("x".repeat(DEFINITION_BYTES_MAX));
    assert_eq!(verdicts(&[long])[0].1.as_deref(), Some("definition_too_long"));
}

#[test]
fn only_a_definition_without_one_reading_is_quarantined() {
    let raw: [(&[u8], &str, &str, &str); 7] = [
        (b"{", "definition_not_json", "", ""),
        (br#"{"name":"a","name":"b","inputSchema":{}}"#, "definition_not_json", "", ""),
        (br#"{"name":"a","description":"\ud800"}"#, "definition_not_json", "", ""),
        (br#"{"inputSchema":{}}"#, "name", "/name", ""),
        (br#"{"name":"","inputSchema":{}}"#, "name", "/name", "\"\""),
        (br#"{"name":7,"inputSchema":{}}"#, "name", "/name", "7"),
        (br#""read""#, "name", "/name", ""),
    ];
    for (definition, reason, path, value) in raw {
        let found = inspect(&server(), &BTreeMap::new(), [definition]);
        let why = found[0].verdict.as_ref().unwrap_err();
        let problem = why.problem();
        assert_eq!((why.reason(), problem.path.as_str(), problem.value.as_str()), (reason, path, value));
        assert!(!why.next_step().is_empty());
    }
    for carried in [
        r#"{"name":"a"}"#,
        r#"{"name":"a","inputSchema":{"$ref":"https://evil.example/s"}}"#,
        r#"{"name":"a","inputSchema":{},"outputSchema":{"type":5}}"#,
        r#"{"name":"a","inputSchema":{"type":"object","required":null},"outputSchema":null,"annotations":null}"#,
    ] {
        assert!(inspect(&server(), &BTreeMap::new(), [carried.as_bytes()])[0].verdict.is_ok(), "{carried}");
    }
}

#[test]
fn a_difference_names_the_place() {
    let old = json!({ "a/b": { "c": [1, 2] }, "d": 1 });
    let new = json!({ "a/b": { "c": [1, 3, 4] }, "e": null });
    let shown: Vec<_> = diff(&old, &new).into_iter().map(|one| (one.path, one.old, one.new)).collect();
    let expected = [
        ("/a~1b/c/1".to_owned(), Some(json!(2)), Some(json!(3))),
        ("/a~1b/c/2".to_owned(), None, Some(json!(4))),
        ("/d".to_owned(), Some(json!(1)), None),
        ("/e".to_owned(), None, Some(Value::Null)),
    ];
    assert_eq!(shown, expected);
}

/// The rates of the poisoning signals on a corpus of descriptions.
#[derive(Debug, Default)]
struct Measured {
    poisoned: usize,
    missed: Vec<LabelledText>,
    ordinary: usize,
    wrong: Vec<LabelledText>,
}

impl Measured {
    fn on(corpora: &Corpora) -> Self {
        let mut measured = Self::default();
        for row in corpora.texts("tool_descriptions") {
            let names = row.meta["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let properties: Map<_, _> = names.map(|name| (name.to_owned(), json!({ "type": "string" }))).collect();
            let definition = json!({
                "name": "t", "description": row.text, "inputSchema": { "type": "object", "properties": properties },
            });
            let flagged = !poisoning_signals(&definition).is_empty();
            if row.attack {
                measured.poisoned += 1;
                measured.missed.extend((!flagged).then_some(row));
            } else {
                measured.ordinary += 1;
                measured.wrong.extend(flagged.then_some(row));
            }
        }
        measured
    }

    fn assert_recall(&self, recall: usize) {
        let caught = self.poisoned - self.missed.len();
        assert!(caught * 100 >= self.poisoned * recall, "{caught} of {}: {:#?}", self.poisoned, self.missed);
        assert!(self.wrong.len() * 100 <= self.ordinary * 2, "{:#?}", self.wrong);
    }
}

/// Three of the 55 poisoned descriptions steer in plain words, which no word list finds.
#[test]
fn poisoning_signals_are_measured_on_the_corpus() {
    let measured = Measured::on(&Corpora::committed());
    assert!(measured.poisoned >= 50 && measured.ordinary >= 70, "{measured:?}");
    measured.assert_recall(94);
    assert!(measured.missed.iter().all(|text| text.family == "plain_words"), "{:#?}", measured.missed);
    let hidden = json!({ "name": "t", "description": "Adds.\u{e0041}\u{e0042}", "inputSchema": {} });
    assert!(poisoning_signals(&hidden).contains(&PoisoningSignal::HiddenCharacters));
}

#[test]
fn poisoning_signals_are_measured_on_a_corpus_beside_the_checkout() {
    let Some(run) = AdditionalRun::begin("pins: poisoning signals", "corpora") else { return };
    let measured = Measured::on(&Corpora::of(&run));
    measured.assert_recall(95);
    run.finish(measured.poisoned + measured.ordinary);
}

#[test]
fn pins_are_those_of_another_implementation() {
    let rows: Vec<Value> = serde_json::from_slice(include_bytes!("../../../../vectors/policy/pins.json")).unwrap();
    assert!(rows.len() >= 4);
    for row in rows {
        let server: ServerId = row["server"].as_str().unwrap().parse().unwrap();
        assert_eq!(pin(&server, &row["definition"]).to_string(), row["pin"].as_str().unwrap());
    }
}
