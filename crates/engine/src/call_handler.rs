//! Implements the MCP server's port: lists, server information, and calls through the pipeline.

use std::sync::Arc;

use briefcase_policy::label::Labels;
use briefcase_ports::{
    BoxFuture, CallHandler, CallOutcome, CallRequest, ClientPeer, ConnectionKey, ContinuedCall, Entry, ListKind,
    ServerInfo, Urgency,
};
use briefcase_receipts::{Kind, Receipt, Refused, Word, Words};
use briefcase_types::{AgentId, CallId, Refusal, RefusalCode, ServerId, SessionId, ToolName};
use bytes::Bytes;

use crate::{
    Engine,
    call::{Call, Continuation},
    pipeline, presentation,
    tools::{Tool, shown_names},
};

/// An allowed call whose server asks for more input, with the proof that it was allowed.
struct Continued {
    engine: Arc<Engine>,
    proof: Continuation,
}

impl std::fmt::Debug for Continued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Continued").finish_non_exhaustive()
    }
}

impl ContinuedCall for Continued {
    fn run(
        self: Box<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>> {
        Box::pin(run(self.engine, request, Some(self.proof), peer))
    }
}

async fn run(
    engine: Arc<Engine>,
    request: CallRequest,
    continuation: Option<Continuation>,
    peer: Arc<dyn ClientPeer>,
) -> Result<CallOutcome, Refusal> {
    let session = engine.session(request.connection.session).ok_or_else(session_ended)?;
    let released = pipeline::run(&engine, Call { session, request, continuation }, peer).await?;
    let (reply, proof) = released.into_parts();
    let continuation = proof.map(|proof| -> Box<dyn ContinuedCall> { Box::new(Continued { engine, proof }) });
    Ok(CallOutcome { reply, continuation })
}

impl CallHandler for Engine {
    fn servers(&self, _agent: &AgentId) -> Vec<ServerId> {
        let authority = self.authority();
        let enabled = authority.document().servers.iter().filter(|(_, server)| server.enabled);
        enabled.map(|(name, _)| name.clone()).collect()
    }

    fn server_info<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<ServerInfo>, Refusal>> {
        Box::pin(async move {
            let info = self
                .upstreams
                .server_info(connection)
                .await
                .map_err(|failure| self.upstream_refusal(&connection.server, &failure))?;
            let Some(instructions) = &info.instructions else { return Ok(info) };
            let instructions = self.filter_text(connection, instructions);
            Ok(Arc::new(ServerInfo { instructions, ..ServerInfo::clone(&info) }))
        })
    }

    fn list_tools<'a>(&'a self, connection: &'a ConnectionKey) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        Box::pin(self.accepted_tools(connection))
    }

    fn list<'a>(&'a self, connection: &'a ConnectionKey, kind: ListKind) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        Box::pin(async move {
            let items = self
                .upstreams
                .list(connection, kind)
                .await
                .map_err(|failure| self.upstream_refusal(&connection.server, &failure))?;
            let ConnectionKey { agent, server, .. } = connection;
            let labels = self.server_labels(server);
            if !items.is_empty() {
                self.label_durably(agent, server, labels).await.map_err(|error| pipeline::unrecorded(&error))?;
            }
            Ok(items.iter().filter_map(|item| self.show(agent, server, labels, item.clone()).ok()).collect())
        })
    }

    fn tool_name(&self, server: &ServerId, called: &str) -> Option<ToolName> {
        self.tool_called(server, called)
    }

    fn accepted_tool(&self, server: &ServerId, tool: &ToolName) -> Option<Bytes> {
        let authority = self.authority();
        let pin = authority.document().pin(server, tool)?;
        match self.pinned.of(server, pin).filter(|pinned| pinned.is_exact()) {
            Some(pinned) => Some(pinned.tool().raw().clone()),
            None => self.known_definition(server, tool, pin.digest),
        }
    }

    fn call(
        self: Arc<Self>,
        request: CallRequest,
        peer: Arc<dyn ClientPeer>,
    ) -> BoxFuture<'static, Result<CallOutcome, Refusal>> {
        Box::pin(run(self, request, None, peer))
    }

    fn refuse<'a>(
        &'a self,
        agent: &'a AgentId,
        session: SessionId,
        method: &'static str,
        refusal: Refusal,
    ) -> BoxFuture<'a, Refusal> {
        Box::pin(self.record_refusal(agent, session, method, refusal))
    }

    fn filter(&self, agent: &AgentId, server: &ServerId, raw: Bytes) -> Option<Bytes> {
        self.show(agent, server, self.server_labels(server), raw).ok()
    }

    fn notify_servers(&self, session: SessionId, method: &'static str) {
        // After a failed write of the record nothing leaves any more.
        if self.journal.failure().is_none() {
            self.upstreams.notify(session, method);
        }
    }

    fn may_name_client(&self, agent: &AgentId, name: &str) -> bool {
        let tainted = self.labels_of(agent).is_tainted();
        !tainted && self.outgoing_secrets(&serde_json::Value::from(name)).is_ok()
    }
}

