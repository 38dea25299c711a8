//! One agent's connection to the daemon, and its conversations over HTTP.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use briefcase_ipc::{
    AgentTransport, ChannelId, ChannelRoute, FrameReceiver, FrameSender, OpenChannel, SendError, ToDaemon, ToGateway,
};
use briefcase_mcp::{MessageKind, RequestId};
use bytes::Bytes;

use super::{
    event_buffer::{EventBuffer, Retention},
    limits::AgentLimits,
    session::{HttpSession, SESSIONS},
};

/// The maximum number of channels for modern requests. More than one is needed only when clients use the same request
/// id at the same time.
const STATELESS_CHANNELS: usize = 64;

/// The connection to the daemon on behalf of one agent.
pub(super) struct AgentConnection {
    pub(super) limits: AgentLimits,
    sender: FrameSender<ToDaemon>,
    view: Option<String>,
    /// One interrupted session continues at a time.
    resuming: tokio::sync::Mutex<()>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_channel: u32,
    stateless: HashMap<ChannelId, HashMap<RequestId, Arc<EventBuffer>>>,
    sessions: HashMap<ChannelId, Arc<HttpSession>>,
    /// Sessions of an earlier connection. Each continues with its next request.
    interrupted: HashMap<String, Arc<HttpSession>>,
    gone: bool,
}

/// A conversation cannot start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChannelError {
    /// The limit of conversations is reached.
    TooMany,
    /// The connection to the daemon has ended.
    Gone,
}

/// A modern request in progress. Dropping it cancels the request at the daemon.
pub(super) struct CancelGuard {
    agent: Arc<AgentConnection>,
    channel: ChannelId,
    request: RequestId,
    needed: bool,
}

impl AgentConnection {
    /// Wraps a connection that continues the sessions of an earlier one. Run the returned future as a task: it receives.
    pub(super) fn new(
        sender: FrameSender<ToDaemon>,
        receiver: FrameReceiver<ToGateway>,
        view: Option<String>,
        interrupted: HashMap<String, Arc<HttpSession>>,
    ) -> (Arc<Self>, impl Future<Output = ()> + Send + 'static) {
        let inner = Mutex::new(Inner { interrupted, ..Inner::default() });
        let limits = AgentLimits::new();
        let agent = Arc::new(Self { limits, sender, view, resuming: tokio::sync::Mutex::default(), inner });
        let receiving = Arc::clone(&agent).receive(receiver);
        (agent, receiving)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection to the daemon has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.inner().gone
    }

    /// Sends a message from the agent.
    pub(super) async fn send(&self, channel: ChannelId, headers: Option<Bytes>, json: Bytes) -> Result<(), SendError> {
        self.sender.send(ToDaemon::Message { channel, headers, json }).await
    }

    /// Registers a modern request on a channel where its id is free.
    pub(super) fn begin(
        self: &Arc<Self>,
        request: &RequestId,
    ) -> Result<(Arc<EventBuffer>, CancelGuard), ChannelError> {
        let buffer = EventBuffer::new(0, Retention::Once);
        let mut inner = self.inner();
        let free = inner.stateless.iter().find(|(_, open)| !open.contains_key(request)).map(|(channel, _)| *channel);
        let channel = match free {
            Some(channel) => channel,
            None if inner.stateless.len() >= STATELESS_CHANNELS => return Err(ChannelError::TooMany),
            None => self.open(&mut inner, true)?,
        };
        inner.stateless.entry(channel).or_default().insert(request.detached(), Arc::clone(&buffer));
        let cancel = CancelGuard { agent: Arc::clone(self), channel, request: request.detached(), needed: true };
        Ok((buffer, cancel))
    }

    /// Opens a channel. Its messages follow in order, because they go through the same queue.
    fn open(&self, inner: &mut Inner, stateless: bool) -> Result<ChannelId, ChannelError> {
        if inner.gone {
            return Err(ChannelError::Gone);
        }
        inner.last_channel = inner.last_channel.checked_add(1).ok_or(ChannelError::TooMany)?;
        let channel = ChannelId(inner.last_channel);
        let open = OpenChannel { transport: AgentTransport::Http, view: self.view.clone(), stateless };
        self.sender.send_now(ToDaemon::Open { channel, open }).map_err(|_| ChannelError::Gone)?;
        Ok(channel)
    }

    /// Starts a legacy session. At the limit, an idle session is ended for it.
    pub(super) fn begin_session(&self, id: String) -> Result<Arc<HttpSession>, ChannelError> {
        let mut inner = self.inner();
        self.make_room(&mut inner)?;
        let channel = self.open(&mut inner, false)?;
        let session = Arc::new(HttpSession::new(id, channel));
        inner.sessions.insert(channel, Arc::clone(&session));
        Ok(session)
    }

    /// Ends an idle session when there are as many as may be.
    fn make_room(&self, inner: &mut Inner) -> Result<(), ChannelError> {
        if let Some(idle) = HttpSession::to_make_room(inner.sessions.values()) {
            self.close(inner, idle.ok_or(ChannelError::TooMany)?);
        }
        Ok(())
    }

    /// The session with this id, if it belongs to this agent and has a channel.
    pub(super) fn session(&self, id: &str) -> Option<Arc<HttpSession>> {
        self.inner().sessions.values().find(|session| session.id() == id).map(Arc::clone)
    }

