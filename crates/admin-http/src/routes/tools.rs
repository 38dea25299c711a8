//! Tools: the accepted definitions, and what a person says about each tool.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::ToolView;
use briefcase_engine::tools::{Tool, Tools};
use briefcase_policy::{
    authority::{Authority, AuthorityChange, Class},
    label::{Label, Labels},
};
use briefcase_ports::Record;
use briefcase_types::{Digest, Money, ServerId, ToolName};

use crate::{
    Briefcase,
    edit::{Edit, chain},
    error::{ApiError, ApiResult},
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
/// are no longer listed.
///
/// # Errors
/// `invalid`: the probe is gone, the server is not registered, or nothing differs.
pub fn accept(
    admin: &AdminState,
    briefcase: &Briefcase,
    name: ServerId,
    probe: Digest,
    wanted: &[ToolName],
) -> Result<Edit, ApiError> {
    let probed = admin.probes.find(probe)?;
    let tools = briefcase.engine.tools(&name, &probed.listing);
    let authority = briefcase.engine.authority();
    let registered = authority.document().server(&name).map_err(|error| ApiError::invalid(format!("{error}.")))?;
    let own = briefcase.engine.own_texts(&registered.transport);
    let differs = |tool: &&Arc<Tool>| {
        registered.pins.get(tool.name()).is_none_or(|pin| pin.digest != tool.pin())
            && (wanted.is_empty() || wanted.contains(tool.name()))
            && tool.unusable().is_none()
            && !own.taints(tool.name().as_str())
    };
    let accepted: Vec<(ToolName, Digest)> =
        tools.iter().filter(differs).map(|tool| (tool.name().clone(), tool.pin())).collect();
    let gone: Vec<ToolName> =
        registered.pins.keys().filter(|tool| tools.find(tool).is_none() && wanted.is_empty()).cloned().collect();
    if accepted.is_empty() && gone.is_empty() {
        return Err(ApiError::invalid("There is nothing new to accept."));
    }
    let (records, changed) = (definitions(briefcase, &tools)?, name.clone());
    let make = move |document: &Authority| {
        let start = AuthorityChange { document: document.clone(), summary: Vec::new() };
        let accepted = accepted
            .into_iter()
            .try_fold(start, |before, (tool, pin)| chain(before, |document| document.accept_pin(&name, tool, pin)))?;
        gone.iter().try_fold(accepted, |before, tool| chain(before, |document| document.remove_pin(&name, tool)))
    };
    Ok(Edit::of(make).with_records(records).reconnecting([changed]))
}

/// Sets the class, the cost and the labels of a tool. An empty cost removes it.
///
/// # Errors
/// `invalid`: a value cannot be parsed, or all of them are absent.
pub fn set(
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
    Ok(Edit::of(move |document| {
        let mut changed = AuthorityChange { document: document.clone(), summary: Vec::new() };
        if let Some(class) = class {
            changed = chain(changed, |document| document.set_class(&server, &tool, class))?;
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