impl Engine {
    fn server_labels(&self, server: &ServerId) -> Labels {
        self.authority().document().labels(server, None)
    }

    /// The text after the output filter, or `None` when it must not be shown.
    fn filter_text(&self, connection: &ConnectionKey, text: &str) -> Option<String> {
        let raw = Bytes::from(serde_json::to_vec(text).ok()?);
        let clean = self.filter(&connection.agent, &connection.server, raw)?;
        serde_json::from_slice(&clean).ok()
    }

    async fn accepted_tools(&self, connection: &ConnectionKey) -> Result<Vec<Bytes>, Refusal> {
        let listing = self
            .upstreams
            .list_tools(connection)
            .await
            .map_err(|failure| self.upstream_refusal(&connection.server, &failure))?;
        let tools = self.tools(&connection.server, &listing);
        let authority = self.authority();
        let server = authority.document().servers.get(&connection.server).filter(|server| server.enabled);
        let Some(server) = server else { return Ok(Vec::new()) };
        let is_accepted = |tool: &&Arc<Tool>| server.pins.get(tool.name()).is_some_and(|pin| pin.digest == tool.pin());
        let accepted: Vec<&Arc<Tool>> = tools.iter().filter(is_accepted).collect();
        let shown = shown_names(&connection.server, &accepted);
        let for_agents = accepted.iter().zip(shown).map(|(tool, shown)| presentation::for_agents(tool, &shown));
        // Accepted definitions pass the output filter too, like every text of a server.
        Ok(for_agents.filter_map(|raw| self.make_safe(&connection.server, raw).ok()).collect())
    }

    /// The tool that an agent calls by this name: the name here, the shown alias, or the server's own name.
    fn tool_called(&self, server: &ServerId, called: &str) -> Option<ToolName> {
        let authority = self.authority();
        let pins = authority.document().servers.get(server).map(|server| &server.pins);
        let is_pinned = |name: &ToolName| pins.is_some_and(|pins| pins.contains_key(name));
        let literal = called.parse::<ToolName>().ok();
        if let Some(name) = literal.clone().filter(is_pinned) {
            return Some(name);
        }
        if let Some(name) = ToolName::of_server(called).filter(is_pinned) {
            return Some(name);
        }
        let shown = literal.as_ref().filter(|name| name.is_alias());
        let of_alias = shown.and_then(|shown| pins?.keys().find(|tool| shown.is_shown_of(tool)).cloned());
        of_alias.or(literal)
    }

    async fn record_refusal(&self, agent: &AgentId, session: SessionId, method: &str, mut refusal: Refusal) -> Refusal {
        let refused = Refused {
            call: CallId::random(self.entropy.as_ref()),
            agent: agent.clone(),
            session,
            server: None,
            op: Some(Word::lossy(method.to_owned())),
            name: None,
            code: refusal.code,
            reason: Word::lossy(refusal.reason.clone()),
            args: None,
            policies: Words::default(),
            authority: self.authority().version(),
            approval: None,
        };
        let receipt = Receipt { at: self.now(), kind: Kind::Refusal(refused) };
        refusal.receipt = self.record(Entry { receipt, opening: None }, Urgency::Now).await.ok();
        refusal
    }
}

fn session_ended() -> Refusal {
    Refusal::new(RefusalCode::Revoked, "session", "This session has ended.", "Connect again.")
}
