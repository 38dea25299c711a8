//! `tools/call`, `resources/read`, `prompts/get` and `completion/complete`: which server gets the call, and retries.

use std::sync::Arc;

use briefcase_json::raw::{self, Patch, RawObject, decode_string, quote};
use briefcase_mcp::ErrorCode;
use briefcase_ports::{CallRequest, FollowUp, Operation, Reply};
use briefcase_types::{Era, Refusal, RefusalCode, ServerId};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::run;
use crate::{
    connection_state::ConnectionState,
    in_flight::InFlightCall,
    methods::Method,
    param_headers, refusal, reply,
    request::{Request, required_string},
    suspended::{Binding, SuspendedCall},
};

/// Why a request goes to no server.
enum NotRouted {
    /// The request is malformed.
    Malformed(Reply),
    /// The request names nothing in this view.
    Unknown,
}

impl From<Reply> for NotRouted {
    fn from(reply: Reply) -> Self {
        Self::Malformed(reply)
    }
}

/// Handles a call.
pub(crate) async fn call(state: &Arc<ConnectionState>, request: &Request) -> Reply {
    match route(state, request) {
        Ok((server, operation)) => start(state, request, server, operation).await,
        Err(NotRouted::Malformed(reply)) => reply,
        Err(NotRouted::Unknown) => unknown_name(state, request).await,
    }
}

/// The server and the operation that a request names. The body alone decides, never a header.
fn route(state: &ConnectionState, request: &Request) -> Result<(ServerId, Operation), NotRouted> {
    let members = request.members()?;
    let (server, operation) = match request.method {
        Method::CallTool => {
            let name = required_string(&members, "name")?;
            let (server, tool) = state.view.split_name(&name).ok_or(NotRouted::Unknown)?;
            let tool = state.services().calls.tool_name(&server, tool).ok_or(NotRouted::Unknown)?;
            (server, Operation::CallTool { tool, arguments: arguments(&members)? })
        }
        Method::GetPrompt => {
            let name = required_string(&members, "name")?;
            let (server, name) = state.view.split_name(&name).ok_or(NotRouted::Unknown)?;
            (server, Operation::GetPrompt { name: name.to_owned(), arguments: arguments(&members)? })
        }
        Method::Complete => route_completion(state, &members)?,
        _ => {
            let uri = required_string(&members, "uri")?;
            let (server, uri) = state.view.split_uri(&uri).ok_or(NotRouted::Unknown)?;
            (server, Operation::ReadResource { uri: uri.to_owned() })
        }
    };
    if state.serves(&server) { Ok((server, operation)) } else { Err(NotRouted::Unknown) }
}

fn route_completion(state: &ConnectionState, members: &RawObject<'_>) -> Result<(ServerId, Operation), NotRouted> {
    let malformed =
        || NotRouted::Malformed(reply::invalid_params("`params.ref` must name a prompt or a resource template"));
    // Only what the method has is passed on.
    let known = ["ref", "argument", "context"].into_iter().filter_map(|name| Some((name, members.get(name)?)));
    let text = raw::object(known);
    let reference = RawObject::parse(&text).and_then(|params| params.object("ref")).ok_or_else(malformed)?;
    let (member, by_name) = match reference.string("type").as_deref() {
        Some("ref/prompt") => ("name", true),
        Some("ref/resource") => ("uri", false),
        _ => return Err(malformed()),
    };
    let raw = reference.get(member).ok_or_else(malformed)?;
    let full = decode_string(raw).ok_or_else(malformed)?;
    let split = if by_name { state.view.split_name(&full) } else { state.view.split_uri(&full) };
    let (server, local) = split.ok_or(NotRouted::Unknown)?;
    let mut patch = Patch::new(&text);
    patch.replace(raw, quote(local));
    let params = patch.finish().map(Bytes::from).ok_or_else(malformed)?;
    Ok((server, Operation::Complete { params }))
}

