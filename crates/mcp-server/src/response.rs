//! The response to a call: the server's reply in the view and era of the client.
//!
//! A modern server's `requestState` stays here: a modern client gets a handle instead.

use briefcase_json::raw::{RawObject, decode_string, elements, may_have, object, quote};
use briefcase_mcp::method;
use briefcase_ports::{CallOutcome, CallRequest, ContinuedCall, Reply, RpcError};
use briefcase_types::{Era, Refusal, RefusalCode};
use bytes::Bytes;

use crate::{
    client_capabilities::tasks_required,
    connection_state::ConnectionState,
    edit::edit_object,
    refusal, reply,
    request::Request,
    rewrite::Rewriter,
    suspended::{Binding, SuspendedCall},
};

/// `-32042`: a legacy server requires that URLs are opened before the call is made again (2025-11-25).
const URL_ELICITATION_REQUIRED: i64 = -32042;

/// The response for the outcome of a call.
pub(crate) fn from_outcome(
    state: &ConnectionState,
    request: &Request,
    call: &CallRequest,
    outcome: Result<CallOutcome, Refusal>,
) -> Reply {
    let CallOutcome { reply, continuation } = match outcome {
        Ok(outcome) => outcome,
        Err(refusal) => return refusal::reply(request, &refusal),
    };
    let rewriter = Rewriter {
        view: &state.view,
        era: request.era(),
        ids: state.task_ids(&call.connection.server),
        ttl_ms: state.services().config.ttl_ms,
    };
    let raw = match reply {
        Reply::Error(error) => return from_error(request, &rewriter, error),
        Reply::Result(raw) => raw,
    };
    match (request.era(), result_type(&raw).as_deref()) {
        (_, None | Some("complete")) => Reply::Result(rewriter.result(request.method, raw)),
        (Era::Modern, Some("input_required")) if request.method.may_need_input() => {
            input_required(state, request, call, raw, continuation)
        }
        (_, Some("input_required")) => refusal::reply(request, &unexpected_input_request()),
        (Era::Modern, Some("task")) if !request.client.capabilities.tasks => {
            reply::missing_capability(&tasks_required())
        }
        (Era::Modern, Some(_)) => Reply::Result(rewriter.result(request.method, raw)),
        (Era::Legacy, Some(_)) => {
            let message = "The server answered with a result type that this client does not support.";
            refusal::reply(request, &upstream_error("result_type", message))
        }
    }
}

fn from_error(request: &Request, rewriter: &Rewriter<'_>, error: RpcError) -> Reply {
    if request.era() == Era::Modern && error.code == URL_ELICITATION_REQUIRED {
        return match url_requests(&error).filter(|_| request.method.may_need_input()) {
            Some(_) if !request.client.capabilities.url => reply::missing_capability(r#"{"elicitation":{"url":{}}}"#),
            Some(requests) => {
                let kind = ("resultType", r#""input_required""#);
                reply::result(object([kind, ("inputRequests", requests.as_str())]))
            }
            None => Reply::Error(RpcError { code: -32603, ..error }),
        };
    }
    Reply::Error(rewriter.error(error))
}

/// A modern server's `input_required` for a modern client, with a handle instead of the server's `requestState`.
fn input_required(
    state: &ConnectionState,
    request: &Request,
    call: &CallRequest,
    raw: Bytes,
    continuation: Option<Box<dyn ContinuedCall>>,
) -> Reply {
    let invalid = || {
        let message = "The server's `input_required` result cannot be read.";
        refusal::reply(request, &upstream_error("input_required", message))
    };
    let Some(members) = RawObject::from_slice(&raw) else { return invalid() };
    if let Some(requests) = members.get("inputRequests") {
        let Some(requests) = RawObject::parse(requests) else { return invalid() };
        for (_, input_request) in requests.iter() {
            let Some((method, params)) = request_parts(input_request) else { return invalid() };
            if let Err(required) = request.client.capabilities.check(&method, params) {
                return reply::missing_capability(required);
            }
        }
    }
    let server_state = members.get("requestState").map(|raw| Bytes::copy_from_slice(raw.as_bytes()));
    let binding = Binding::new(&state.agent, &call.connection.server, &call.operation);
    let suspended = SuspendedCall::Answered { state: server_state, continuation };
    let handle = quote(&state.shared.suspended.insert(binding, suspended));
    Reply::Result(edit_object(&raw, |text, members, patch| match members.get("requestState") {
        Some(server_state) => patch.replace(server_state, handle),
        None => patch.prepend(text, &format!(r#""requestState":{handle}"#)),
    }))
}

/// A result's `resultType`.
fn result_type(raw: &[u8]) -> Option<String> {
    if !may_have(raw, "resultType") {
        return None;
    }
    let raw = RawObject::from_slice(raw)?.get("resultType")?;
    // A type that is not a string is unknown to every client.
    Some(decode_string(raw).map_or_else(|| "?".to_owned(), Into::into))
}

/// Method and raw params of one of `inputRequests`.
fn request_parts(raw: &str) -> Option<(String, &str)> {
    let request = RawObject::parse(raw)?;
    Some((request.string("method")?.into_owned(), request.get("params").unwrap_or("{}")))
}

/// The URLs of a legacy server's error, as `inputRequests`.
fn url_requests(error: &RpcError) -> Option<String> {
    let data = error.data.as_deref().and_then(RawObject::from_slice)?;
    let elicitations = elements(data.get("elicitations")?)?;
    let method = quote(method::ELICITATION_CREATE);
    let requests = elicitations.iter().map(|params| object([("method", method.as_str()), ("params", params)]));
    let requests: Vec<(String, String)> =
        requests.enumerate().map(|(index, request)| (format!("q{}", index + 1), request)).collect();
    (!requests.is_empty()).then(|| object(requests.iter().map(|(key, raw)| (key.as_str(), raw.as_str()))))
}

fn upstream_error(reason: &str, message: &str) -> Refusal {
    let next_step = "Use a client that supports what the server needs, or report this to the server's makers.";
    Refusal::new(RefusalCode::UpstreamError, reason, message, next_step)
}

/// The server asks for input in a method whose response cannot carry the request.
pub(crate) fn unexpected_input_request() -> Refusal {
    upstream_error("unexpected_question", "The server requested input where the protocol does not allow it.")
}
