//! Accepts gateway connections on `agent.sock`, authenticates the agent, and connects its clients to the MCP server.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use briefcase_engine::{agent_token, session::Session};
use briefcase_ipc::{
    AgentListener, ChannelId, ChannelRoute, FrameSender, GatewayConnection, HandshakeRefusal, OpenChannel, PROTOCOL,
    ToDaemon, ToGateway, Welcome,
};
use briefcase_mcp::{ParamHeaders, RequestId};
use briefcase_mcp_server::{ClientConnection, ClientSink, Route, View};
use briefcase_types::{AgentId, RefusalCode};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{lock_state::DaemonState, startup::UnlockedState};

/// The bytes that may wait for a gateway that does not read. With more, it is disconnected.
const MAX_BACKLOG: usize = 160 << 20;
/// The cost of a message beside its text, so that empty messages are not free.
const FRAME_COST: usize = 256;
/// Channels of one gateway connection.
const MAX_CHANNELS: usize = 1024;

/// Serves gateways until the token is cancelled.
pub async fn serve(listener: AgentListener, state: Arc<DaemonState>, stop: CancellationToken) {
    loop {
        let incoming = tokio::select! {
            incoming = listener.accept() => incoming,
            () = stop.cancelled() => return,
        };
        let (state, stop) = (Arc::clone(&state), stop.clone());
        tokio::spawn(async move {
            let Ok(greeting) = incoming.read_hello().await else { return };
            match authenticate(&state, &greeting.hello) {
                Err(refused) => drop(greeting.refuse(refused).await),
                Ok((agent, open)) => {
                    let daemon = concat!("briefcased/", env!("CARGO_PKG_VERSION")).to_owned();
                    let welcome = Welcome { protocol: PROTOCOL, agent: agent.to_string(), daemon };
                    if let Ok(connection) = greeting.welcome(welcome).await {
                        let ended = open.ended.clone();
                        tokio::select! {
                            () = serve_gateway(connection, agent, open) => {}
                            () = ended.cancelled() => {}
                            () = stop.cancelled() => {}
                        }
                    }
                }
            }
        });
    }
}

fn authenticate(
    state: &DaemonState,
    hello: &briefcase_ipc::Hello,
) -> Result<(AgentId, Arc<UnlockedState>), HandshakeRefusal> {
    let refused = |code, message: &str, next_step: &str| HandshakeRefusal {
        code,
        message: message.to_owned(),
        next_step: next_step.to_owned(),
    };
    if hello.protocol != PROTOCOL {
        let message = "The gateway and the daemon have different versions.";
        return Err(refused(
            RefusalCode::Unavailable,
            message,
            "Install both from the same release, and restart both.",
        ));
    }
    let open = state.unlocked().ok_or_else(|| {
        refused(RefusalCode::Unavailable, "The briefcase is locked.", "A person has to unlock it: `briefcase unlock`.")
    })?;
    let digest = hello.agent_token.expose(agent_token::digest);
    let authority = open.engine.authority();
    let agent = authority.document().agent_by_token(&digest).cloned();
    let agent = agent.ok_or_else(|| {
        let next = "A person can add the agent with `briefcase agent add NAME`.";
        refused(RefusalCode::Denied, "Unknown agent.", next)
    })?;
    Ok((agent, open))
}

/// Serves one gateway: channels in, messages out.
async fn serve_gateway(connection: GatewayConnection, agent: AgentId, open: Arc<UnlockedState>) {
    let GatewayConnection { mut receiver, sender, .. } = connection;
    let (queue, outgoing) = mpsc::unbounded_channel();
    let backlog = Arc::new(AtomicUsize::new(0));
    let full = CancellationToken::new();
    let writer = tokio::spawn(forward(outgoing, Arc::clone(&backlog), sender));
    let mut channels = Channels {
        open,
        agent,
        stateless: None,
        clients: HashMap::new(),
        out: GatewaySender { queue, backlog, full: full.clone() },
    };
    loop {
        let frame = tokio::select! {
            frame = receiver.recv() => frame,
            () = full.cancelled() => break,
        };
        match frame {
            Ok(Some(frame)) => channels.receive(frame),
            Ok(None) | Err(_) => break,
        }
    }
    channels.close();
    writer.abort();
}

async fn forward(
    mut frames: mpsc::UnboundedReceiver<ToGateway>,
    backlog: Arc<AtomicUsize>,
    sender: FrameSender<ToGateway>,
) {
    while let Some(frame) = frames.recv().await {
        let size = size(&frame);
        let sent = sender.send(frame).await;
        backlog.fetch_sub(size, Ordering::AcqRel);
        if matches!(sent, Err(briefcase_ipc::SendError::Closed)) {
            return;
        }
    }
}

