//! A call while it runs: what its server says meanwhile, and where that goes.
//!
//! The core's future runs in a task of its own, so that a suspended call goes on while no request of the client is open,
//! and a cancelled one still records its outcome.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
};

use briefcase_mcp::{RequestId, method, notification};
use briefcase_ports::{BoxFuture, ClientPeer, ConnectionKey, Era, RpcError, Waiting};
use briefcase_types::{Entropy, Refusal};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    abilities::Client,
    ask::{Asker, failure, unsupported},
    core::{Continuation, Operation, Outcome, Request},
    handle,
    notices::{Bucket, level_of},
    outlet::{Outlet, Route},
    splice::{Draft, Members, quoted},
    surface::Shared,
    tasks::{Runner, TaskIds},
};

/// Messages about one call that may come at once, and per second.
const NOTES: u32 = 100;

/// What is asked of the core, before it becomes a [`Request`]. Can be asked again.
#[derive(Clone, Debug)]
pub(crate) struct Blueprint {
    pub(crate) line: ConnectionKey,
    pub(crate) operation: Operation,
    pub(crate) meta: Option<Bytes>,
    pub(crate) members: Vec<(&'static str, Bytes)>,
    pub(crate) patience: std::time::Duration,
}

/// The client's request that a call belongs to at the moment.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) id: RequestId,
    /// The client's progress token, raw.
    pub(crate) progress: Option<Bytes>,
    pub(crate) logs: Logs,
    pub(crate) client: Arc<Client>,
    /// Legacy: how to ask the client.
    pub(crate) asker: Option<Arc<Asker>>,
}

/// Which log lines the client wants.
#[derive(Clone)]
pub(crate) enum Logs {
    /// Legacy: as set for the session.
    Session(Arc<AtomicU8>),
    /// Modern: as this request says; none when it does not.
    Request(Option<u8>),
}

impl Logs {
    pub(crate) fn want(&self, level: u8) -> bool {
        match self {
            Self::Session(least) => level >= least.load(Ordering::Relaxed),
            Self::Request(least) => least.is_some_and(|least| level >= least),
        }
    }
}

/// What the front of a call has to know.
pub(crate) enum Said {
    /// A server asks a modern client.
    Asked(Question),
    /// A person has to decide.
    Waiting(Waiting),
}

/// A question for a modern client.
pub(crate) struct Question {
    pub(crate) key: String,
    pub(crate) method: String,
    pub(crate) params: Bytes,
    /// Nobody waits for the answer to a question of ours.
    pub(crate) answer: Option<oneshot::Sender<Result<Bytes, RpcError>>>,
}

/// A call that runs.
pub(crate) struct Running {
    pub(crate) call: Blueprint,
    pub(crate) talk: Arc<CallTalk>,
    pub(crate) said: mpsc::UnboundedReceiver<Said>,
    pub(crate) done: oneshot::Receiver<Result<Outcome, Refusal>>,
    /// That a person was asked about it.
    pub(crate) waiting: Option<Waiting>,
    /// Whether the client was given the address where a person decides.
    pub(crate) linked: bool,
    /// Cancels the call when nobody wants it any more.
    _cancel: DropGuard,
}

/// A running call without a request of the client, and what it waits for.
pub(crate) struct Suspended {
    pub(crate) running: Running,
    pub(crate) questions: Vec<Question>,
}

impl Running {
    /// Starts a call.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        call: Blueprint,
        continuation: Option<Continuation>,
        target: Target,
    ) -> Self {
        let (talker, said) = mpsc::unbounded_channel();
        let (sender, done) = oneshot::channel();
        let cancel = CancellationToken::new();
        let talk = Arc::new(CallTalk {
            shared: shared.clone(),
            line: call.line.clone(),
            target: Mutex::new(target),
            away: AtomicBool::new(false),
            said: talker,
            notes: Bucket::new(NOTES, NOTES),
            questions: AtomicUsize::new(0),
            spoken: AtomicBool::new(false),
            cancel: cancel.clone(),
        });
        let request = Request {
            line: call.line.clone(),
            operation: call.operation.clone(),
            meta: call.meta.clone(),
            members: call.members.clone(),
            patience: call.patience,
            continuation,
            cancel: cancel.clone(),
        };
        let (core, client) = (shared.core.clone(), talk.clone());
        shared.tracker.spawn(async move {
            // The client may be gone; the outcome is recorded all the same.
            let _ = sender.send(core.call(request, client).await);
        });
        Self { call, talk, said, done, waiting: None, linked: false, _cancel: cancel.drop_guard() }
    }
}

/// The client, as a running call sees it.
pub(crate) struct CallTalk {
    shared: Arc<Shared>,
    line: ConnectionKey,
    target: Mutex<Target>,
    /// Whether the call is suspended: its last request is over and the next has not come.
    away: AtomicBool,
    said: mpsc::UnboundedSender<Said>,
    notes: Bucket,
    questions: AtomicUsize,
    /// Whether the server has said anything: then nobody has to decide any more.
    spoken: AtomicBool,
    cancel: CancellationToken,
}

