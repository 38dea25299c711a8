//! Tools as people see them: what a server lists now, compared with the accepted definitions.

use std::sync::Arc;

use briefcase_api::{DefinitionProblem, FieldDifference, ToolView};
use briefcase_engine::{
    server_texts::ServerTexts,
    tools::{Quarantined, Tool, Tools},
};
use briefcase_policy::{
    authority::{Pin, Server},
    decision::Risk,
    pin::{self, UncheckedPart},
};
use briefcase_store::Reader;
use briefcase_types::{Digest, ServerId, ToolName, text};
use serde_json::Value;

use crate::Briefcase;

/// The longest text of a server in a line, in bytes.
const LINE_MAX: usize = 200;

/// All accepted tools, without asking their servers.
pub fn accepted(briefcase: &Briefcase) -> Vec<ToolView> {
    let (authority, texts) = (briefcase.engine.authority(), briefcase.engine.server_texts());
    let mut views = Vec::new();
    for (name, server) in &authority.document().servers {
        let shown = shown_names(name, server.pins.keys());
        for ((tool, pin), shown_name) in server.pins.iter().zip(shown) {
            let raw = briefcase.reader().definition(&pin.digest).ok().flatten().unwrap_or_default();
            let definition: Value = serde_json::from_slice(&raw).unwrap_or_default();
            let schemas = pin::Schemas::of(&definition);
            views.push(ToolView {
                shown_name,
                state: "accepted".to_owned(),
                ..described(name, tool, Some(pin), &definition, &schemas.problems, schemas.input.is_none(), &texts)
            });
        }
    }
    views
}

/// All tools of one server: those listed now, those quarantined, and those accepted but no longer listed. `again` is what a
/// second look found.
pub fn listed(
    briefcase: &Briefcase,
    name: &ServerId,
    server: &Server,
    tools: &Tools,
    again: Option<&Tools>,
) -> Vec<ToolView> {
    let texts = briefcase.engine.server_texts();
    let own = briefcase.engine.own_texts(&server.transport);
    let shown = shown_names(name, tools.iter().map(|tool| tool.name()));
    let view = |(tool, shown_name): (&Arc<Tool>, Option<String>)| {
        if own.taints(tool.name().as_str()) || own.taints(tool.own_name()) {
            // The own name whole: its alias may contain a part of the secret, which would not be found.
            let name_here = cut(&texts.text(tool.own_name()));
            return ToolView { summary: SECRET_NAME.to_owned(), ..unlisted(name, &name_here, "quarantined") };
        }
        let accepted = server.pins.get(tool.name());
        let other = again.and_then(|again| again.find(tool.name())).filter(|other| other.pin() != tool.pin());
        let state = match accepted {
            Some(pin) if pin.digest == tool.pin() && other.is_none() => "accepted",
            Some(_) => "changed",
            None => "new",
        };
        let changed = accepted.filter(|pin| pin.digest != tool.pin());
        let since = |pin: &Pin| since_accepted(briefcase.reader(), &pin.digest, tool.definition(), &texts);
        let between = |other: &Arc<Tool>| differences(tool.definition(), other.definition(), &texts);
        ToolView {
            shown_name,
            state: state.to_owned(),
            differences: changed.map_or_else(Vec::new, since),
            between_looks: other.as_ref().map_or_else(Vec::new, between),
            next_step: next_step(name, state, other.is_some()),
            ..described(name, tool.name(), accepted, tool.definition(), tool.problems(), tool.is_unchecked(), &texts)
        }
    };
    let mut views: Vec<ToolView> = tools.iter().zip(shown).map(view).collect();
    views.extend(tools.quarantined().iter().map(|tool| quarantined(name, tool, &texts)));
    let is_listed = |tool: &ToolName| tools.find(tool).is_some();
    let gone = server.pins.keys().filter(|tool| !is_listed(tool));
    views.extend(gone.map(|tool| unlisted(name, tool.as_str(), "gone")));
    views
}

/// The reason against a tool whose name contains a secret of its server.
pub const SECRET_NAME: &str = "its name contains a secret of this server";

/// The names that agents see, where they differ from the names here.
fn shown_names<'a>(server: &ServerId, names: impl Iterator<Item = &'a ToolName>) -> Vec<Option<String>> {
    let names: Vec<&ToolName> = names.collect();
    let alike = pin::look_alike(&names);
    let shown = |(name, alike): (&&ToolName, bool)| {
        let shown = name.shown(server, alike);
        (shown != **name).then(|| shown.to_string())
    };
    names.iter().zip(alike).map(shown).collect()
}

