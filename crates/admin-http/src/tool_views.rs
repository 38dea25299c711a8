//! Tools as people see them: what a server lists now, compared with the accepted definitions.

use briefcase_api::{FieldDifference, ToolView};
use briefcase_engine::{server_texts::ServerTexts, tools::Tools};
use briefcase_policy::{authority::Server, decision::Risk, pin};
use briefcase_store::Reader;
use briefcase_types::{Digest, ServerId, ToolName, text};
use serde_json::Value;

use crate::Briefcase;

/// All accepted tools, without asking their servers.
pub fn accepted(briefcase: &Briefcase) -> Vec<ToolView> {
    let (authority, texts) = (briefcase.engine.authority(), briefcase.engine.server_texts());
    let mut views = Vec::new();
    for (name, server) in &authority.document().servers {
        for (tool, pin) in &server.pins {
            let raw = briefcase.reader().definition(&pin.digest).ok().flatten().unwrap_or_default();
            let definition: Value = serde_json::from_slice(&raw).unwrap_or_default();
            let shown = texts.value(&definition);
            views.push(ToolView {
                server: name.clone(),
                name: tool.to_string(),
                state: "accepted".to_owned(),
                class: pin.class.as_str().to_owned(),
                risk: Risk::of(pin.class, &definition).as_str().to_owned(),
                cost: pin.cost.map(|cost| cost.to_string()),
                summary: summary(&shown),
                hints: hints(&shown),
                flags: pin::poisoning_signals(&definition).iter().map(|flag| format!("{flag:?}")).collect(),
                differences: Vec::new(),
            });
        }
    }
    views
}

/// All tools of one server: those listed now, those quarantined, and those accepted but no longer listed.
pub fn listed(briefcase: &Briefcase, name: &ServerId, server: &Server, tools: &Tools) -> Vec<ToolView> {
    let texts = briefcase.engine.server_texts();
    let own = briefcase.engine.own_texts(&server.transport);
    let mut views: Vec<ToolView> = tools
        .iter()
        .map(|tool| {
            if own.taints(tool.name().as_str()) {
                return unlisted(name, &texts.text(tool.name().as_str()), "quarantined", SECRET_NAME);
            }
            let shown = texts.value(tool.definition());
            let accepted = server.pins.get(tool.name());
            let state = match accepted {
                Some(pin) if pin.digest == tool.pin() => "accepted",
                Some(_) => "changed",
                None => "new",
            };
            let class = accepted.map_or("unknown", |pin| pin.class.as_str()).to_owned();
            let risk = Risk::of(accepted.map(|pin| pin.class).unwrap_or_default(), tool.definition());
            ToolView {
                server: name.clone(),
                name: tool.name().to_string(),
                state: if tool.unusable().is_some() { "quarantined" } else { state }.to_owned(),
                class,
                risk: risk.as_str().to_owned(),
                cost: accepted.and_then(|pin| pin.cost).map(|cost| cost.to_string()),
                summary: summary(&shown),
                hints: hints(&shown),
                flags: tool.poisoning_signals().iter().map(|flag| format!("{flag:?}")).collect(),
                differences: accepted
                    .filter(|_| state == "changed")
                    .map_or_else(Vec::new, |pin| differences(briefcase.reader(), &pin.digest, &shown, &texts)),
            }
        })
        .collect();
    let quarantined = tools.quarantined().iter();
    views.extend(
        quarantined.map(|(shown, reason)| unlisted(name, &texts.text(shown), "quarantined", &texts.text(reason))),
    );
    let is_listed = |tool: &ToolName| tools.find(tool).is_some();
    let gone = server.pins.keys().filter(|tool| !is_listed(tool));
    views.extend(gone.map(|tool| unlisted(name, tool.as_str(), "gone", "")));
    views
}

/// The reason against a tool whose name contains a secret of its server.
pub const SECRET_NAME: &str = "its name contains a secret of this server";

/// A tool without a usable definition.
fn unlisted(server: &ServerId, name: &str, state: &str, summary: &str) -> ToolView {
    ToolView {
        server: server.clone(),
        name: text::printable(name),
        state: state.to_owned(),
        class: "unknown".to_owned(),
        risk: "high".to_owned(),
        cost: None,
        summary: summary.to_owned(),
        hints: Vec::new(),
        flags: Vec::new(),
        differences: Vec::new(),
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

/// The differences between the accepted definition and the present one, both without secrets.
fn differences(reader: &Reader, accepted: &Digest, now: &Value, texts: &ServerTexts) -> Vec<FieldDifference> {
    let before = reader.definition(accepted).ok().flatten().and_then(|raw| serde_json::from_slice(&raw).ok());
    let before: Value = texts.value(&before.unwrap_or_default());
    let field = |difference: pin::Difference| FieldDifference {
        path: difference.path,
        old: difference.old.map(|value| text::printable(&value.to_string())),
        new: difference.new.map(|value| text::printable(&value.to_string())),
    };
    let mut found: Vec<FieldDifference> = pin::diff(&before, now).into_iter().map(field).collect();
    if found.is_empty() {
        // The pins differ, so what differs is inside a secret.
        let secret = || Some("a text with a secret, which is not shown".to_owned());
        found.push(FieldDifference { path: String::new(), old: secret(), new: secret() });
    }
    found
}
