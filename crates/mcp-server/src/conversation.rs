//! One client's channel: messages in, requests run side by side, answers out.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use briefcase_mcp::{Envelope, EnvelopeKind, ErrorCode, ParamHeaders, RequestId, method};
use briefcase_ports::{ClientProfile, ConnectionKey, Era};
use briefcase_types::{AgentId, Refusal, ServerId, SessionId};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    abilities::Client,
    answer::Answer,
    ask::Asker,
    core::Watch,
    events::Pending,
    incoming::{Context, Meta},
    listen::Listens,
    names::View,
    outlet::{Outlet, Route},
    refusal, rewrite,
    running::{Logs, Target},
    splice::{Members, string},
    surface::Shared,
    verbs::Verb,
};

/// One client's conversation. Dropping it ends it.
pub struct Conversation(pub(crate) Arc<Inner>);

impl Conversation {
    /// Takes one message of the client. `headers` are the `Mcp-Param-*` headers that came with it over HTTP; `None` for
    /// other transports. Never blocks.
    pub fn receive(&self, message: Bytes, headers: Option<ParamHeaders>) {
        match Envelope::parse(message) {
            Ok(envelope) => self.0.receive(&envelope, headers),
            Err(error) => {
                let route = error.id.clone().map_or(Route::General, Route::Related);
                self.0.outlet.send(route, error.to_response());
            }
        }
    }

    /// The client does not want the answer to a request any more (it closed the request's stream).
    pub fn cancel(&self, id: &RequestId) {
        self.0.cancel(id);
    }

    /// Ends the streams of change notices with a result, as a server that stops should. Call before [`Self::close`].
    pub fn farewell(&self) {
        self.0.listens.farewell();
    }

    /// Ends the conversation: running requests are cancelled, questions to the client given up.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.close();
    }
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) agent: AgentId,
    pub(crate) session: SessionId,
    pub(crate) view: View,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) asker: Arc<Asker>,
    pub(crate) listens: Listens,
    pub(crate) pending: Pending,
    /// Legacy: the least severe level that is passed on.
    pub(crate) level: Arc<AtomicU8>,
    /// Legacy: whether the client said that it is ready for notices.
    pub(crate) ready: AtomicBool,
    legacy: Mutex<Option<Arc<Client>>>,
    /// The last modern client seen; nearly always the same.
    modern: Mutex<Option<Arc<Client>>>,
    requests: Mutex<HashMap<RequestId, CancellationToken>>,
    pub(crate) closing: CancellationToken,
}

impl Inner {
    pub(crate) fn new(
        shared: Arc<Shared>,
        agent: AgentId,
        session: SessionId,
        view: View,
        outlet: Arc<dyn Outlet>,
    ) -> Arc<Self> {
        let asker = Arc::new(Asker::new(outlet.clone(), shared.settings.ask_timeout));
        let pending = Pending::new(shared.settings.logs_per_second);
        Arc::new(Self {
            shared,
            agent,
            session,
            view,
            outlet,
            asker,
            listens: Listens::default(),
            pending,
            level: Arc::default(),
            ready: AtomicBool::new(false),
            legacy: Mutex::default(),
            modern: Mutex::default(),
            requests: Mutex::default(),
            closing: CancellationToken::new(),
        })
    }

    fn close(&self) {
        self.closing.cancel();
        self.asker.close();
        self.shared.remove(self.session, self);
    }

    fn receive(self: &Arc<Self>, envelope: &Envelope, headers: Option<ParamHeaders>) {
        match envelope.kind() {
            EnvelopeKind::Request { id, method } => self.request(id.detached(), method, envelope.params(), headers),
            EnvelopeKind::Notification { method } => self.notification(method, envelope.params()),
            EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => self.asker.answered(envelope),
        }
    }

