//! Tools: the accepted definitions, and what a person says about each tool.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{Json, extract::State};
use briefcase_api::ToolView;
use briefcase_engine::{
    Engine,
    tools::{Tool, Tools},
};
use briefcase_policy::{
    authority::{Authority, AuthorityChange, Class, Server},
    label::{Label, Labels},
    pin,
};
use briefcase_ports::Record;
use briefcase_types::{Digest, Money, ServerId, ToolName, text};

use crate::{
    Briefcase,
    edit::{Edit, chain},
    error::{ApiError, ApiResult},
    probe::ProbeResult,
    state::AdminState,
    tool_views,
};

/// `GET /v1/tools`: the accepted tools, without asking their servers.
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<ToolView>> {
    let briefcase = admin.briefcase()?;
    let reading = Arc::clone(&briefcase);
    let accepted = briefcase.reader().spawn(move |_| Ok(tool_views::accepted(&reading))).await;
    accepted.map(Json).map_err(|error| ApiError::internal(&error))
}

/// The records of listed definitions, without secrets (see [`briefcase_engine::server_texts`]).
///
/// # Errors
/// `unavailable`: a secret cannot be read, so it cannot be found in a definition.
pub fn definitions(briefcase: &Briefcase, tools: &Tools) -> Result<Vec<Record>, ApiError> {
    let texts = briefcase.engine.server_texts();
    let record = |tool: &Arc<Tool>| Some(Record::Definition { pin: tool.pin(), raw: texts.stored(tool.raw())? });
    let unreadable = || ApiError::internal(&"A secret of the vault cannot be read, so no definition can be stored.");
    tools.iter().map(record).collect::<Option<_>>().ok_or_else(unreadable)
}

/// Accepts new or changed definitions as a probe showed them. Without `wanted`, accepts all of them and removes the tools that
/// are no longer listed. With `changing`, the server may go on changing the text that the probe showed as different.
///
/// # Errors
/// `invalid`: the probe is gone, the server is not registered, nothing differs, or a difference is more than text.
pub fn accept(
    admin: &AdminState,
    briefcase: &Briefcase,
    name: ServerId,
    probe: Digest,
    wanted: &[ToolName],
    changing: bool,
) -> Result<Edit, ApiError> {
    let probed = admin.probes.find(probe)?;
    let authority = briefcase.engine.authority();
    let registered = authority.document().server(&name).map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let varying =
        if changing { varying_places(briefcase, &probed, &name, registered, wanted)? } else { BTreeMap::new() };
    let mut all = registered.varying();
    all.extend(varying);
    let tools = Engine::tools_varying(&name, &all, &probed.listing);
    let own = briefcase.engine.own_texts(&registered.transport);
    let differs = |tool: &&Arc<Tool>| {
        registered.pins.get(tool.name()).is_none_or(|pin| pin.digest != tool.pin())
            && (wanted.is_empty() || wanted.contains(tool.name()))
            && !own.taints(tool.name().as_str())
            && !own.taints(tool.own_name())
    };
    let accepted: Vec<(ToolName, Digest, BTreeSet<String>)> =
        tools.iter().filter(differs).map(|tool| (tool.name().clone(), tool.pin(), tool.varying().clone())).collect();
    let gone: Vec<ToolName> =
        registered.pins.keys().filter(|tool| tools.find(tool).is_none() && wanted.is_empty()).cloned().collect();
    if accepted.is_empty() && gone.is_empty() {
        return Err(ApiError::invalid("There is nothing new to accept."));
    }
    let (records, changed) = (definitions(briefcase, &tools)?, name.clone());
    let make = move |document: &Authority| {
        let start = AuthorityChange { document: document.clone(), summary: Vec::new() };
        let accepted = accepted.into_iter().try_fold(start, |before, (tool, pin, varying)| {
            chain(before, |document| document.accept_varying_pin(&name, tool, pin, varying))
        })?;
        gone.iter().try_fold(accepted, |before, tool| chain(before, |document| document.remove_pin(&name, tool)))
    };
    Ok(Edit::of(make).with_records(records).reconnecting([changed]))
}

