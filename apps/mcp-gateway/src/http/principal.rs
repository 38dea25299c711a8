//! One agent that speaks over HTTP: its connection to the daemon and the conversations on it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use briefcase_ipc::{
    ChannelId, FrameReceiver, FrameSender, OpenChannel, Route, SendError, ToDaemon, ToGateway, Transport,
};
use briefcase_mcp::{Glance, RequestId};
use bytes::Bytes;

use super::{
    outlet::{Keep, Outlet},
    quota::Quota,
    session::Session,
};

/// Channels for modern requests. More than one is needed only when clients use the same request ids at the same time.
const STATELESS_CHANNELS: usize = 64;

/// One agent.
pub(super) struct Principal {
    pub(super) quota: Quota,
    sender: FrameSender<ToDaemon>,
    view: Option<String>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_channel: u32,
    stateless: HashMap<ChannelId, HashMap<RequestId, Arc<Outlet>>>,
    sessions: HashMap<ChannelId, Arc<Session>>,
    gone: bool,
}

/// Why a conversation cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Busy {
    /// As many as there may be.
    TooMany,
    /// The daemon is gone.
    Gone,
}

/// A modern request that the daemon works on. Dropping it tells the daemon that nobody waits any more.
pub(super) struct Cancel {
    principal: Arc<Principal>,
    channel: ChannelId,
    request: RequestId,
    needed: bool,
}

impl Principal {
    /// Takes over a connection. The returned value does the receiving; run it as a task.
    pub(super) fn new(
        sender: FrameSender<ToDaemon>,
        receiver: FrameReceiver<ToGateway>,
        view: Option<String>,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let principal = Arc::new(Self { quota: Quota::new(), sender, view, inner: Mutex::default() });
        let receiving = Arc::clone(&principal).receive(receiver);
        (principal, receiving)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection to the daemon has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.inner().gone
    }

    /// Sends a message of the agent.
    pub(super) async fn send(&self, channel: ChannelId, headers: Option<Bytes>, json: Bytes) -> Result<(), SendError> {
        self.sender.send(ToDaemon::Message { channel, headers, json }).await
    }

    /// Makes room for a modern request: a channel on which its id is free.
    pub(super) fn begin(self: &Arc<Self>, request: &RequestId) -> Result<(Arc<Outlet>, Cancel), Busy> {
        let outlet = Outlet::new(0, Keep::Nothing);
        let mut inner = self.inner();
        let free = inner.stateless.iter().find(|(_, open)| !open.contains_key(request)).map(|(channel, _)| *channel);
        let channel = match free {
            Some(channel) => channel,
            None if inner.stateless.len() >= STATELESS_CHANNELS => return Err(Busy::TooMany),
            None => self.open(&mut inner, true)?,
        };
        inner.stateless.entry(channel).or_default().insert(request.detached(), Arc::clone(&outlet));
        let cancel = Cancel { principal: Arc::clone(self), channel, request: request.detached(), needed: true };
        Ok((outlet, cancel))
    }

    /// Opens a channel. In order before every message on it, because both go through the same queue.
    fn open(&self, inner: &mut Inner, stateless: bool) -> Result<ChannelId, Busy> {
        if inner.gone {
            return Err(Busy::Gone);
        }
        inner.last_channel = inner.last_channel.checked_add(1).ok_or(Busy::TooMany)?;
        let channel = ChannelId(inner.last_channel);
        let open = OpenChannel { transport: Transport::Http, view: self.view.clone(), stateless };
        self.sender.send_now(ToDaemon::Open { channel, open }).map_err(|_| Busy::Gone)?;
        Ok(channel)
    }

    /// Begins a legacy session, ending an idle one if there are too many.
    pub(super) fn begin_session(&self, id: String) -> Result<Arc<Session>, Busy> {
        let mut inner = self.inner();
        if let Some(idle) = Session::to_make_room(inner.sessions.values()) {
            let Some(channel) = idle else { return Err(Busy::TooMany) };
            self.close(&mut inner, channel);
        }
        let channel = self.open(&mut inner, false)?;
        let session = Arc::new(Session::new(id, channel));
        inner.sessions.insert(channel, Arc::clone(&session));
        Ok(session)
    }