fn size(frame: &ToGateway) -> usize {
    match frame {
        ToGateway::Message { json, .. } => json.len(),
        ToGateway::Closed { reason, .. } => reason.len(),
        _ => 0,
    }
    .saturating_add(FRAME_COST)
}

/// Sends frames to one gateway.
#[derive(Clone)]
struct GatewaySender {
    queue: mpsc::UnboundedSender<ToGateway>,
    backlog: Arc<AtomicUsize>,
    full: CancellationToken,
}

impl GatewaySender {
    fn send(&self, frame: ToGateway) {
        let size = size(&frame);
        if self.backlog.fetch_add(size, Ordering::AcqRel).saturating_add(size) > MAX_BACKLOG {
            self.full.cancel();
        }
        // Fails only when the connection has ended.
        let _ = self.queue.send(frame);
    }
}

/// Sends messages to the client of one channel.
struct ChannelSink {
    channel: ChannelId,
    out: GatewaySender,
}

impl ClientSink for ChannelSink {
    fn send(&self, route: Route, message: Bytes) {
        let route = match route {
            Route::General => ChannelRoute::General,
            Route::Related(id) => ChannelRoute::Related(id.as_json().clone()),
        };
        self.out.send(ToGateway::Message { channel: self.channel, route, json: message });
    }
}

/// The channels of one gateway connection: one client each.
struct Channels {
    open: Arc<UnlockedState>,
    agent: AgentId,
    /// The session of all stateless channels of this connection.
    stateless: Option<Arc<Session>>,
    /// Each client with its own session, if it has one.
    clients: HashMap<ChannelId, (ClientConnection, Option<Arc<Session>>)>,
    out: GatewaySender,
}

impl Channels {
    fn receive(&mut self, frame: ToDaemon) {
        match frame {
            ToDaemon::Open { channel, open } => self.start(channel, &open),
            ToDaemon::Message { channel, headers, json } => {
                if let Some((client, _)) = self.clients.get(&channel) {
                    client.receive(json, headers.and_then(|raw| ParamHeaders::from_json(&raw).ok()));
                }
            }
            ToDaemon::Cancel { channel, request } => {
                if let (Some((client, _)), Ok(id)) = (self.clients.get(&channel), RequestId::from_json(request)) {
                    client.cancel(&id);
                }
            }
            ToDaemon::Close { channel } => self.end(channel),
            _ => {}
        }
    }

    fn start(&mut self, channel: ChannelId, open: &OpenChannel) {
        let view = match open.view.as_deref().map(str::parse) {
            None => View::All,
            Some(Ok(server)) => View::One(server),
            Some(Err(_)) => return self.refuse(channel, "invalid server name"),
        };
        if self.clients.len() >= MAX_CHANNELS || self.clients.contains_key(&channel) {
            return self.refuse(channel, "too many channels on this connection");
        }
        let own = !open.stateless;
        let session = if own { self.open.engine.open_session(self.agent.clone()) } else { self.shared_session() };
        let sink = Arc::new(ChannelSink { channel, out: self.out.clone() });
        let client = self.open.mcp_server.open(self.agent.clone(), session.id, view, sink);
        self.clients.insert(channel, (client, own.then_some(session)));
    }

    fn shared_session(&mut self) -> Arc<Session> {
        let (engine, agent) = (&self.open.engine, &self.agent);
        Arc::clone(self.stateless.get_or_insert_with(|| engine.open_session(agent.clone())))
    }

    fn refuse(&self, channel: ChannelId, reason: &str) {
        self.out.send(ToGateway::Closed { channel, reason: reason.to_owned() });
    }

    fn end(&mut self, channel: ChannelId) {
        if let Some((client, session)) = self.clients.remove(&channel) {
            client.end_streams();
            client.close();
            if let Some(session) = session {
                self.end_session(&session);
            }
        }
    }

    fn end_session(&self, session: &Session) {
        session.close();
        self.open.pool.close_session(session.id);
    }

    fn close(&mut self) {
        let channels: Vec<_> = self.clients.keys().copied().collect();
        channels.into_iter().for_each(|channel| self.end(channel));
        if let Some(session) = self.stateless.take() {
            self.end_session(&session);
        }
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_reads_nothing_is_disconnected_even_if_every_message_is_empty() {
        let (queue, _frames) = mpsc::unbounded_channel();
        let out = GatewaySender { queue, backlog: Arc::default(), full: CancellationToken::new() };
        let json = Bytes::new();
        let empty = || ToGateway::Message { channel: ChannelId(1), route: ChannelRoute::General, json: json.clone() };
        for _ in 0..MAX_BACKLOG / FRAME_COST {
            out.send(empty());
        }
        assert!(!out.full.is_cancelled(), "the backlog is exactly full");
        out.send(empty());
        assert!(out.full.is_cancelled());
    }
}
