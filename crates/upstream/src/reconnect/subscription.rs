//! The `subscriptions/listen` stream. A modern server announces changes on that stream only.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use briefcase_mcp::method;
use briefcase_ports::{ClientProfile, Reply};
use briefcase_types::Era;

use crate::{connection::Connection, mcp_headers, params, transport::call::RpcCall};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The stream's timeout: long enough to mean "never", short enough for a timer.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24);

/// Listens while the connection is open and the server has something to announce.
pub(super) fn start(connection: &Arc<Connection>, client: &ClientProfile) {
    if connection.server_info.era != Era::Modern {
        return;
    }
    tokio::spawn(listen(Arc::downgrade(connection), client.clone()));
}

async fn listen(weak: Weak<Connection>, client: ClientProfile) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(connection) = weak.upgrade() else { return };
        let closed = connection.transport.closed().clone();
        let Some(call) = call(&connection, &client) else {
            tokio::select! {
                () = closed.cancelled() => return,
                () = connection.subscriptions_changed.notified() => continue,
            }
        };
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            () = closed.cancelled() => return,
            () = connection.subscriptions_changed.notified() => None,
            ended = connection.call_own(call) => Some(ended),
        };
        drop(connection);
        match ended {
            None => continue,
            Some(Ok(Reply::Error(_))) => return,
            Some(_) if began.elapsed() > LONGEST_PAUSE => pause = FIRST_PAUSE,
            Some(_) => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
        }
        tokio::select! {
            () = closed.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn call(connection: &Connection, client: &ClientProfile) -> Option<RpcCall> {
    let filter = connection.subscription_filter()?;
    let params = params::modern(&filter, &connection.identity(client), &connection.server_info.version)?;
    let headers = mcp_headers::headers(method::SUBSCRIPTIONS_LISTEN, b"{}", &[])?;
    Some(RpcCall { headers, ..RpcCall::own(method::SUBSCRIPTIONS_LISTEN, params, NEVER) })
}