    fn request(self: &Arc<Self>, id: RequestId, method: &str, params: Option<Bytes>, headers: Option<ParamHeaders>) {
        let cancel = self.closing.child_token();
        if let Err(answer) = self.admit(&id, &cancel) {
            self.outlet.send(Route::Related(id.clone()), answer.to_message(&id));
            return;
        }
        let slot = Slot { inner: self.clone(), id: id.clone(), cancel: cancel.clone() };
        let params = params.unwrap_or_else(|| Bytes::from_static(b"{}"));
        match self.context(id, method, params, headers, cancel) {
            Err(answer) => slot.finish(&answer),
            Ok(context) => {
                tokio::spawn(async move {
                    tokio::select! {
                        biased;
                        () = context.cancel.cancelled() => {}
                        answer = slot.inner.serve(&context) => slot.finish(&answer),
                    }
                });
            }
        }
    }

    /// Takes a place among the running requests.
    fn admit(&self, id: &RequestId, cancel: &CancellationToken) -> Result<(), Answer> {
        let mut requests = self.requests();
        if requests.contains_key(id) {
            let message = "a request with this id is still running; use a new id for each request";
            return Err(Answer::error(ErrorCode::INVALID_REQUEST, message));
        }
        if requests.len() >= self.shared.settings.in_flight {
            let message = "Too many requests of this session are running.";
            let refusal = refusal::unavailable("too_many_requests", message, "Wait for answers before asking more.");
            return Err(Answer::Error(refusal::error(&refusal)));
        }
        requests.insert(id.clone(), cancel.clone());
        Ok(())
    }

    /// Reads a request. Sets the client of a legacy conversation when it is `initialize`, so that what follows at once
    /// is understood.
    fn context(
        &self,
        id: RequestId,
        method: &str,
        params: Bytes,
        headers: Option<ParamHeaders>,
        cancel: CancellationToken,
    ) -> Result<Context, Answer> {
        let meta = Meta::of(&params)?;
        let era = if meta.client.is_some() { Era::Modern } else { Era::Legacy };
        let verb = Verb::of(method, era);
        let client = match (meta.client, verb) {
            (Some(profile), _) => self.modern_client(profile),
            (None, Some(Verb::Initialize)) => self.initialize_client(&params)?,
            (None, Some(Verb::Ping)) => self.legacy_client().unwrap_or_else(|_| Arc::new(Client::new(nobody()))),
            (None, _) => self.legacy_client()?,
        };
        let verb = verb.ok_or_else(Answer::unknown_method)?;
        Ok(Context {
            id,
            verb,
            client,
            params,
            meta: meta.raw,
            progress: meta.progress,
            level: meta.level,
            headers,
            cancel,
        })
    }

    fn modern_client(&self, profile: ClientProfile) -> Arc<Client> {
        let mut last = self.modern.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = last.as_ref()
            && client.profile.capabilities == profile.capabilities
            && client.profile.info == profile.info
            && client.profile.version == profile.version
        {
            return client.clone();
        }
        let client = Arc::new(Client::new(profile));
        *last = Some(client.clone());
        client
    }

    /// The client of a legacy conversation.
    pub(crate) fn legacy_client(&self) -> Result<Arc<Client>, Answer> {
        let client = self.legacy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        client.ok_or_else(|| {
            Answer::invalid_params(
                "send `initialize` first, or put `io.modelcontextprotocol/protocolVersion` into `_meta`",
            )
        })
    }

    fn initialize_client(&self, params: &Bytes) -> Result<Arc<Client>, Answer> {
        let client = Arc::new(crate::initialize::client(params)?);
        let mut legacy = self.legacy.lock().unwrap_or_else(PoisonError::into_inner);
        if legacy.is_some() {
            return Err(Answer::error(ErrorCode::INVALID_REQUEST, "`initialize` was sent before"));
        }
        *legacy = Some(client.clone());
        Ok(client)
    }