/// What a definition and a person say about a tool, without secrets.
fn described(
    server: &ServerId,
    tool: &ToolName,
    pin: Option<&Pin>,
    definition: &Value,
    problems: &[UncheckedPart],
    always_asks: bool,
    texts: &ServerTexts,
) -> ToolView {
    let shown = texts.value(definition);
    let class = pin.filter(|_| !always_asks).map(|pin| pin.class).unwrap_or_default();
    let own = definition.get("name").and_then(Value::as_str).filter(|own| *own != tool.as_str());
    ToolView {
        own_name: own.map(|own| cut(&texts.text(own))),
        class: class.as_str().to_owned(),
        risk: Risk::of(class, definition).as_str().to_owned(),
        cost: pin.and_then(|pin| pin.cost).map(|cost| cost.to_string()),
        summary: summary(&shown),
        hints: hints(&shown),
        flags: pin::poisoning_signals(definition).iter().map(|flag| format!("{flag:?}")).collect(),
        varying: pin.into_iter().flat_map(|pin| &pin.varying).map(|place| texts.text(place)).collect(),
        unchecked: problems.iter().map(|one| problem(one, texts)).collect(),
        always_asks,
        ..unlisted(server, tool.as_str(), "")
    }
}

fn next_step(server: &ServerId, state: &str, changes: bool) -> Option<String> {
    let step = match (state, changes) {
        ("accepted", _) => return None,
        (_, true) => format!(
            "The server changes this definition at each start. Accept that its text changes: `briefcase server accept {server} \
             --changing`."
        ),
        _ => format!("Review and accept it: `briefcase server accept {server}`."),
    };
    Some(step)
}

fn problem(problem: &UncheckedPart, texts: &ServerTexts) -> DefinitionProblem {
    DefinitionProblem {
        path: cut(&texts.text(&problem.path)),
        value: cut(&texts.text(&problem.value)),
        reason: cut(&texts.text(&problem.reason)),
    }
}

/// The beginning of a text whose secrets are removed already.
fn cut(text: &str) -> String {
    let begin = text::clip(text, LINE_MAX);
    let mark = if begin.len() < text.len() { "…" } else { "" };
    begin.replace(['\n', '\t'], " ") + mark
}

fn quarantined(server: &ServerId, tool: &Quarantined, texts: &ServerTexts) -> ToolView {
    ToolView {
        summary: cut(&texts.text(&tool.reason.to_string())),
        unchecked: vec![problem(&tool.reason.problem(), texts)],
        next_step: Some(tool.reason.next_step().to_owned()),
        ..unlisted(server, &cut(&texts.text(&tool.shown)), "quarantined")
    }
}

/// A tool without a usable definition.
fn unlisted(server: &ServerId, name: &str, state: &str) -> ToolView {
    ToolView {
        server: server.clone(),
        name: text::printable(name),
        own_name: None,
        shown_name: None,
        state: state.to_owned(),
        class: "unknown".to_owned(),
        risk: "high".to_owned(),
        cost: None,
        summary: String::new(),
        hints: Vec::new(),
        flags: Vec::new(),
        differences: Vec::new(),
        between_looks: Vec::new(),
        varying: Vec::new(),
        unchecked: Vec::new(),
        always_asks: false,
        next_step: None,
    }
}

/// The title or the first line of the description, made printable.
fn summary(definition: &Value) -> String {
    let field = |name: &str| definition.get(name).and_then(Value::as_str);
    let line = field("title").or_else(|| field("description")).unwrap_or_default().lines().next().unwrap_or_default();
    text::printable(text::clip(line, 160))
}

/// The annotations that the server claims.
fn hints(definition: &Value) -> Vec<String> {
    let annotations = definition.get("annotations").and_then(Value::as_object);
    let claims =
        annotations.into_iter().flatten().filter_map(|(name, value)| value.as_bool().map(|value| (name, value)));
    claims.map(|(name, value)| text::printable(text::clip(&format!("{name}={value}"), 64))).collect()
}

fn since_accepted(reader: &Reader, accepted: &Digest, now: &Value, texts: &ServerTexts) -> Vec<FieldDifference> {
    let before = reader.definition(accepted).ok().flatten().and_then(|raw| serde_json::from_slice(&raw).ok());
    differences(&before.unwrap_or_default(), now, texts)
}

/// The differences between two definitions whose pins differ, both without secrets.
fn differences(before: &Value, now: &Value, texts: &ServerTexts) -> Vec<FieldDifference> {
    let field = |difference: pin::Difference| FieldDifference {
        may_vary: pin::descriptive_place(&difference.path).is_some(),
        path: text::printable(&difference.path),
        old: difference.old.map(|value| text::printable(&value.to_string())),
        new: difference.new.map(|value| text::printable(&value.to_string())),
    };
    let mut found: Vec<FieldDifference> =
        pin::diff(&texts.value(before), &texts.value(now)).into_iter().map(field).collect();
    if found.is_empty() {
        // The pins differ, so what differs is inside a secret.
        let secret = || Some("a text with a secret, which is not shown".to_owned());
        found.push(FieldDifference { path: String::new(), old: secret(), new: secret(), may_vary: false });
    }
    found
}