    /// The interrupted session with this id, if it belongs to this agent.
    pub(super) fn interrupted(&self, id: &str) -> Option<Arc<HttpSession>> {
        self.inner().interrupted.get(id).map(Arc::clone)
    }

    /// Waits for its turn to continue an interrupted session.
    pub(super) async fn resuming(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.resuming.lock().await
    }

    /// Opens a channel for an interrupted session.
    pub(super) fn resume(&self, session: &Arc<HttpSession>) -> Result<(), ChannelError> {
        let mut inner = self.inner();
        self.make_room(&mut inner)?;
        let channel = self.open(&mut inner, false)?;
        session.move_to(channel);
        inner.interrupted.remove(session.id());
        inner.sessions.insert(channel, Arc::clone(session));
        Ok(())
    }

    /// Takes the sessions that another connection may continue.
    pub(super) fn take_interrupted(&self) -> HashMap<String, Arc<HttpSession>> {
        std::mem::take(&mut self.inner().interrupted)
    }

    /// Whether another connection may continue a session of this one.
    pub(super) fn has_interrupted(&self) -> bool {
        !self.inner().interrupted.is_empty()
    }

    /// Ends a session.
    pub(super) fn end_session(&self, session: &HttpSession) {
        let mut inner = self.inner();
        if let Some(session) = inner.interrupted.remove(session.id()) {
            session.end();
        } else {
            self.close(&mut inner, session.channel());
        }
    }

    /// Ends sessions that were unused for long.
    pub(super) fn end_expired(&self) {
        let mut inner = self.inner();
        let expired: Vec<_> =
            inner.sessions.values().filter(|session| session.is_expired()).map(|session| session.channel()).collect();
        for channel in expired {
            self.close(&mut inner, channel);
        }
        inner.interrupted.retain(|_, session| !session.is_expired());
    }

    /// Whether closing the connection would lose nothing.
    pub(super) fn is_idle(&self) -> bool {
        let inner = self.inner();
        inner.sessions.is_empty() && inner.stateless.values().all(HashMap::is_empty)
    }

    fn close(&self, inner: &mut Inner, channel: ChannelId) {
        if let Some(session) = inner.sessions.remove(&channel) {
            session.end();
            // The channel may have ended with the connection.
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

    fn deliver(&self, channel: ChannelId, route: ChannelRoute, json: Bytes) {
        let kind = MessageKind::peek(&json);
        let related = match route {
            ChannelRoute::Related(id) => RequestId::from_json(id).ok(),
            ChannelRoute::General => None,
        };
        let mut inner = self.inner();
        if let Some(open) = inner.stateless.get_mut(&channel) {
            let buffer =
                related.and_then(|id| if kind.is_response() { open.remove(&id) } else { open.get(&id).cloned() });
            drop(inner);
            // A request whose stream is full here is cancelled when its response is dropped.
            let _ = buffer.is_some_and(|buffer| buffer.push(json, kind));
        } else if let Some(session) = inner.sessions.get(&channel).map(Arc::clone) {
            drop(inner);
            session.deliver(related.as_ref(), kind, json);
        }
    }

    fn ended(&self, channel: ChannelId) {
        let mut inner = self.inner();
        let buffers = inner.stateless.remove(&channel);
        if let Some(session) = inner.sessions.remove(&channel) {
            inner.interrupt(&session);
        }
        drop(inner);
        buffers.into_iter().flatten().for_each(|(_, buffer)| buffer.end());
    }

    /// Ends every conversation. No new one can start. Another connection may continue the sessions.
    pub(super) fn end(&self) {
        let mut inner = self.inner();
        inner.gone = true;
        let buffers = std::mem::take(&mut inner.stateless);
        let sessions = std::mem::take(&mut inner.sessions);
        sessions.into_values().for_each(|session| inner.interrupt(&session));
        drop(inner);
        buffers.into_values().flatten().for_each(|(_, buffer)| buffer.end());
    }
}

impl Inner {
    /// Makes room for one more interrupted session.
    fn end_the_oldest_interrupted(&mut self) {
        while self.interrupted.len() >= SESSIONS {
            let oldest =
                self.interrupted.values().max_by_key(|session| session.unused()).map(|session| session.id().to_owned());
            let Some(session) = oldest.and_then(|id| self.interrupted.remove(&id)) else { return };
            session.end();
        }
    }

    /// Fails a session's open requests. The session is kept if its handshake is complete.
    fn interrupt(&mut self, session: &Arc<HttpSession>) {
        if session.with_handshake(|_| ()).is_some() {
            session.interrupt();
            self.end_the_oldest_interrupted();
            self.interrupted.insert(session.id().to_owned(), Arc::clone(session));
        } else {
            session.end();
        }
    }
}

impl CancelGuard {
    pub(super) const fn channel(&self) -> ChannelId {
        self.channel
    }

    pub(super) const fn request(&self) -> &RequestId {
        &self.request
    }

    pub(super) const fn is_needed(&self) -> bool {
        self.needed
    }

    /// Marks the request as answered.
    pub(super) const fn not_needed(&mut self) {
        self.needed = false;
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if !self.needed {
            return;
        }
        let open = self.agent.inner().stateless.get_mut(&self.channel).and_then(|open| open.remove(&self.request));
        if open.is_some() {
            let request = self.request.as_json().clone();
            let _ = self.agent.sender.send_now(ToDaemon::Cancel { channel: self.channel, request });
        }
    }
}
