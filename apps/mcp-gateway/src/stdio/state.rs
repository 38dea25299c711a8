//! The state that both loops share.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use briefcase_ipc::{FrameSender, ToDaemon};
use briefcase_mcp::RequestId;
use tokio::sync::Notify;

use crate::daemon::Unavailable;

/// The state of the connection to the daemon, as the reading loop sees it.
#[derive(Clone)]
pub(super) enum DaemonLinkState {
    /// The first attempt is in progress.
    Connecting,
    /// Messages can be sent.
    Up(FrameSender<ToDaemon>),
    /// The connection failed for this reason.
    Down(Unavailable),
}

struct Inner {
    link: DaemonLinkState,
    open: HashSet<RequestId>,
    legacy: bool,
    client_gone: bool,
}

/// The state that both loops share.
pub(super) struct StdioState {
    inner: Mutex<Inner>,
    /// Notified when the connection's state changes. Only the reading loop waits for it.
    link_known: Notify,
    /// Notified when the client has closed, and then when a request completes. Only the writing loop waits for it.
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

    /// Waits for the first attempt and returns the connection's state.
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

    /// Records a request before it is sent. After `initialize` the conversation cannot be resumed.
    pub(super) fn sent(&self, id: &RequestId, starts_session: bool) {
        let mut inner = self.inner();
        inner.open.insert(id.detached());
        inner.legacy |= starts_session;
    }

    /// Removes a request that could not be sent. Returns `false` when the lost connection already removed it.
    pub(super) fn withdraw(&self, id: &RequestId) -> bool {
        self.inner().open.remove(id)
    }

    /// Removes a completed request.
    pub(super) fn answered(&self, id: &RequestId) {
        let mut inner = self.inner();
        inner.open.remove(id);
        if inner.client_gone {
            drop(inner);
            self.changed.notify_one();
        }
    }

    /// Records the connection's loss. Returns the open requests, and whether a legacy session was lost.
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

    /// Waits until the client has closed.
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