/// Starts a call, or resumes the call that the request continues.
async fn start(state: &Arc<ConnectionState>, request: &Request, server: ServerId, operation: Operation) -> Reply {
    if let Err(reply) = check_headers(state, request, &server, &operation) {
        return reply;
    }
    let members = match request.members() {
        Ok(members) => members,
        Err(reply) => return reply,
    };
    let legacy = request.era() == Era::Legacy;
    let (responses, request_state) =
        if legacy { (None, None) } else { (members.get("inputResponses"), members.get("requestState")) };
    if responses.is_some_and(|raw| !is_map_of_objects(raw)) {
        return reply::invalid_params("`params.inputResponses` must be an object of objects");
    }
    let suspended = match request_state {
        None => None,
        Some(handle) => match take_suspended(state, handle, &server, &operation) {
            Some(suspended) => Some(suspended),
            None => {
                return reply::invalid_params(
                    "`requestState` is unknown, expired, already used, or belongs to another request",
                );
            }
        },
    };
    // A new call has no input responses: no person would see them, and no approval covers them.
    let responses = responses.filter(|_| suspended.is_some());
    let copy = |raw: &str| Bytes::copy_from_slice(raw.as_bytes());
    let mut call = call_request(state, request, server, operation);
    if legacy && let Some(task) = members.get("task") {
        call.members.push(("task", copy(task)));
    }
    let continuation = match suspended {
        Some(SuspendedCall::Running { call, input_requests }) => {
            return run::resume(state, request, *call, input_requests, responses).await;
        }
        Some(SuspendedCall::Answered { state, continuation }) => {
            call.members.extend(state.map(|state| ("requestState", state)));
            continuation
        }
        None => None,
    };
    call.members.extend(responses.map(|raw| ("inputResponses", copy(raw))));
    let call = InFlightCall::start(state.services(), call, continuation, state.target(request));
    run::until_response(state, request, call).await
}

/// The call behind a `requestState`.
fn take_suspended(
    state: &ConnectionState,
    handle: &str,
    server: &ServerId,
    operation: &Operation,
) -> Option<SuspendedCall> {
    state.shared.suspended.take(&decode_string(handle)?, &Binding::new(&state.agent, server, operation))
}

fn check_headers(
    state: &ConnectionState,
    request: &Request,
    server: &ServerId,
    operation: &Operation,
) -> Result<(), Reply> {
    let (Some(headers), Operation::CallTool { tool, arguments }) = (&request.param_headers, operation) else {
        return Ok(());
    };
    if request.era() == Era::Legacy {
        return Ok(());
    }
    let Some(definition) = state.services().calls.accepted_tool(server, tool) else { return Ok(()) };
    let arguments = std::str::from_utf8(arguments).unwrap_or("{}");
    param_headers::check(&definition, arguments, headers)
        .map_err(|mismatch| reply::error(ErrorCode::HEADER_MISMATCH, mismatch.to_string()))
}

/// The call of a request, without members that only some methods pass on.
pub(crate) fn call_request(
    state: &ConnectionState,
    request: &Request,
    server: ServerId,
    operation: Operation,
) -> CallRequest {
    let config = &state.services().config;
    let meta = request.meta.as_ref().map(|meta| match raw::may_have(meta, "taskId") {
        true => state.task_ids(&server).to_linked_id(meta),
        false => meta.clone(),
    });
    let with_progress = request.progress_token.is_some();
    CallRequest {
        connection: state.connection_key(server, &request.client),
        operation,
        meta,
        members: Vec::new(),
        approval_timeout: match with_progress {
            true => config.approval_timeout_with_progress,
            false => config.approval_timeout,
        },
        cancel: CancellationToken::new(),
    }
}

/// Runs a follow-up to its response.
pub(crate) async fn follow_up(
    state: &Arc<ConnectionState>,
    request: &Request,
    server: ServerId,
    method: FollowUp,
    params: Bytes,
) -> Reply {
    let call = call_request(state, request, server, Operation::FollowUp { method, params });
    let call = InFlightCall::start(state.services(), call, None, state.target(request));
    run::until_response(state, request, call).await
}

/// Refuses a request that names nothing in this view. The attempt is recorded.
pub(crate) async fn unknown_name(state: &ConnectionState, request: &Request) -> Reply {
    let message = "Nothing in this view has that name.";
    let next_step = "Use a name from a list of this view.";
    let refusal = Refusal::new(RefusalCode::InvalidArgs, "unknown_name", message, next_step);
    let method = request.method.name();
    let refusal = state.services().calls.refuse(&state.agent, state.session, method, refusal).await;
    refusal::reply(request, &refusal)
}

/// `arguments`, an object; `{}` when there are none.
fn arguments(members: &RawObject<'_>) -> Result<Bytes, Reply> {
    match members.get("arguments") {
        None => Ok(Bytes::from_static(b"{}")),
        Some(raw) if raw.starts_with('{') => Ok(Bytes::copy_from_slice(raw.as_bytes())),
        Some(_) => Err(reply::invalid_params("`params.arguments` must be an object")),
    }
}

fn is_map_of_objects(raw: &str) -> bool {
    RawObject::parse(raw).is_some_and(|map| map.iter().all(|(_, value)| value.starts_with('{')))
}

/// `params` that name one resource.
pub(crate) fn uri_params(uri: &str) -> Bytes {
    raw::object([("uri", quote(uri).as_str())]).into()
}
