//! The engine and the pool of servers, as the surface sees them.

use std::sync::Arc;

use briefcase_engine::{
    Engine,
    call::{Answer, Call, Continuation, Operation},
    pipeline,
};
use briefcase_mcp_server as surface;
use briefcase_mcp_server::{Core, ListMethod, Outcome, Request, UpstreamInfo, Verdict, Watch};
use briefcase_policy::label::Labels;
use briefcase_ports::{BoxFuture, ClientPeer, ConnectionKey, Definition, UpstreamFailure, Upstreams as _};
use briefcase_receipts::{Kind, Receipt, Refused, Word, Words};
use briefcase_types::{AgentId, CallId, Entropy, Refusal, RefusalCode, ServerId, SessionId, ToolName};
use briefcase_upstream::{ListKind, Pool};
use bytes::Bytes;

use briefcase_ports::{Entry, Urgency};

/// What the surface calls.
pub struct EngineCore {
    engine: Arc<Engine>,
    pool: Arc<Pool>,
    entropy: Arc<dyn Entropy>,
}

impl EngineCore {
    /// Ties the two together.
    pub fn new(engine: Arc<Engine>, pool: Arc<Pool>, entropy: Arc<dyn Entropy>) -> Self {
        Self { engine, pool, entropy }
    }

    fn labels(&self, server: &ServerId) -> Labels {
        self.engine.authority().document().labels(server, None)
    }

    async fn accepted_tools(&self, line: &ConnectionKey) -> Result<Arc<Vec<Definition>>, Refusal> {
        let listing = self.pool.list_tools(line).await.map_err(|failure| unreachable(line, &failure))?;
        let tools = self.engine.tools(&line.server, &listing);
        let authority = self.engine.authority();
        let Some(server) = authority.document().servers.get(&line.server).filter(|server| server.enabled) else {
            return Ok(Arc::default());
        };
        let accepted = tools.iter().filter(|tool| {
            server.pins.get(tool.name()).is_some_and(|pin| pin.digest == tool.pin()) && tool.unusable().is_none()
        });
        // Accepted or not: a definition goes through the firewall like everything else that a server says.
        let definition = |tool: &Arc<briefcase_engine::tools::Tool>| {
            let raw = self.engine.make_safe(&line.server, tool.raw().clone()).ok()?;
            Some(Definition { name: tool.name().as_str().to_owned(), raw })
        };
        Ok(Arc::new(accepted.filter_map(definition).collect()))
    }

    async fn list_items(&self, line: &ConnectionKey, method: ListMethod) -> Result<Vec<Bytes>, Refusal> {
        let kind = match method {
            ListMethod::Resources => ListKind::Resources,
            ListMethod::ResourceTemplates => ListKind::Templates,
            ListMethod::Prompts => ListKind::Prompts,
        };
        let items = self.pool.list(line, kind).await.map_err(|failure| unreachable(line, &failure))?;
        let labels = self.labels(&line.server);
        let show = |item: &Bytes| self.engine.show(&line.agent, &line.server, labels, item.clone()).ok();
        Ok(items.iter().filter_map(show).collect())
    }

    async fn run(&self, request: Request, talk: Arc<dyn ClientPeer>) -> Result<Outcome, Refusal> {
        let session = self.engine.session(request.line.session).ok_or_else(session_ended)?;
        let call = Call {
            session,
            connection: request.line,
            operation: operation(request.operation),
            meta: request.meta,
            members: request.members,
            patience: request.patience,
            continuation: request.continuation.and_then(surface::Continuation::into_inner::<Continuation>),
            cancel: request.cancel,
        };
        let released = pipeline::run(&self.engine, call, talk).await?;
        let receipt = released.receipt();
        let (answer, continuation) = released.into_parts();
        let verdict = match answer {
            Answer::Result(raw) => Verdict::Result(raw),
            Answer::Error(error) => Verdict::Error(error),
        };
        Ok(Outcome { verdict, receipt, continuation: continuation.map(surface::Continuation::new) })
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
            authority: self.engine.authority().version(),
            approval: None,
        };
        let receipt = Receipt { at: self.engine.now(), kind: Kind::Refusal(refused) };
        refusal.receipt = self.engine.record(Entry { receipt, opening: None }, Urgency::Now).await.ok();
        refusal
    }
}

