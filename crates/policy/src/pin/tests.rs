use briefcase_test_data::{AdditionalRun, Corpora, LabelledText};
use briefcase_types::ServerId;
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
    let found = inspect(&server(), raw.iter().map(String::as_bytes));
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
fn attack_04_names_that_could_be_taken_for_another_are_quarantined() {
    let pairs = [
        ("read", "read", "duplicate"),
        ("read", "READ", "confusable"),
        ("read-file", "read_file", "confusable"),
        ("list1", "listl", "confusable"),
        ("listI", "listl", "confusable"),
        ("go0gle", "google", "confusable"),
        ("a.b", "a_b", "confusable"),
    ];
    for (one, two, reason) in pairs {
        let found = verdicts(&[tool(one), tool("other"), tool(two)]);
        assert_eq!(found[0].1.as_deref(), Some(reason), "{one} {two}");
        assert_eq!(found[1].1, None);
        assert_eq!(found[2].1.as_deref(), Some(reason), "{one} {two}");
    }
    for bad in
        ["r\u{435}ad", "read\u{200b}", "read ", "", "a/b", "read\u{202e}", "mail:read", "\u{ff52}ead", &"x".repeat(129)]
    {
        let found = verdicts(&[tool(bad)]);
        assert_eq!(found[0].1.as_deref(), Some("name"), "{bad:?}");
        assert!(!found[0].0.contains(['\u{200b}', '\u{202e}']), "what is shown hides nothing");
    }
    let fine = verdicts(&[tool("read"), tool("reader"), tool("read_file"), tool("get-v1"), tool("get-v2")]);
    assert!(fine.iter().all(|(_, why)| why.is_none()), "{fine:?}");
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
fn a_definition_that_cannot_be_used_says_why() {
    let raw: [(&[u8], &str); 6] = [
        (b"{", "definition_not_json"),
        (br#"{"name":"a","name":"b","inputSchema":{}}"#, "definition_not_json"),
        (br#"{"inputSchema":{}}"#, "definition_incomplete"),
        (br#"{"name":"a"}"#, "definition_incomplete"),
        (br#"{"name":"a","inputSchema":{"$ref":"https://evil.example/s"}}"#, "input_schema"),
        (br#"{"name":"a","inputSchema":{},"outputSchema":{"type":5}}"#, "output_schema"),
    ];
    for (definition, reason) in raw {
        let found = inspect(&server(), [definition]);
        assert_eq!(found[0].verdict.as_ref().unwrap_err().reason(), reason);
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