/// The places that differ from the accepted definitions, or between the two looks of a probe, by tool.
///
/// # Errors
/// `invalid` when the server changes more than text from one look to the next.
fn varying_places(
    briefcase: &Briefcase,
    probed: &ProbeResult,
    name: &ServerId,
    registered: &Server,
    wanted: &[ToolName],
) -> Result<BTreeMap<ToolName, BTreeSet<String>>, ApiError> {
    let tools = briefcase.engine.tools(name, &probed.listing);
    let second = probed.second.as_ref().map(|listing| briefcase.engine.tools(name, listing));
    let texts = briefcase.engine.server_texts();
    let mut all = BTreeMap::new();
    for tool in tools.iter().filter(|tool| wanted.is_empty() || wanted.contains(tool.name())) {
        let pin = registered.pins.get(tool.name());
        let mut places = pin.map(|pin| pin.varying.clone()).unwrap_or_default();
        let before = pin.and_then(|pin| briefcase.reader().definition(&pin.digest).ok().flatten());
        let before: Option<serde_json::Value> = before.and_then(|raw| serde_json::from_slice(&raw).ok());
        // Secrets are not on record: what differs beside them does.
        let since =
            before.map(|before| pin::diff(&texts.value(&before), &texts.value(tool.definition()))).unwrap_or_default();
        places.extend(since.iter().filter_map(|difference| pin::descriptive_place(&difference.path)));
        let other = second.as_ref().and_then(|tools| tools.find(tool.name()));
        for difference in other.map(|other| pin::diff(tool.definition(), other.definition())).unwrap_or_default() {
            let place = pin::descriptive_place(&difference.path)
                .ok_or_else(|| more_than_text(name, tool, &texts.text(&difference.path)))?;
            places.insert(place);
        }
        if !places.is_empty() {
            all.insert(tool.name().clone(), places);
        }
    }
    Ok(all)
}

fn more_than_text(server: &ServerId, tool: &Tool, path: &str) -> ApiError {
    let (tool, path) = (tool.name(), text::clip(path, 200));
    ApiError::invalid(format!(
        "The tool `{tool}` of `{server}` differs at `{path}` from one start to the next. That is more than text, so it cannot be \
         accepted as changing. Accept the other tools by name with `--tool`, and report this one to the server's author."
    ))
}

/// Refuses a class that would have no effect. A tool whose arguments cannot be checked always asks.
fn check_class(
    briefcase: &Briefcase,
    server: &ServerId,
    tool: &ToolName,
    class: Class,
) -> Result<Vec<String>, ApiError> {
    let authority = briefcase.engine.authority();
    let pin = authority.document().servers.get(server).and_then(|server| server.pins.get(tool));
    let raw = pin.and_then(|pin| briefcase.reader().definition(&pin.digest).ok().flatten());
    let Some(definition) = raw.and_then(|raw| serde_json::from_slice::<serde_json::Value>(&raw).ok()) else {
        return Ok(Vec::new());
    };
    let (schemas, texts) = (pin::Schemas::of(&definition), briefcase.engine.server_texts());
    if class == Class::Read && schemas.input.is_none() {
        let reason = schemas.problems.first().map(|problem| texts.text(&problem.to_string())).unwrap_or_default();
        return Err(ApiError::invalid(format!(
            "The arguments of `{tool}` of `{server}` cannot be checked, so each call asks: {reason}."
        )));
    }
    let of_input = schemas.problems.iter().filter(|problem| problem.path.starts_with("/inputSchema"));
    Ok(of_input.map(|problem| texts.text(&format!("tool_unchecked {server}/{tool} {problem}"))).collect())
}

/// Sets the class, the cost and the labels of a tool. An empty cost removes it.
///
/// # Errors
/// `invalid`: a value cannot be parsed, all of them are absent, or the tool's arguments cannot be checked.
pub fn set(
    briefcase: &Briefcase,
    server: ServerId,
    tool: ToolName,
    class: Option<String>,
    cost: Option<String>,
    labels: Option<Vec<String>>,
) -> Result<Edit, ApiError> {
    let class: Option<Class> = class.map(|text| text.parse()).transpose().map_err(ApiError::invalid)?;
    let price = |text: &String| if text.is_empty() { Ok(None) } else { text.parse::<Money>().map(Some) };
    let cost: Option<Option<Money>> =
        cost.as_ref().map(price).transpose().map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let parse = |words: Vec<String>| words.iter().map(|word| word.parse::<Label>()).collect::<Result<Labels, _>>();
    let labels = labels.map(parse).transpose().map_err(|error| ApiError::invalid(format!("{error}.")))?;
    if class.is_none() && cost.is_none() && labels.is_none() {
        return Err(ApiError::invalid("Nothing is to be changed."));
    }
    // The person sees what is not checked before the class is set.
    let unchecked = class.map(|class| check_class(briefcase, &server, &tool, class)).transpose()?.unwrap_or_default();
    Ok(Edit::of(move |document| {
        let mut changed = AuthorityChange { document: document.clone(), summary: Vec::new() };
        if let Some(class) = class {
            changed = chain(changed, |document| document.set_class(&server, &tool, class))?;
            changed.summary.extend(unchecked);
        }
        if let Some(cost) = cost {
            changed = chain(changed, |document| document.set_cost(&server, &tool, cost))?;
        }
        if let Some(labels) = labels {
            changed = chain(changed, |document| document.set_labels(&server, &tool, labels))?;
        }
        Ok(changed)
    }))
}