impl Core for EngineCore {
    fn servers(&self, _agent: &AgentId) -> Vec<ServerId> {
        let authority = self.engine.authority();
        let enabled = authority.document().servers.iter().filter(|(_, server)| server.enabled);
        enabled.map(|(name, _)| name.clone()).collect()
    }

    fn info<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<UpstreamInfo>, Refusal>> {
        Box::pin(async move {
            let greeting = self.pool.greeting(line).await.map_err(|failure| unreachable(line, &failure))?;
            let clean = |text: &String| {
                let raw = Bytes::from(serde_json::to_vec(text).ok()?);
                let clean = self.engine.show(&line.agent, &line.server, self.labels(&line.server), raw).ok()?;
                serde_json::from_slice(&clean).ok()
            };
            Ok(Arc::new(UpstreamInfo {
                era: greeting.era,
                capabilities: greeting.capabilities.clone(),
                server_info: greeting.info.clone(),
                instructions: greeting.instructions.as_ref().and_then(clean),
            }))
        })
    }

    fn tools<'a>(&'a self, line: &'a ConnectionKey) -> BoxFuture<'a, Result<Arc<Vec<Definition>>, Refusal>> {
        Box::pin(self.accepted_tools(line))
    }

    fn accepted(&self, line: &ConnectionKey, tool: &ToolName) -> Option<Bytes> {
        let pin = self.engine.authority().document().pin(&line.server, tool)?.digest;
        self.engine.known_definition(&line.server, tool, pin)
    }

    fn list<'a>(&'a self, line: &'a ConnectionKey, method: ListMethod) -> BoxFuture<'a, Result<Vec<Bytes>, Refusal>> {
        Box::pin(self.list_items(line, method))
    }

    fn call<'a>(&'a self, request: Request, talk: Arc<dyn ClientPeer>) -> BoxFuture<'a, Result<Outcome, Refusal>> {
        Box::pin(self.run(request, talk))
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

    fn clean(&self, server: &ServerId, raw: Bytes) -> Option<Bytes> {
        self.engine.make_safe(server, raw).ok()
    }

    fn show(&self, agent: &AgentId, server: &ServerId, raw: Bytes) -> Option<Bytes> {
        self.engine.show(agent, server, self.labels(server), raw).ok()
    }

    /// The pool listens to whatever a server announces, from the moment it connects.
    fn watch(&self, _line: &ConnectionKey, _watch: Watch) {}

    fn tell(&self, session: SessionId, method: &'static str, params: Option<Bytes>) {
        self.pool.tell(session, method, params);
    }
}

fn operation(given: surface::Operation) -> Operation {
    match given {
        surface::Operation::CallTool { tool, arguments } => Operation::CallTool { tool, arguments },
        surface::Operation::ReadResource { uri } => Operation::ReadResource { uri },
        surface::Operation::GetPrompt { name, arguments } => Operation::GetPrompt { name, arguments },
        surface::Operation::Complete { params } => Operation::Complete { params },
        surface::Operation::Follow { method, params } => Operation::Follow { method: method.method(), params },
    }
}

fn unreachable(line: &ConnectionKey, failure: &UpstreamFailure) -> Refusal {
    Refusal::new(
        failure.code(),
        failure.reason(),
        format!("The server `{}` could not answer: {failure}.", line.server),
        format!("Look at it with `briefcase server test {}`.", line.server),
    )
}

fn session_ended() -> Refusal {
    Refusal::new(RefusalCode::Revoked, "session", "This session has ended.", "Connect again.")
}
