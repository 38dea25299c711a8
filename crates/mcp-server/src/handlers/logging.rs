//! `logging/setLevel`: sets the level here, and on every server that logs.

use std::sync::{Arc, atomic::Ordering};

use briefcase_json::raw::{RawObject, object, quote};
use briefcase_ports::{FollowUp, Reply};
use bytes::Bytes;
use futures_util::future::join_all;

use super::calls::follow_up;
use crate::{
    connection_state::ConnectionState,
    logging, reply,
    request::{Request, required_string},
};

/// Handles `logging/setLevel`.
pub(crate) async fn set_level(state: &Arc<ConnectionState>, request: &Request) -> Reply {
    let name = request.members().and_then(|members| required_string(&members, "level"));
    let name = name.unwrap_or_default();
    let Some(level) = logging::level(&name) else {
        return reply::invalid_params("`params.level` must be a log level");
    };
    state.log_level.store(level, Ordering::Relaxed);
    let params = Bytes::from(object([("level", quote(&name).as_str())]));
    let each = state.servers().into_iter().map(|server| {
        let params = params.clone();
        async move {
            let connection = state.connection_key(server.clone(), &request.client);
            let info = state.services().calls.server_info(&connection).await;
            if info.is_ok_and(|info| {
                RawObject::from_slice(&info.capabilities).is_some_and(|all| all.get("logging").is_some())
            }) {
                follow_up(state, request, server, FollowUp::SetLogLevel, params).await;
            }
        }
    });
    // A slow server gets the level late or never. Its messages are filtered here in any case.
    let _ = tokio::time::timeout(state.services().config.list_timeout, join_all(each)).await;
    reply::result("{}")
}
