//! validate: every parser reads the arguments the same way, and they match the accepted schema.
//!
//! Invariant: later stages see the canonical form only. It is hashed, shown, decided on and sent.

use briefcase_json::{JsonError, JsonLimits, canonical, parse_strict};
use briefcase_types::{Refusal, RefusalCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{CallContext, CallRejection, Resolved, resolve::CallTarget};
use briefcase_ports::Operation;

use crate::{Engine, approvals::CallKey, call::Call, tasks::TaskAction};

/// A call with valid arguments.
#[derive(Debug)]
pub struct Validated {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: CallTarget,
    pub(super) arguments: Arguments,
}

/// Arguments in canonical form.
#[derive(Debug)]
pub struct Arguments {
    pub(super) value: Value,
    pub(super) canonical: Bytes,
    pub(super) commitment: briefcase_types::Digest,
    pub(super) key: CallKey,
}

/// The second stage.
pub fn validate(engine: &Engine, resolved: Resolved) -> Result<Validated, CallRejection> {
    let Resolved { context, mut call, target } = resolved;
    let version = target.authority.version();
    let mut value = read(&call.request.operation).map_err(|refusal| CallRejection::new(version, refusal))?;
    if let Some((task, act)) = target.task().zip(TaskAction::of(&call.request.operation)) {
        task.keep_asked(act, &mut value);
    }
    let canonical = Bytes::from(canonical(&value));
    let commitment = engine.commit_key.arguments(&context.call, &value).root();
    if let (Some(tool), Operation::CallTool { .. }) = (&target.tool, &call.request.operation) {
        tool.check_arguments(&value).map_err(|violations| {
            CallRejection::new(version, does_not_fit(&context, &violations)).with_arguments(commitment)
        })?;
    }
    let reject = |refusal| CallRejection::new(version, refusal).with_arguments(commitment);
    engine.outgoing_secrets(&value).map_err(reject)?;
    engine.outgoing_secrets(&Value::from(call.request.operation.name())).map_err(reject)?;
    let beside = beside(engine, &mut call).map_err(reject)?;
    let name = format!("{}\u{0}{}\u{0}{beside}", call.request.operation.method(), call.request.operation.name());
    let key = CallKey::new(&context.agent, &context.server, &name, &target.pin, &canonical, target.cost);
    Ok(Validated { context, call, target, arguments: Arguments { value, canonical, commitment, key } })
}

/// Validates the members beside the arguments. `_meta` loses members that the protocol does not define, everything is
/// searched for credentials, and all but input responses is bound into the call's key.
fn beside(engine: &Engine, call: &mut Call) -> Result<String, Refusal> {
    if let Some(raw) = call.request.meta.take() {
        let mut meta = object(&raw)?;
        if let Value::Object(members) = &mut meta {
            members.retain(|name, _| is_protocols_own(name));
        }
        engine.outgoing_secrets(&meta)?;
        call.request.meta = Some(Bytes::from(canonical(&meta)));
    }
    let mut bound = String::new();
    for (name, raw) in &call.request.members {
        let value = parse_strict(raw, &JsonLimits::AGENT).map_err(unreadable)?;
        if *name == "requestState" {
            // The server wrote this state. The daemon keeps it, and the agent never sees it.
            continue;
        }
        engine.outgoing_secrets(&value)?;
        if *name != "inputResponses" {
            bound.push_str(name);
            bound.push_str(&String::from_utf8_lossy(&canonical(&value)));
        }
    }
    Ok(bound)
}

/// Whether the protocol defines this member of `_meta`. Members of the agent's own would pass unseen.
fn is_protocols_own(name: &str) -> bool {
    name.starts_with("io.modelcontextprotocol/")
        || matches!(name, "progressToken" | "traceparent" | "tracestate" | "baggage")
}

fn read(operation: &Operation) -> Result<Value, Refusal> {
    match operation {
        Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => object(arguments),
        Operation::Complete { params } | Operation::FollowUp { params, .. } => object(params),
        Operation::ReadResource { uri } => Ok(json!({ "uri": uri })),
    }
}

fn unreadable(error: JsonError) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        error.reason.as_str(),
        format!("The arguments were rejected: {error}."),
        "Send JSON that every parser reads the same way: no duplicate keys, integers beyond 2^53 as strings, valid UTF-8.",
    )
}

fn object(raw: &Bytes) -> Result<Value, Refusal> {
    if raw.is_empty() {
        return Ok(json!({}));
    }
    let value = parse_strict(raw, &JsonLimits::AGENT).map_err(unreadable)?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Refusal::new(
            RefusalCode::InvalidArgs,
            "not_an_object",
            "The arguments are not a JSON object.",
            "Send an object, such as {}.",
        )),
    }
}

fn does_not_fit(context: &CallContext, violations: &[String]) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        "schema",
        format!("The arguments of `{}` do not match its schema: {}.", context.name, violations.join("; ")),
        "Correct the arguments to the tool's inputSchema and call again.",
    )
}
