//! The state that both loops share.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use briefcase_ipc::{FrameSender, ToDaemon};
use briefcase_mcp::{Envelope, EnvelopeKind, RequestId, method};
use tokio::sync::Notify;

use crate::{daemon::Unavailable, handshake::Handshake};

/// The number of unanswered requests to the client that are cancelled when the daemon goes.
const ASKED: usize = 256;

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
    /// Requests to the client that it has not answered.
    asked: HashSet<RequestId>,
    handshake: Option<Handshake>,
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
        let inner = Inner {
            link: DaemonLinkState::Connecting,
            open: HashSet::new(),
            asked: HashSet::new(),
            handshake: None,
            client_gone: false,
        };
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

    /// Records a message before it is sent: open requests, and the parts of the handshake.
    pub(super) fn sent(&self, message: &Envelope) {
        let mut inner = self.inner();
        match message.kind() {
            EnvelopeKind::Request { id, method } => {
                inner.open.insert(id.detached());
                if &**method == method::INITIALIZE && !inner.handshake.as_ref().is_some_and(Handshake::is_complete) {
                    inner.handshake = Some(Handshake::begin(message.clone()));
                }
            }
            EnvelopeKind::Notification { method } if &**method == method::INITIALIZED => {
                if let Some(handshake) = &mut inner.handshake {
                    handshake.confirmed(message.raw());
                }
            }
            EnvelopeKind::Response { id } | EnvelopeKind::ErrorResponse { id: Some(id) } => {
                inner.asked.remove(id);
            }
            _ => {}
        }
    }

    /// Records a request to the client.
    pub(super) fn asked(&self, id: &RequestId) {
        let mut inner = self.inner();
        if inner.asked.len() < ASKED {
            inner.asked.insert(id.detached());
        }
    }

    /// Returns whether the client has a session that continues when the daemon is back.
    pub(super) fn has_session(&self) -> bool {
        self.inner().handshake.as_ref().is_some_and(Handshake::is_complete)
    }

    /// Reads the handshake of the client's session, if it has one that continues.
    pub(super) fn with_session<R>(&self, read: impl FnOnce(&Handshake) -> R) -> Option<R> {
        self.inner().handshake.as_ref().filter(|handshake| handshake.is_complete()).map(read)
    }

    /// Removes a request that could not be sent. Returns `false` when the lost connection already removed it.
    pub(super) fn withdraw(&self, id: &RequestId) -> bool {
        self.inner().open.remove(id)
    }

    /// Removes a completed request.
    pub(super) fn answered(&self, id: &RequestId, response: &[u8]) {
        let mut inner = self.inner();
        inner.open.remove(id);
        if let Some(handshake) = inner.handshake.as_mut().filter(|handshake| handshake.waits_for(id)) {
            handshake.answered(response);
        }
        if inner.client_gone {
            drop(inner);
            self.changed.notify_one();
        }
    }

    /// Records the connection's loss. Returns the client's open requests, and the requests that it has not answered.
    pub(super) fn lost(&self, why: Unavailable) -> (HashSet<RequestId>, HashSet<RequestId>) {
        let mut inner = self.inner();
        inner.link = DaemonLinkState::Down(why);
        self.link_known.notify_one();
        (std::mem::take(&mut inner.open), std::mem::take(&mut inner.asked))
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
