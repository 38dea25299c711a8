//! What both directions know of the conversation.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use briefcase_ipc::{FrameSender, ToDaemon};
use briefcase_mcp::RequestId;
use tokio::sync::Notify;

use crate::daemon::Unavailable;

/// The connection to the daemon, as the reading side sees it.
#[derive(Clone)]
pub(super) enum DaemonLinkState {
    /// The first attempt is still being made.
    Connecting,
    /// Messages can be sent.
    Up(FrameSender<ToDaemon>),
    /// There is no connection, for this reason.
    Down(Unavailable),
}

struct Inner {
    link: DaemonLinkState,
    open: HashSet<RequestId>,
    legacy: bool,
    client_gone: bool,
}

/// Shared by the two directions.
pub(super) struct StdioState {
    inner: Mutex<Inner>,
    /// Told when the line changed. Only the reading side waits for it.
    link_known: Notify,
    /// Told when the client is gone, and then when a request was answered. Only the writing side waits for it.
    changed: Notify,
}

impl Default for StdioState {
    fn default() -> Self {
        let inner =
            Inner { link: DaemonLinkState::Connecting, open: HashSet::new(), legacy: false, client_gone: false };
        Self { inner: Mutex::new(inner), link_known: Notify::new(), changed: Notify::new() }
    }
}

impl StdioState {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, once the first attempt has ended.
    pub(super) async fn link(&self) -> DaemonLinkState {
        loop {
            let link = self.inner().link.clone();
            if !matches!(link, DaemonLinkState::Connecting) {
                return link;
            }
            self.link_known.notified().await;
        }
    }

    pub(super) fn set_link(&self, link: DaemonLinkState) {
        self.inner().link = link;
        self.link_known.notify_one();
    }

    /// Remembers a request that is being sent. `initialize` makes the conversation one that cannot be resumed.
    pub(super) fn sent(&self, id: &RequestId, starts_session: bool) {
        let mut inner = self.inner();
        inner.open.insert(id.detached());
        inner.legacy |= starts_session;
    }

    /// Takes back a request that could not be sent. `false` when it was given up with the connection already.
    pub(super) fn withdraw(&self, id: &RequestId) -> bool {
        self.inner().open.remove(id)
    }

    /// Forgets a request that was answered.
    pub(super) fn answered(&self, id: &RequestId) {
        let mut inner = self.inner();
        inner.open.remove(id);
        if inner.client_gone {
            drop(inner);
            self.changed.notify_one();
        }
    }

    /// Ends the connection: whose requests stay unanswered, and whether a legacy session went with it.
    pub(super) fn lost(&self, why: Unavailable) -> (HashSet<RequestId>, bool) {
        let mut inner = self.inner();
        inner.link = DaemonLinkState::Down(why);
        self.link_known.notify_one();
        (std::mem::take(&mut inner.open), inner.legacy)
    }

    pub(super) fn client_is_gone(&self) {
        self.inner().client_gone = true;
        self.changed.notify_one();
    }

    /// Waits until the client is gone.
    pub(super) async fn until_client_is_gone(&self) {
        while !self.inner().client_gone {
            self.changed.notified().await;
        }
    }

    /// Waits until no request is open.
    pub(super) async fn until_all_are_answered(&self) {
        while !self.inner().open.is_empty() {
            self.changed.notified().await;
        }
    }
}
