//! Requests that go through the path: what they name, where they go, and their retries.

use std::sync::Arc;

use briefcase_mcp::ErrorCode;
use briefcase_ports::Era;
use briefcase_types::{Refusal, RefusalCode, ServerId};
use bytes::Bytes;

use crate::{
    abilities::TASKS_EXTENSION,
    answer::Answer,
    conversation::{Inner, required},
    core::{Follow, Operation},
    incoming::Context,
    notices, param_headers,
    parked::{Binding, Parked},
    running::{Blueprint, Running},
    splice::{self, Draft, Members, quoted, string},
    tasks::{Runner, TaskIds},
    verbs::Verb,
};

/// Why there is nothing to ask of a server.
enum NotAsked {
    /// The request is malformed.
    Bad(Answer),
    /// It names nothing in this view.
    Unknown,
}

impl From<Answer> for NotAsked {
    fn from(answer: Answer) -> Self {
        Self::Bad(answer)
    }
}

impl Inner {
    /// `tools/call`, `resources/read`, `prompts/get`, `completion/complete`.
    pub(crate) async fn call(self: &Arc<Self>, context: &Context) -> Answer {
        match self.named(context) {
            Ok((server, operation)) => self.send(context, server, operation).await,
            Err(NotAsked::Bad(answer)) => answer,
            Err(NotAsked::Unknown) => self.unknown(context).await,
        }
    }

    /// What the request names. Decided on the body alone.
    fn named(&self, context: &Context) -> Result<(ServerId, Operation), NotAsked> {
        let members = context.members()?;
        let (server, operation) = match context.verb {
            Verb::CallTool => {
                let name = required(&members, "name")?;
                let (server, tool) = self.view.split_name(&name).ok_or(NotAsked::Unknown)?;
                let tool = tool.parse().map_err(|_| NotAsked::Unknown)?;
                (server, Operation::CallTool { tool, arguments: arguments(&members)? })
            }
            Verb::GetPrompt => {
                let name = required(&members, "name")?;
                let (server, name) = self.view.split_name(&name).ok_or(NotAsked::Unknown)?;
                (server, Operation::GetPrompt { name: name.to_owned(), arguments: arguments(&members)? })
            }
            Verb::Complete => self.completion(&members)?,
            _ => {
                let uri = required(&members, "uri")?;
                let (server, uri) = self.view.split_uri(&uri).ok_or(NotAsked::Unknown)?;
                (server, Operation::ReadResource { uri: uri.to_owned() })
            }
        };
        if self.serves(&server) { Ok((server, operation)) } else { Err(NotAsked::Unknown) }
    }

    fn completion(&self, members: &Members<'_>) -> Result<(ServerId, Operation), NotAsked> {
        let bad = || NotAsked::Bad(Answer::invalid_params("`params.ref` must name a prompt or a resource template"));
        let text = members.without(&["_meta"]);
        let text = std::str::from_utf8(&text).map_err(|_| bad())?;
        let reference = Members::of(text).and_then(|params| params.object("ref")).ok_or_else(bad)?;
        let place = |name| reference.get(name).ok_or_else(bad);
        let (place, by_name) = match reference.string("type").as_deref() {
            Some("ref/prompt") => (place("name")?, true),
            Some("ref/resource") => (place("uri")?, false),
            _ => return Err(bad()),
        };
        let full = string(place).ok_or_else(bad)?;
        let split = if by_name { self.view.split_name(&full) } else { self.view.split_uri(&full) };
        let (server, local) = split.ok_or(NotAsked::Unknown)?;
        let mut draft = Draft::new(text);
        draft.replace(place, quoted(local));
        Ok((server, Operation::Complete { params: draft.finish().into() }))
    }

