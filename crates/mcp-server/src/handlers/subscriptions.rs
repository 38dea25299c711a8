//! `subscriptions/listen`, `resources/subscribe` and `resources/unsubscribe`.

use std::{collections::HashMap, sync::Arc};

use briefcase_json::raw::{decode_string, elements, object};
use briefcase_ports::{FollowUp, Operation, Reply};
use briefcase_types::ServerId;

use super::calls::{call_request, follow_up, unknown_name, uri_params};
use crate::{
    client_capabilities::tasks_required,
    connection_state::ConnectionState,
    in_flight::InFlightCall,
    methods::Method,
    refusal, reply,
    request::{Request, required_string},
    server_capabilities::{self, ServedCapabilities},
    subscriptions::{MAX_RESOURCES, SubscriptionFilter, stream_meta},
};

/// Handles `subscriptions/listen`. Responds only when the stream ends.
pub(crate) async fn listen(state: &Arc<ConnectionState>, request: &Request) -> Reply {
    let served = match server_capabilities::served(state, &request.client).await {
        Ok(served) => served,
        Err(refusal) => return Reply::Error(refusal::error(&refusal)),
    };
    let filter = match read_filter(state, request, &served) {
        Ok(filter) => filter,
        Err(reply) => return reply,
    };
    let max = state.services().config.listen_streams;
    if state.subscriptions.streams() >= max {
        return too_many_streams();
    }
    let filter = subscribe_resources(state, request, filter).await;
    let Some(end) = state.subscriptions.open(&request.id, filter, max, &*state.sink) else {
        return too_many_streams();
    };
    let _open = OpenStream { state, request };
    end.cancelled().await;
    let kind = ("resultType", r#""complete""#);
    reply::result(object([kind, ("_meta", stream_meta(&request.id).as_str())]))
}

fn read_filter(
    state: &ConnectionState,
    request: &Request,
    served: &ServedCapabilities,
) -> Result<SubscriptionFilter, Reply> {
    let members = request.members()?;
    let wanted = members
        .object("notifications")
        .ok_or_else(|| reply::invalid_params("`params.notifications` must be an object"))?;
    let wrong_type = |name: &str| reply::invalid_params(format!("`params.notifications.{name}` has the wrong type"));
    let flag = |name: &'static str, kind: &str| match wanted.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(served.has(kind, "listChanged")),
        Some(_) => Err(wrong_type(name)),
    };
    let list = |name: &'static str| match wanted.get(name) {
        None => Ok(Vec::new()),
        Some(raw) => {
            let items = elements(raw).filter(|items| items.len() <= MAX_RESOURCES).ok_or_else(|| wrong_type(name))?;
            let items = items.into_iter().map(|item| decode_string(item).ok_or_else(|| wrong_type(name)));
            items.collect::<Result<Vec<_>, _>>()
        }
    };
    list("taskIds")?;
    // No task is acknowledged: servers send no task notifications here, so clients have to poll.
    if wanted.get("taskIds").is_some() && !request.client.capabilities.tasks {
        return Err(reply::missing_capability(&tasks_required()));
    }
    let mut uris = HashMap::new();
    if served.has("resources", "subscribe") {
        for uri in list("resourceSubscriptions")? {
            if let Some((server, local)) = state.view.split_uri(&uri).filter(|(server, _)| state.serves(server)) {
                uris.insert((server, local.to_owned()), uri.clone().into_owned());
            }
        }
    }
    Ok(SubscriptionFilter {
        tools: flag("toolsListChanged", "tools")?,
        prompts: flag("promptsListChanged", "prompts")?,
        resources: flag("resourcesListChanged", "resources")?,
        uris,
    })
}

/// Subscribes to the filter's resources. The resources that their servers refuse are removed.
async fn subscribe_resources(
    state: &Arc<ConnectionState>,
    request: &Request,
    mut filter: SubscriptionFilter,
) -> SubscriptionFilter {
    let mut refused = Vec::new();
    for key in filter.uris.keys() {
        if session_includes(state, &key.0, &key.1) {
            continue;
        }
        let reply = follow_up(state, request, key.0.clone(), FollowUp::Subscribe, uri_params(&key.1)).await;
        if matches!(reply, Reply::Error(_)) {
            refused.push(key.clone());
        }
    }
    filter.uris.retain(|key, _| !refused.contains(key));
    filter
}

/// Whether any connection of the session subscribed to a resource. They share the connection to its server.
fn session_includes(state: &ConnectionState, server: &ServerId, uri: &str) -> bool {
    let connections = state.shared.sessions.of(state.session);
    connections.iter().any(|other| other.subscriptions.includes_resource(server, uri))
}

fn too_many_streams() -> Reply {
    reply::invalid_params("too many streams are open; one stream can carry several kinds of notifications")
}

/// An open stream. Removed from the subscriptions on drop, however it ends.
struct OpenStream<'a> {
    state: &'a Arc<ConnectionState>,
    request: &'a Request,
}

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        let resources = self.state.subscriptions.remove(&self.request.id);
        if self.state.closing.is_cancelled() {
            return;
        }
        for (server, uri) in resources {
            if session_includes(self.state, &server, &uri) {
                continue;
            }
            let operation = Operation::FollowUp { method: FollowUp::Unsubscribe, params: uri_params(&uri) };
            let call = call_request(self.state, self.request, server, operation);
            let mut call = InFlightCall::start(self.state.services(), call, None, self.state.target(self.request));
            call.peer.detach();
            tokio::spawn(async move {
                // The outcome changes nothing: the stream has ended.
                let _ = (&mut call.outcome).await;
            });
        }
    }
}

/// Handles `resources/subscribe` and `resources/unsubscribe`.
pub(crate) async fn subscribe(state: &Arc<ConnectionState>, request: &Request) -> Reply {
    let uri = match request.members().and_then(|members| required_string(&members, "uri")) {
        Ok(uri) => uri,
        Err(reply) => return reply,
    };
    let Some((server, local)) = state.view.split_uri(&uri).filter(|(server, _)| state.serves(server)) else {
        return unknown_name(state, request).await;
    };
    let (subscribe, local) = (request.method == Method::Subscribe, local.to_owned());
    let subscriptions = &state.subscriptions;
    if !subscribe && !subscriptions.has_legacy(&server, &local) {
        // The server needs no request about a subscription that does not exist.
        return reply::result("{}");
    }
    if subscribe && !subscriptions.may_subscribe() {
        return reply::invalid_params("too many subscriptions");
    }
    let method = if subscribe { FollowUp::Subscribe } else { FollowUp::Unsubscribe };
    let reply = follow_up(state, request, server.clone(), method, uri_params(&local)).await;
    // Who unsubscribes gets no more notifications, even if the server cannot be told.
    if !subscribe || matches!(reply, Reply::Result(_)) {
        subscriptions.set_legacy(&server, &local, subscribe);
    }
    reply
}
