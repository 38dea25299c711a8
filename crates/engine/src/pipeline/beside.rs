//! The members that are sent beside the arguments of a call: `_meta`, `task` and input responses.
//!
//! Invariant: a member of the agent that is sent is searched for credentials, shown in the approval request, bound into the
//! call's key and committed to by its receipt. Everything else in `_meta` is made by the daemon.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_ports::Operation;
use briefcase_types::{CallId, Refusal, RefusalCode, ServerSettings};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::rejection::unreadable;
use crate::{Engine, call::Call};

/// The most bytes of `_meta` members of the agent that are sent with a call.
const META_BYTES_MAX: usize = 4096;
const PROGRESS_TOKEN: &str = "progressToken";
const TRACEPARENT: &str = "traceparent";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The log level that every modern server is asked for. The MCP server drops messages below the client's own level.
const FIXED_LEVEL: &str = "info";
/// The members that the daemon makes, whatever a person lets a server have.
const MADE_HERE: [&str; 5] = [
    PROGRESS_TOKEN,
    LOG_LEVEL,
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
];

/// The members of the agent that are sent beside the arguments.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// `_meta` and `task`. A grant of exact arguments covers exactly these.
    bound: Map<String, Value>,
    /// The answers to input requests of the server. They differ in each round of a call.
    input: Option<Value>,
}

impl Beside {
    /// The members that are part of the call, as canonical JSON, if the call has any.
    pub(super) fn bound(&self) -> Option<String> {
        (!self.bound.is_empty()).then(|| text(&Value::Object(self.bound.clone())))
    }

    /// Whether the call brings input for the server.
    pub(super) const fn has_input(&self) -> bool {
        self.input.is_some()
    }

    /// All members, as a person is shown them.
    pub(super) fn shown(&self) -> Option<String> {
        let all = self.all();
        (!all.is_empty()).then(|| text(&Value::Object(all)))
    }

    /// The names of the members.
    pub(super) fn names(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }

    /// The value that the receipt commits to: the arguments, in an object with the members beside them if there are any.
    pub(super) fn recorded(&self, arguments: &Value) -> Option<Value> {
        let mut all = self.all();
        if all.is_empty() {
            return None;
        }
        all.insert("arguments".to_owned(), arguments.clone());
        Some(Value::Object(all))
    }

    fn all(&self) -> Map<String, Value> {
        let mut all = self.bound.clone();
        all.extend(self.input.clone().map(|input| ("inputResponses".to_owned(), input)));
        all
    }

    /// The names of the agent's `_meta` members that are sent.
    pub(super) fn forwarded(&self) -> impl Iterator<Item = &str> {
        let meta = self.bound.get("_meta").and_then(Value::as_object);
        meta.into_iter().flat_map(Map::keys).map(String::as_str)
    }
}

/// Reads the members beside the arguments, and replaces `_meta` by the one that is sent.
pub(super) fn take(
    engine: &Engine,
    call: &mut Call,
    id: &CallId,
    settings: &ServerSettings,
) -> Result<Beside, Refusal> {
    let mut beside = Beside::default();
    let agents = call.request.meta.take();
    let forwarded = forwarded(call, agents.as_ref(), settings)?;
    engine.outgoing_secrets(&Value::Object(forwarded.clone()))?;
    call.request.meta = made_here(call, id, forwarded.clone());
    if !forwarded.is_empty() {
        beside.bound.insert("_meta".to_owned(), Value::Object(forwarded));
    }
    for (name, raw) in &mut call.request.members {
        let value = parse_strict(raw, &JsonLimits::AGENT).map_err(unreadable)?;
        match *name {
            // The server wrote this state. The daemon keeps it, and the agent never sees it.
            "requestState" => continue,
            "inputResponses" => beside.input = Some(value.clone()),
            "task" => {
                check_task(&value)?;
                beside.bound.insert("task".to_owned(), value.clone());
            }
            other => {
                beside.bound.insert(other.to_owned(), value.clone());
            }
        }
        engine.outgoing_secrets(&value)?;
        *raw = Bytes::from(canonical(&value));
    }
    Ok(beside)
}