    /// Sends an operation, or takes up the call that the request continues.
    async fn send(self: &Arc<Self>, context: &Context, server: ServerId, operation: Operation) -> Answer {
        if let Err(answer) = self.check_headers(context, &server, &operation) {
            return answer;
        }
        let members = match context.members() {
            Ok(members) => members,
            Err(answer) => return answer,
        };
        let legacy = context.era() == Era::Legacy;
        let (responses, state) =
            if legacy { (None, None) } else { (members.get("inputResponses"), members.get("requestState")) };
        if responses.is_some_and(|raw| !is_map_of_objects(raw)) {
            return Answer::invalid_params("`params.inputResponses` must be an object of objects");
        }
        let parked = match state {
            None => None,
            Some(state) => match self.take(state, &server, &operation) {
                Some(parked) => Some(parked),
                None => {
                    return Answer::invalid_params(
                        "`requestState` is unknown, expired, already used, or belongs to another request",
                    );
                }
            },
        };
        // Answers to nothing that was asked are no part of a new call: no person would be shown them, and no approval covers them.
        let responses = responses.filter(|_| parked.is_some());
        let copy = |raw: &str| Bytes::copy_from_slice(raw.as_bytes());
        let mut call = self.blueprint(context, server, operation);
        if legacy && let Some(task) = members.get("task") {
            call.members.push(("task", copy(task)));
        }
        let continuation = match parked {
            Some(Parked::Suspended(suspended)) => return self.resume(context, *suspended, responses).await,
            Some(Parked::Answered { state, continuation }) => {
                call.members.extend(state.map(|state| ("requestState", state)));
                continuation
            }
            None => None,
        };
        call.members.extend(responses.map(|raw| ("inputResponses", copy(raw))));
        let running = Running::start(&self.shared, call, continuation, self.target(context));
        self.converse(context, running).await
    }

    /// The call behind a `requestState`.
    fn take(&self, state: &str, server: &ServerId, operation: &Operation) -> Option<Parked> {
        self.shared.parked.take(&string(state)?, &Binding::new(&self.agent, server, operation))
    }

    fn check_headers(&self, context: &Context, server: &ServerId, operation: &Operation) -> Result<(), Answer> {
        let (Some(headers), Operation::CallTool { tool, arguments }) = (&context.headers, operation) else {
            return Ok(());
        };
        if context.era() == Era::Legacy {
            return Ok(());
        }
        let line = self.line(server.clone(), &context.client);
        let Some(definition) = self.shared.core.accepted(&line, tool) else { return Ok(()) };
        let arguments = std::str::from_utf8(arguments).unwrap_or("{}");
        param_headers::check(&definition, arguments, headers)
            .map_err(|mismatch| Answer::error(ErrorCode::HEADER_MISMATCH, mismatch.to_string()))
    }

    pub(crate) fn blueprint(&self, context: &Context, server: ServerId, operation: Operation) -> Blueprint {
        let settings = &self.shared.settings;
        let patient = context.progress.is_some();
        let ids = TaskIds { tasks: &self.shared.tasks, agent: &self.agent, server: &server };
        let meta = context.meta.as_ref().map(|meta| match splice::may_have(meta, "taskId") {
            true => ids.show_link(meta),
            false => meta.clone(),
        });
        let line = self.line(server, &context.client);
        let patience = if patient { settings.patience_with_progress } else { settings.patience };
        Blueprint { line, operation, meta, members: Vec::new(), patience }
    }

    /// Answers a request that names nothing here; the attempt is recorded.
    pub(crate) async fn unknown(&self, context: &Context) -> Answer {
        let message = "Nothing in this view has that name.";
        let next_step = "List what there is and use a name from the list.";
        let refusal = Refusal::new(RefusalCode::InvalidArgs, "unknown_name", message, next_step);
        let method = context.verb.method();
        let refusal = self.shared.core.refuse(&self.agent, self.session, method, refusal).await;
        self.refused(context, &refusal)
    }

    /// `resources/subscribe` and `resources/unsubscribe`.
    pub(crate) async fn subscribe(self: &Arc<Self>, context: &Context) -> Answer {
        let uri = match context.members().and_then(|members| required(&members, "uri")) {
            Ok(uri) => uri,
            Err(answer) => return answer,
        };
        let Some((server, local)) = self.view.split_uri(&uri) else { return self.unknown(context).await };
        if !self.serves(&server) {
            return self.unknown(context).await;
        }
        let (subscribe, local) = (context.verb == Verb::Subscribe, local.to_owned());
        let method = if subscribe { Follow::Subscribe } else { Follow::Unsubscribe };
        if !subscribe && !self.listens.has_session(&server, &local) {
            // An end to nothing is nothing that its server has to hear.
            return Answer::result("{}");
        }
        if subscribe && !self.listens.may_subscribe() {
            return Answer::invalid_params("too many subscriptions");
        }
        let answer = self.follow(context, server.clone(), method, uri_params(&local)).await;
        if matches!(answer, Answer::Result(_)) {
            self.listens.session(&server, &local, subscribe);
        }
        answer
    }