impl CallTalk {
    /// Says which request of the client the call belongs to now.
    pub(crate) fn aim(&self, target: Target) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.away.store(false, Ordering::Release);
    }

    /// Says that no request of the client is open.
    pub(crate) fn put_away(&self) {
        self.away.store(true, Ordering::Release);
    }

    /// Whether the server has said anything yet.
    pub(crate) fn has_spoken(&self) -> bool {
        self.spoken.load(Ordering::Relaxed)
    }

    fn target(&self) -> Target {
        self.target.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ids(&self) -> TaskIds<'_> {
        TaskIds { tasks: &self.shared.tasks, agent: &self.line.agent, server: &self.line.server }
    }

    fn progress(&self, target: &Target, params: &Bytes) {
        let Some(token) = target.progress.as_deref().and_then(|token| std::str::from_utf8(token).ok()) else { return };
        let Ok(text) = std::str::from_utf8(params) else { return };
        let Some(members) = Members::of(text) else { return };
        let mut draft = Draft::new(text);
        if let Some(old) = members.get("progressToken") {
            draft.replace(old, token);
        }
        self.ids().hide(Runner::Server, false, &members, &mut draft);
        self.send(target, method::PROGRESS, &draft.finish_or(params));
    }

    fn log(&self, target: &Target, params: &[u8]) {
        if target.logs.want(level_of(params)) {
            self.send(target, method::MESSAGE, params);
        }
    }

    fn send(&self, target: &Target, method: &str, params: &[u8]) {
        target.outlet.send(Route::Related(target.id.clone()), notification(method, Some(params)));
    }

    /// Asks a modern client: the call is suspended until its retry.
    async fn ask_by_retry(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        let number = self.questions.fetch_add(1, Ordering::Relaxed);
        if number >= self.shared.settings.rounds {
            return Err(failure("the call has asked too often"));
        }
        let (sender, receiver) = oneshot::channel();
        let question =
            Question { key: format!("q{}", number + 1), method: method.to_owned(), params, answer: Some(sender) };
        let gone = || failure("the client is gone");
        self.said.send(Said::Asked(question)).map_err(|_| gone())?;
        tokio::select! {
            answer = receiver => answer.unwrap_or_else(|_| Err(gone())),
            () = self.cancel.cancelled() => Err(gone()),
            () = tokio::time::sleep(self.shared.settings.ask_timeout) => Err(failure("the client did not answer in time")),
        }
    }

    async fn ask_client(&self, method: &str, params: Bytes) -> Result<Bytes, RpcError> {
        let target = self.target();
        let text = std::str::from_utf8(&params).unwrap_or("{}");
        target.client.can.allow(method, text).map_err(|_| unsupported())?;
        match (self.line.client.era, &target.asker) {
            (Era::Legacy, Some(asker)) => {
                let route = Route::Related(target.id.clone());
                let ids = self.ids();
                let params = with_elicitation_id(params, &*self.shared.entropy);
                let asked = ask_with_task_ids(asker, route, &ids, method, &params);
                tokio::select! {
                    answer = asked => answer,
                    () = self.cancel.cancelled() => Err(failure("the call was cancelled")),
                }
            }
            _ => self.ask_by_retry(method, params).await,
        }
    }
}

impl ClientPeer for CallTalk {
    fn notify(&self, method: &str, params: Bytes) {
        self.spoken.store(true, Ordering::Relaxed);
        if self.away.load(Ordering::Acquire) || !self.notes.take() {
            return;
        }
        let target = self.target();
        match method {
            method::PROGRESS => self.progress(&target, &params),
            method::MESSAGE => self.log(&target, &params),
            _ => {}
        }
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        self.spoken.store(true, Ordering::Relaxed);
        Box::pin(self.ask_client(method, params))
    }

    fn waiting(&self, notice: &Waiting) {
        // The front is gone when the client is; then nobody has to be told.
        let _ = self.said.send(Said::Waiting(notice.clone()));
    }
}

/// Asks a legacy client on behalf of a server, with handles in the place of task ids.
pub(crate) async fn ask_with_task_ids(
    asker: &Asker,
    route: Route,
    ids: &TaskIds<'_>,
    method: &str,
    params: &Bytes,
) -> Result<Bytes, RpcError> {
    let hidden = change(params, |members, draft| ids.hide(Runner::Server, false, members, draft));
    let answer = ids.show_link(&asker.ask(route, method, &hidden).await?);
    let is_task = matches!(method, method::TASKS_GET | method::TASKS_CANCEL);
    Ok(change(&answer, |members, draft| {
        // The client's own tasks; its links to the server's tasks are already the server's again.
        if let Some(place) = is_task.then(|| members.get("taskId")).flatten() {
            hide_client_task(ids, place, draft);
        }
        if let Some(place) = members.object("task").and_then(|task| task.get("taskId")) {
            hide_client_task(ids, place, draft);
        }
    }))
}

/// Legacy elicitations at an address have an id of their own; modern ones do not.
fn with_elicitation_id(raw: Bytes, entropy: &dyn Entropy) -> Bytes {
    let Some(text) = std::str::from_utf8(&raw).ok().filter(|text| text.contains("url")) else { return raw };
    let Some(members) = Members::of(text) else { return raw };
    let mut draft = Draft::new(text);
    if members.string("mode").as_deref() == Some("url") && members.get("elicitationId").is_none() {
        draft.prepend(text, &format!(r#""elicitationId":{}"#, quoted(&handle::draw(entropy))));
    }
    draft.finish_or(&raw)
}

fn hide_client_task<'t>(ids: &TaskIds<'_>, place: &'t str, draft: &mut Draft<'t>) {
    let Some(id) = crate::splice::string(place) else { return };
    let task = crate::tasks::Task { agent: ids.agent.clone(), server: ids.server.clone(), runner: Runner::Client, id };
    draft.replace(place, quoted(&ids.tasks.handle(task)));
}

/// An object under change; itself when it is none.
fn change(raw: &Bytes, edit: impl for<'t> FnOnce(&Members<'t>, &mut Draft<'t>)) -> Bytes {
    let Ok(text) = std::str::from_utf8(raw) else { return raw.clone() };
    let Some(members) = Members::of(text) else { return raw.clone() };
    let mut draft = Draft::new(text);
    edit(&members, &mut draft);
    draft.finish_or(raw)
}
