//! validate: every parser reads the arguments the same way, and they match the accepted schema.
//!
//! Invariant: later stages see the canonical form only. It is hashed, shown, decided on and sent.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_types::{Refusal, RefusalCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    CallContext, CallRejection, Resolved,
    beside::{self, Beside},
    rejection::unreadable,
    resolve::CallTarget,
};
use briefcase_policy::uri;
use briefcase_ports::Operation;

use crate::{Engine, approvals::CallKey, authorize::UriUse, call::Call, tasks::TaskAction};

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
    /// The members that are sent beside the arguments.
    pub(super) beside: Beside,
    /// The text that the receipt's commitment opens to: the arguments and the members beside them.
    pub(super) recorded: Bytes,
    pub(super) commitment: briefcase_types::Digest,
    /// The identity of the call, the same in each round of it.
    pub(super) key: CallKey,
    /// The identity of this round: with the input that it brings.
    pub(super) round: CallKey,
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
            let told = engine.server_texts().text(&violations.join("; "));
            CallRejection::new(version, does_not_fit(&context, &told)).with_arguments(commitment)
        })?;
    }
    let reject = |refusal| CallRejection::new(version, refusal).with_arguments(commitment);
    check_uris(&call.request.operation, &value).map_err(reject)?;
    engine.outgoing_secrets(&value).map_err(reject)?;
    engine.outgoing_secrets(&Value::from(call.request.operation.name())).map_err(reject)?;
    let server = target.authority.document().servers.get(&context.server);
    let settings = server.map(|server| server.settings.clone()).unwrap_or_default();
    let beside = beside::take(engine, &mut call, &context.call, &settings).map_err(reject)?;
    let (recorded, commitment) = match beside.recorded(&value) {
        None => (canonical.clone(), commitment),
        Some(all) => {
            (Bytes::from(briefcase_json::canonical(&all)), engine.commit_key.arguments(&context.call, &all).root())
        }
    };
    let key = |beside: Option<String>| {
        let (method, name) = (call.request.operation.method(), call.request.operation.name());
        let name = format!("{method}\u{0}{name}\u{0}{}", beside.unwrap_or_default());
        CallKey::new(&context.agent, &context.server, &name, &target.pin, &canonical, target.cost)
    };
    let (key, round) = (key(beside.bound()), key(beside.shown()));
    let arguments = Arguments { value, canonical, beside, recorded, commitment, key, round };
    Ok(Validated { context, call, target, arguments })
}

/// Rejects a URI that no rule can be trusted to read.
fn check_uris(operation: &Operation, arguments: &Value) -> Result<(), Refusal> {
    let uris = match operation {
        Operation::Complete { .. } => uri::of_completion(arguments),
        _ => UriUse::of(operation, arguments).map(|used| used.uri).into_iter().collect(),
    };
    uris.iter().try_for_each(|uri| uri::readings(uri).map(drop)).map_err(|problem| {
        Refusal::new(
            RefusalCode::InvalidArgs,
            "uri",
            format!("The URI cannot be used: {problem}."),
            "Use the spelling of the URI that the server lists.",
        )
    })
}

fn read(operation: &Operation) -> Result<Value, Refusal> {
    match operation {
        Operation::CallTool { arguments, .. } | Operation::GetPrompt { arguments, .. } => object(arguments),
        Operation::Complete { params } | Operation::FollowUp { params, .. } => object(params),
        Operation::ReadResource { uri } => Ok(json!({ "uri": uri })),
    }
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

/// The violations quote the schema, which may contain a secret of the server: the caller has removed secrets from them.
fn does_not_fit(context: &CallContext, violations: &str) -> Refusal {
    Refusal::new(
        RefusalCode::InvalidArgs,
        "schema",
        format!("The arguments of `{}` do not match its schema: {}.", context.name, violations),
        "Correct the arguments to the tool's inputSchema and call again.",
    )
}