    /// `tasks/*`: leads to the task behind the agent's handle.
    pub(crate) async fn task(self: &Arc<Self>, context: &Context, follow: Follow) -> Answer {
        if context.era() == Era::Modern && !context.client.can.tasks {
            return Answer::missing_capability(&tasks_required());
        }
        let members = match context.members() {
            Ok(members) => members,
            Err(answer) => return answer,
        };
        let handle = match required(&members, "taskId") {
            Ok(handle) => handle,
            Err(answer) => return answer,
        };
        let task = self.shared.tasks.find(&self.agent, Runner::Server, &handle);
        let Some(task) = task.filter(|task| self.serves(&task.server)) else {
            return Answer::invalid_params("there is no task with this id");
        };
        let id = quoted(&task.id);
        // Nothing rides along that the method does not have.
        let responses = members.get("inputResponses").filter(|_| follow == Follow::TaskUpdate);
        let responses = responses.map(|raw| ("inputResponses", raw));
        let params = splice::object([("taskId", id.as_str())].into_iter().chain(responses));
        self.follow(context, task.server, follow, params.into()).await
    }

    /// Follows up on something.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        context: &Context,
        server: ServerId,
        method: Follow,
        params: Bytes,
    ) -> Answer {
        let call = self.blueprint(context, server, Operation::Follow { method, params });
        let running = Running::start(&self.shared, call, None, self.target(context));
        self.converse(context, running).await
    }

    /// `logging/setLevel`: here, and on every server that logs.
    pub(crate) async fn set_level(self: &Arc<Self>, context: &Context) -> Answer {
        let named = context.members().and_then(|members| required(&members, "level"));
        let Some(level) = named.as_deref().ok().and_then(notices::level) else {
            return Answer::invalid_params("`params.level` must be a log level");
        };
        self.level.store(level, std::sync::atomic::Ordering::Relaxed);
        let params = Bytes::from(splice::object([("level", quoted(named.as_deref().unwrap_or_default()).as_str())]));
        let each = self.servers().into_iter().map(|server| {
            let params = params.clone();
            async move {
                let line = self.line(server.clone(), &context.client);
                let info = self.shared.core.info(&line).await;
                if info.is_ok_and(|info| {
                    Members::of_bytes(&info.capabilities).is_some_and(|can| can.get("logging").is_some())
                }) {
                    self.follow(context, server, Follow::SetLevel, params).await;
                }
            }
        });
        // A slow server gets the level later or not at all; what it says is filtered here in any case.
        let _ = tokio::time::timeout(self.shared.settings.list_timeout, futures_util::future::join_all(each)).await;
        Answer::result("{}")
    }
}

/// `arguments`, an object; `{}` when there are none.
fn arguments(members: &Members<'_>) -> Result<Bytes, Answer> {
    match members.get("arguments") {
        None => Ok(Bytes::from_static(b"{}")),
        Some(raw) if raw.starts_with('{') => Ok(Bytes::copy_from_slice(raw.as_bytes())),
        Some(_) => Err(Answer::invalid_params("`params.arguments` must be an object")),
    }
}

fn is_map_of_objects(raw: &str) -> bool {
    Members::of(raw).is_some_and(|map| map.iter().all(|(_, value)| value.starts_with('{')))
}

/// `params` that name one resource.
pub(crate) fn uri_params(uri: &str) -> Bytes {
    splice::object([("uri", quoted(uri).as_str())]).into()
}

/// What a client has to declare to use tasks.
pub(crate) fn tasks_required() -> String {
    format!(r#"{{"extensions":{{"{TASKS_EXTENSION}":{{}}}}}}"#)
}
