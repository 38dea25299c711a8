//! Modern servers tell of changes only on a stream that the client asks for.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use briefcase_mcp::method;
use briefcase_ports::{ClientProfile, Reply};
use briefcase_types::Era;

use crate::link::{Call, Link};
use crate::{mirror, params};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Long enough to be for ever, short enough for a timer.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24);

/// Listens for as long as the link lives and the server has something to tell.
pub(super) fn start(link: &Arc<Link>, client: &ClientProfile) {
    if link.greeting.era != Era::Modern {
        return;
    }
    let client = ClientProfile {
        era: client.era,
        version: client.version.clone(),
        capabilities: client.capabilities.clone(),
        info: client.info.clone(),
    };
    tokio::spawn(listen(Arc::downgrade(link), client));
}

async fn listen(weak: Weak<Link>, client: ClientProfile) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(link) = weak.upgrade() else { return };
        let closed = link.wire.closed().clone();
        let Some(call) = call(&link, &client) else {
            tokio::select! {
                () = closed.cancelled() => return,
                () = link.watch_changed.notified() => continue,
            }
        };
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            () = closed.cancelled() => return,
            () = link.watch_changed.notified() => None,
            ended = link.wire.call(call) => Some(ended),
        };
        drop(link);
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

fn call(link: &Link, client: &ClientProfile) -> Option<Call> {
    let params = params::modern(&link.filter()?, client, &link.greeting.version, None).ok()?;
    let headers = mirror::headers(method::SUBSCRIPTIONS_LISTEN, b"{}", &[])?;
    Some(Call { headers, ..Call::own(method::SUBSCRIPTIONS_LISTEN, params, FOREVER) })
}