/// The agent's `_meta` members that a person lets this server have.
fn forwarded(call: &Call, meta: Option<&Bytes>, settings: &ServerSettings) -> Result<Map<String, Value>, Refusal> {
    // A follow-up is not decided on its own, so nothing of the agent goes with it.
    let decided = !matches!(call.request.operation, Operation::FollowUp { .. });
    let (Some(raw), true, false) = (meta, decided, settings.forward_meta.is_empty()) else { return Ok(Map::new()) };
    let Value::Object(mut members) = parse_strict(raw, &JsonLimits::AGENT).map_err(unreadable)? else {
        return Ok(Map::new());
    };
    members.retain(|name, _| settings.forward_meta.contains(name) && !MADE_HERE.contains(&name.as_str()));
    let bytes = canonical(&Value::Object(members.clone())).len();
    if bytes > META_BYTES_MAX {
        return Err(Refusal::new(
            RefusalCode::InvalidArgs,
            "meta_too_large",
            format!("The `_meta` members for this server have {bytes} bytes; at most {META_BYTES_MAX} are sent."),
            "Send less in `_meta`, or put the data into the arguments.",
        ));
    }
    Ok(members)
}

/// The `_meta` that is sent: the forwarded members and those of the daemon's own. Every call has all of the latter, so
/// their presence says nothing about the client. A follow-up has none.
fn made_here(call: &Call, id: &CallId, mut members: Map<String, Value>) -> Option<Bytes> {
    if matches!(call.request.operation, Operation::FollowUp { .. }) {
        return None;
    }
    members.entry(TRACEPARENT).or_insert_with(|| json!(traceparent(id)));
    members.insert(PROGRESS_TOKEN.to_owned(), json!(id.to_string()));
    members.insert(LOG_LEVEL.to_owned(), json!(FIXED_LEVEL));
    Some(Bytes::from(canonical(&Value::Object(members))))
}

/// The trace context of a call (W3C): its trace is the call's id, so that a server's trace leads to the receipt.
fn traceparent(id: &CallId) -> String {
    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let span = hex.get(..16).unwrap_or_default();
    format!("00-{hex}-{span}-01")
}

/// Checks the shape of `task`: its time to live, and how often the client polls.
fn check_task(task: &Value) -> Result<(), Refusal> {
    let known = |(name, value): (&String, &Value)| {
        matches!(name.as_str(), "ttl" | "pollInterval") && (value.is_null() || value.is_u64())
    };
    if task.as_object().is_some_and(|members| members.iter().all(known)) {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalCode::InvalidArgs,
        "task",
        "The member `task` does not have the shape of the protocol.",
        "Send `task` as an object with at most `ttl` and `pollInterval`, each a whole number of milliseconds.",
    ))
}

fn text(value: &Value) -> String {
    String::from_utf8_lossy(&canonical(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_has_numbers_only() {
        for good in
            [json!({}), json!({ "ttl": 60_000 }), json!({ "ttl": null }), json!({ "ttl": 1, "pollInterval": 5 })]
        {
            assert!(check_task(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({ "ttl": "private text" }),
            json!({ "ttl": -1 }),
            json!({ "ttl": 1.5 }),
            json!({ "note": 1 }),
            json!({ "ttl": { "a": 1 } }),
            json!("text"),
            json!([]),
        ] {
            assert_eq!(check_task(&bad).unwrap_err().reason, "task", "{bad}");
        }
    }

    #[test]
    fn the_trace_is_the_call() {
        let id: CallId = "AAECAwQFBgcICQoLDA0ODw".parse().unwrap();
        assert_eq!(traceparent(&id), "00-000102030405060708090a0b0c0d0e0f-0001020304050607-01");
    }
}
