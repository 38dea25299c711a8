//! Measures a decision, a check and a filter. `cargo run --release -p briefcase-policy --example figures`
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::{error::Error, hint::black_box, time::Instant};

use briefcase_output_filter::{FilterLimits, FilterSpec, MessageShape, Redactor, filter};
use briefcase_policy::{
    authority::{Authority, Class, Server},
    decision::{AcceptedDefinitions, Action, Facts, PolicySet},
    label::Labels,
    ledger::{Actual, BudgetIndex, Charge, Ledger, Settled},
    pin::pin,
};
use briefcase_schema as schema;
use briefcase_types::{AgentId, CallId, Digest, Entropy, Incarnation, ServerId, ToolName, Transport, UnixMillis};
use bytes::Bytes;
use serde_json::{Value, json};

struct Counting(std::cell::Cell<u8>);
// One thread only, so nothing is shared.
struct Fixed(std::sync::Mutex<Counting>);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        if let Ok(counting) = self.0.lock() {
            bytes.iter_mut().for_each(|byte| *byte = counting.0.replace(counting.0.get().wrapping_add(29)));
        }
    }
}

fn measure(name: &str, rounds: u32, mut work: impl FnMut()) {
    (0..rounds / 10).for_each(|_| work());
    let mut nanos: Vec<u128> = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        work();
        nanos.push(started.elapsed().as_nanos());
    }
    nanos.sort_unstable();
    let at = |percent: usize| nanos.get(nanos.len() * percent / 100).copied().unwrap_or_default();
    println!("{name:<52} p50 {:>9} ns   p95 {:>9} ns", at(50), at(95));
}

fn definition(number: usize) -> Value {
    let properties = json!({
        "owner": { "type": "string" }, "repo": { "type": "string" }, "title": { "type": "string" },
        "body": { "type": "string" }, "labels": { "type": "array", "items": { "type": "string" } },
        "page": { "type": "integer", "minimum": 1 }, "draft": { "type": "boolean" },
    });
    json!({
        "name": format!("tool-{number}"), "description": "Does something with a repository.",
        "inputSchema": { "type": "object", "properties": properties, "required": ["owner", "repo"], "additionalProperties": false },
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let entropy = Fixed(std::sync::Mutex::new(Counting(std::cell::Cell::new(0))));
    let (agent, server): (AgentId, ServerId) = ("dev".parse()?, "github".parse()?);
    let transport = Transport::Http { url: "https://example.com/mcp".into(), headers: Vec::new() };
    let mut authority = Authority::empty(Incarnation::random(&entropy));
    authority = authority.add_agent(agent.clone(), Digest::sha256(b"t"), UnixMillis(0))?.document;
    authority = authority.add_server(server.clone(), Server::new(transport))?.document;
    let mut definitions = AcceptedDefinitions::new();
    for number in 0..50 {
        let (definition, tool): (_, ToolName) = (definition(number), format!("tool-{number}").parse()?);
        let digest = pin(&server, &definition);
        authority = authority.accept_pin(&server, tool.clone(), digest)?.document;
        authority = authority.set_class(&server, &tool, if number == 7 { Class::Read } else { Class::Write })?.document;
        definitions.add(digest, &definition);
    }
    let arguments = json!({ "owner": "o", "repo": "r", "title": "A title", "body": "text ".repeat(50), "labels": ["a", "b"], "page": 3 });
    decisions(&authority, &definitions, &agent, &server, &arguments)?;
    let own = "\n@id(\"own\") forbid (principal, action == Action::\"github/tool-7\", resource) when { context.args.owner == \"evil\" || context.arg_names.contains(\"bcc\") };";
    let with_own = authority.set_policy(format!("{}{own}", authority.policy))?.document;
    println!("-- with a policy about arguments");
    decisions(&with_own, &definitions, &agent, &server, &arguments)?;

    let raw = definition(7);
    let input = raw.get("inputSchema").cloned().unwrap_or_default();
    let compiled = schema::compile(&input)?;
    measure("compile an input schema", 500, || drop(black_box(schema::compile(&input))));
    measure("validate arguments", 20_000, || drop(black_box(compiled.validate(&arguments))));
    measure("pin of a definition", 20_000, || {
        black_box(pin(&server, &raw));
    });
    let index = BudgetIndex::new(&authority);
    let (mut ledger, call) = (Ledger::new(), CallId::random(&entropy));
    let charge = Charge { call, agent, server, tool: Some("tool-7".parse()?), calls: 1, cost: None, amount: None };
    measure("reserve and settle without budgets", 20_000, || {
        if let Ok(reservation) = ledger.reserve(&index, &charge, UnixMillis(1)) {
            let settled = ledger.settle(reservation, Actual::AsReserved);
            assert_eq!(black_box(settled), Settled::Within);
        }
    });
    filters()
}

fn decisions(
    authority: &Authority,
    definitions: &AcceptedDefinitions,
    agent: &AgentId,
    server: &ServerId,
    arguments: &Value,
) -> Result<(), Box<dyn Error>> {
    let set = PolicySet::compile(authority, definitions)?;
    measure("compile the policies of 50 tools", 20, || drop(black_box(PolicySet::compile(authority, definitions))));
    for (name, tool) in [("decide: a granted read (allow)", "tool-7"), ("decide: a write (ask)", "tool-9")] {
        let tool: ToolName = tool.parse()?;
        let action = Action::Call { tool: &tool, arguments };
        let facts = Facts { agent, server, action, labels: Labels::NONE, now: UnixMillis(1_795_253_400_000) };
        println!("{}", set.decide(&facts).as_str());
        measure(name, 20_000, || drop(black_box(set.decide(&facts))));
    }
    Ok(())
}

fn filters() -> Result<(), Box<dyn Error>> {
    let mut builder = Redactor::builder();
    for secret in ["Zk9_wQ/r2+T~m7YxLp4e8", "0123456789abcdef-0123456789abcdef", "another-secret-value"] {
        builder.add(secret.as_bytes());
    }
    let redactor = builder.build().ok_or("too many secrets")?;
    let line = "The quick brown fox jumps over 13 lazy dogs; see https://example.com/a?b=c and foo.bar(baz).\n";
    let answer = |repeat: usize, text: &str| {
        Bytes::from(json!({ "content": [{ "type": "text", "text": text.repeat(repeat) }] }).to_string())
    };
    let cases = [
        ("filter 200 bytes", answer(2, line)),
        ("filter 64 KiB of plain text", answer(690, line)),
        ("filter 64 KiB of emoji and accents", answer(900, "Größe ❤️ 👩‍💻 naïve — “text” и текст\n")),
        ("filter 1 MiB of plain text", answer(11_000, line)),
    ];
    for (name, bytes) in cases {
        let spec =
            FilterSpec { redactor: &redactor, shape: MessageShape::ToolResult(None), limits: FilterLimits::default() };
        let rounds = if bytes.len() > 100_000 { 50 } else { 500 };
        measure(&format!("{name} ({} bytes)", bytes.len()), rounds, || drop(black_box(filter(bytes.clone(), &spec))));
    }
    Ok(())
}
