//! Messages of servers outside of any request: limited, debounced, and passed on to the clients that want them.

use std::sync::{Arc, atomic::Ordering};

use briefcase_json::raw::{RawObject, object, quote};
use briefcase_mcp::{ErrorCode, method, notification};
use briefcase_ports::{RpcError, ServerEvent};
use briefcase_types::ServerId;
use bytes::Bytes;

use crate::{
    client_requests::{failed, unsupported},
    client_sink::Route,
    connection_state::ConnectionState,
    edit::edit_object,
    in_flight::request_with_handles,
    logging::level_of,
    subscriptions::ChangeNotice,
    task_handles::Runner,
};

/// Handles an event of a server.
pub(crate) fn event(state: &Arc<ConnectionState>, server: &ServerId, event: ServerEvent) {
    if !state.serves(server) {
        return;
    }
    match event {
        ServerEvent::ToolsChanged => changed(state, ChangeNotice::Tools),
        ServerEvent::PromptsChanged => changed(state, ChangeNotice::Prompts),
        ServerEvent::ResourcesChanged => changed(state, ChangeNotice::Resources),
        ServerEvent::ResourceUpdated { uri } => changed(state, ChangeNotice::Resource(server.clone(), uri)),
        ServerEvent::Log { params } => log(state, server, params),
        ServerEvent::Notification { method, params } => match method.as_str() {
            method::ELICITATION_COMPLETE => {
                send_now(state, server, method::ELICITATION_COMPLETE, params);
            }
            method::TASKS_STATUS | "notifications/tasks" => task_status(state, server, params),
            _ => {}
        },
        _ => {}
    }
}

fn changed(state: &Arc<ConnectionState>, change: ChangeNotice) {
    if !state.accepts_notifications() && state.subscriptions.streams() == 0 {
        return;
    }
    if let ChangeNotice::Resource(server, uri) = &change
        && !state.subscriptions.includes_resource(server, uri)
    {
        return;
    }
    if let Some(delay) = state.notifications.add(change, &state.services().config) {
        let state = Arc::downgrade(state);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(state) = state.upgrade() {
                send_changes(&state);
            }
        });
    }
}

fn send_changes(state: &ConnectionState) {
    let changes = state.notifications.take();
    if state.closing.is_cancelled() {
        return;
    }
    let accepts = state.accepts_notifications();
    for change in changes {
        if accepts && state.subscriptions.legacy_includes(&change) {
            state.sink.send(Route::General, change.notification(&state.view));
        }
        state.subscriptions.notify(&change, &state.view, &*state.sink);
    }
}

fn log(state: &ConnectionState, server: &ServerId, params: Bytes) {
    if level_of(&params) >= state.log_level.load(Ordering::Relaxed) {
        send_now(state, server, method::MESSAGE, params);
    }
}

/// Notifies a legacy client of a task's state. Modern clients poll.
fn task_status(state: &ConnectionState, server: &ServerId, params: Bytes) {
    if !state.accepts_notifications() || !state.notifications.rate.take() {
        return;
    }
    let Some(params) = state.services().calls.filter(&state.agent, server, params) else { return };
    if RawObject::from_slice(&params).is_none() {
        return;
    }
    let ids = state.task_ids(server);
    let params = edit_object(&params, |_, members, patch| ids.to_handles(Runner::Server, true, members, patch));
    state.sink.send(Route::General, notification(method::TASKS_STATUS, Some(&params)));
}

/// Sends a notification to a legacy client, through the rate limit and the output filter.
fn send_now(state: &ConnectionState, server: &ServerId, method: &str, params: Bytes) {
    if state.accepts_notifications()
        && state.notifications.rate.take()
        && let Some(params) = state.services().calls.filter(&state.agent, server, params)
    {
        state.sink.send(Route::General, notification(method, Some(&params)));
    }
}

/// Sends a server's request that belongs to no request of the client.
pub(crate) async fn server_request(
    state: &ConnectionState,
    server: &ServerId,
    method: &str,
    params: Bytes,
) -> Result<Bytes, RpcError> {
    if method == method::PING {
        return Ok(Bytes::from_static(b"{}"));
    }
    let client = state.legacy_client().map_err(|_| unsupported())?;
    if !state.serves(server) || state.closing.is_cancelled() {
        return Err(failed("the client disconnected"));
    }
    let params = match method {
        method::TASKS_GET | method::TASKS_RESULT | method::TASKS_CANCEL => client_task(state, server, &params)?,
        _ => {
            let text = std::str::from_utf8(&params).unwrap_or("{}");
            client.capabilities.check(method, text).map_err(|_| unsupported())?;
            params
        }
    };
    request_with_handles(&state.client_requests, Route::General, &state.task_ids(server), method, &params).await
}

/// `params` about a task that the client runs for this server, with the client's own id.
fn client_task(state: &ConnectionState, server: &ServerId, params: &Bytes) -> Result<Bytes, RpcError> {
    let code = ErrorCode::INVALID_PARAMS.0;
    let unknown = || RpcError { code, message: "there is no task with this id".to_owned(), data: None };
    let members = RawObject::from_slice(params).ok_or_else(unknown)?;
    let handle = members.string("taskId").ok_or_else(unknown)?;
    let task = state.services().task_handles.find(&state.agent, Runner::Client, &handle);
    let id = quote(&task.filter(|task| task.server == *server).ok_or_else(unknown)?.id);
    Ok(object([("taskId", id.as_str())]).into())
}