    /// The session with this id, if it is this agent's.
    pub(super) fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.inner().sessions.values().find(|session| session.id() == id).map(Arc::clone)
    }

    /// Ends a session.
    pub(super) fn end_session(&self, session: &Session) {
        self.close(&mut self.inner(), session.channel());
    }

    /// Ends the sessions that were not used for long.
    pub(super) fn end_expired(&self) {
        let mut inner = self.inner();
        let expired: Vec<_> =
            inner.sessions.values().filter(|session| session.is_expired()).map(|session| session.channel()).collect();
        for channel in expired {
            self.close(&mut inner, channel);
        }
    }

    /// Whether nothing would be lost by closing the connection.
    pub(super) fn is_idle(&self) -> bool {
        let inner = self.inner();
        inner.sessions.is_empty() && inner.stateless.values().all(HashMap::is_empty)
    }

    fn close(&self, inner: &mut Inner, channel: ChannelId) {
        if let Some(session) = inner.sessions.remove(&channel) {
            session.end();
            // The channel may be gone with the connection.
            let _ = self.sender.send_now(ToDaemon::Close { channel });
        }
    }

    async fn receive(self: Arc<Self>, mut receiver: FrameReceiver<ToGateway>) {
        while let Ok(Some(frame)) = receiver.recv().await {
            match frame {
                ToGateway::Message { channel, route, json } => self.deliver(channel, route, json),
                ToGateway::Closed { channel, reason } => {
                    tracing::debug!(channel = channel.0, reason, "the daemon ended a conversation");
                    self.ended(channel);
                }
                _ => {}
            }
        }
        self.end();
    }

    fn deliver(&self, channel: ChannelId, route: Route, json: Bytes) {
        let glance = Glance::at(&json);
        let related = match route {
            Route::Related(id) => RequestId::from_json(id).ok(),
            Route::General => None,
        };
        let mut inner = self.inner();
        if let Some(open) = inner.stateless.get_mut(&channel) {
            let outlet =
                related.and_then(|id| if glance.is_response() { open.remove(&id) } else { open.get(&id).cloned() });
            drop(inner);
            // A stream that is given up here is cancelled when its response is dropped.
            let _ = outlet.is_some_and(|outlet| outlet.put(json, glance));
        } else if let Some(session) = inner.sessions.get(&channel).map(Arc::clone) {
            drop(inner);
            session.deliver(related.as_ref(), glance, json);
        }
    }

    fn ended(&self, channel: ChannelId) {
        let mut inner = self.inner();
        let outlets = inner.stateless.remove(&channel);
        let session = inner.sessions.remove(&channel);
        drop(inner);
        outlets.into_iter().flatten().for_each(|(_, outlet)| outlet.end());
        session.into_iter().for_each(|session| session.end());
    }

    /// Ends every conversation; nothing begins any more.
    pub(super) fn end(&self) {
        let mut inner = self.inner();
        inner.gone = true;
        let outlets = std::mem::take(&mut inner.stateless);
        let sessions = std::mem::take(&mut inner.sessions);
        drop(inner);
        outlets.into_values().flatten().for_each(|(_, outlet)| outlet.end());
        sessions.into_values().for_each(|session| session.end());
    }
}

impl Cancel {
    pub(super) const fn channel(&self) -> ChannelId {
        self.channel
    }

    pub(super) const fn request(&self) -> &RequestId {
        &self.request
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.needed
    }

    /// The response has come.
    pub(super) const fn not_needed(&mut self) {
        self.needed = false;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if !self.needed {
            return;
        }
        let open = self.principal.inner().stateless.get_mut(&self.channel).and_then(|open| open.remove(&self.request));
        if open.is_some() {
            let request = self.request.as_json().clone();
            let _ = self.principal.sender.send_now(ToDaemon::Cancel { channel: self.channel, request });
        }
    }
}