    /// The handshake failed; the client may try again.
    pub(crate) fn forget_client(&self) {
        *self.legacy.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn notification(self: &Arc<Self>, name: &str, params: Option<Bytes>) {
        match name {
            method::CANCELLED => {
                let id = params.and_then(|params| {
                    let raw = Members::of_bytes(&params)?.get("requestId")?;
                    RequestId::from_json(Bytes::copy_from_slice(raw.as_bytes())).ok()
                });
                if let Some(id) = id {
                    self.cancel(&id);
                }
            }
            method::INITIALIZED => self.initialized(),
            method::ROOTS_LIST_CHANGED if self.legacy_client().is_ok() => {
                self.shared.core.tell(self.session, method::ROOTS_LIST_CHANGED, params);
            }
            // A client's progress on a question has nowhere to go; the rest is not ours.
            _ => {}
        }
    }

    /// The client is ready: from now on it gets notices.
    fn initialized(self: &Arc<Self>) {
        let Ok(client) = self.legacy_client() else { return };
        if self.ready.swap(true, Ordering::AcqRel) {
            return;
        }
        let watch = Watch { tools: true, prompts: true, resources: true };
        for server in self.servers() {
            self.shared.core.watch(&self.line(server, &client), watch);
        }
    }

    fn cancel(&self, id: &RequestId) {
        let token = self.requests().remove(id);
        if let Some(token) = token {
            token.cancel();
        }
    }

    async fn serve(self: &Arc<Self>, context: &Context) -> Answer {
        match context.verb {
            Verb::Initialize => self.initialize(context).await,
            Verb::Ping => Answer::result("{}"),
            Verb::Discover => self.discover(context).await,
            Verb::Listen => self.listen(context).await,
            Verb::Tools => self.tools(context).await,
            Verb::List(list) => self.list(context, list).await,
            Verb::CallTool | Verb::ReadResource | Verb::GetPrompt | Verb::Complete => self.call(context).await,
            Verb::SetLevel => self.set_level(context).await,
            Verb::Subscribe | Verb::Unsubscribe => self.subscribe(context).await,
            Verb::Task(follow) => self.task(context, follow).await,
        }
    }

    /// The servers of the view.
    pub(crate) fn servers(&self) -> Vec<ServerId> {
        let mut servers = self.shared.core.servers(&self.agent);
        if let View::One(one) = &self.view {
            servers.retain(|server| server == one);
        }
        servers
    }

    pub(crate) fn serves(&self, server: &ServerId) -> bool {
        let in_view = match &self.view {
            View::All => true,
            View::One(one) => one == server,
        };
        in_view && self.shared.core.servers(&self.agent).contains(server)
    }

    pub(crate) fn line(&self, server: ServerId, client: &Client) -> ConnectionKey {
        ConnectionKey { agent: self.agent.clone(), session: self.session, server, client: client.profile.clone() }
    }

    /// Where what is said about a request goes.
    pub(crate) fn target(&self, context: &Context) -> Target {
        let legacy = context.era() == Era::Legacy;
        Target {
            outlet: self.outlet.clone(),
            id: context.id.clone(),
            progress: context.progress.clone(),
            logs: if legacy { Logs::Session(self.level.clone()) } else { Logs::Request(context.level) },
            client: context.client.clone(),
            asker: legacy.then(|| self.asker.clone()),
        }
    }

    /// A refusal as the answer to a request.
    pub(crate) fn refused(&self, context: &Context, refusal: &Refusal) -> Answer {
        match (refusal::answer(context.verb, refusal), context.era()) {
            (Answer::Result(raw), Era::Modern) => Answer::Result(rewrite::with_type(raw)),
            (answer, _) => answer,
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<RequestId, CancellationToken>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sender of a `ping` before `initialize`.
fn nobody() -> ClientProfile {
    let empty = Bytes::from_static(b"{}");
    ClientProfile { era: Era::Legacy, version: String::new(), capabilities: empty.clone(), info: empty }
}

/// A running request's place. Freed however the request ends.
struct Slot {
    inner: Arc<Inner>,
    id: RequestId,
    cancel: CancellationToken,
}

impl Slot {
    fn finish(self, answer: &Answer) {
        let message = answer.to_message(&self.id);
        let (inner, id, cancelled) = (self.inner.clone(), self.id.clone(), self.cancel.is_cancelled());
        // The id is free before the client can know that it is.
        drop(self);
        if !cancelled {
            inner.outlet.send(Route::Related(id), message);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // After a cancellation the id may already be used again, by a request that is not cancelled.
        if !self.cancel.is_cancelled() {
            self.inner.requests().remove(&self.id);
        }
    }
}

/// A required string member of `params`.
pub(crate) fn required(members: &Members<'_>, name: &str) -> Result<String, Answer> {
    members
        .get(name)
        .and_then(string)
        .ok_or_else(|| Answer::invalid_params(format!("`params.{name}` must be a string")))
}
