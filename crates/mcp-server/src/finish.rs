//! From the core's outcome to the client's answer, and the bridges between the eras on the way:
//!
//! - modern client, legacy server: what the server asks, and the wait for a person, suspend the call. The client gets
//!   `input_required` and its retry takes the call up again.
//! - modern client, modern server: the server's `requestState` stays here; the client gets a handle.
//!
//! A legacy client on a modern server is the adapter's bridge: here its server only asks, as any legacy server does.

use std::sync::Arc;

use briefcase_mcp::{method, notification};
use briefcase_ports::{Era, RpcError, Waiting};
use briefcase_types::{Refusal, RefusalCode};
use bytes::Bytes;
use tokio::{
    sync::oneshot::error::{RecvError, TryRecvError},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Answer,
    approval, calls,
    conversation::Inner,
    core::{Continuation, Outcome, Verdict},
    incoming::Context,
    outlet::Route,
    parked::{Binding, Parked},
    refusal::unavailable,
    rewrite::Rewriter,
    running::{Blueprint, Question, Running, Said, Suspended},
    splice::{Draft, Members, may_have, object, quoted},
    tasks::TaskIds,
};

/// `-32042`: a legacy server wants addresses opened before the call is made again (2025-11-25).
const URL_ELICITATION_REQUIRED: i64 = -32042;

enum Event {
    Done(Result<Result<Outcome, Refusal>, RecvError>),
    Said(Said),
    Tick,
}

impl Inner {
    /// Stays with a call until the client's request has an answer.
    pub(crate) async fn converse(self: &Arc<Self>, context: &Context, mut running: Running) -> Answer {
        let mut ticks = interval(self.shared.settings.progress_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tick = 0;
        // Ends our own question to a legacy client together with the call.
        let link = CancellationToken::new();
        let _end_link = link.clone().drop_guard();
        loop {
            let event = tokio::select! {
                biased;
                done = &mut running.done => Event::Done(done),
                Some(said) = running.said.recv() => Event::Said(said),
                _ = ticks.tick(), if running.waiting.is_some() && context.progress.is_some() => Event::Tick,
            };
            match event {
                Event::Done(done) => {
                    self.tell_link_done(context, &running);
                    return self.finish(context, &running.call, done);
                }
                Event::Said(Said::Asked(question)) => {
                    return self.suspend(context, running, vec![question]).await;
                }
                Event::Said(Said::Waiting(notice)) => {
                    running.waiting = Some(notice.clone());
                    if running.linked {
                        continue;
                    }
                    if let Some(question) = self.offer_link(context, &notice, &link, &mut running.linked) {
                        return self.suspend(context, running, vec![question]).await;
                    }
                }
                Event::Tick if running.talk.has_spoken() => running.waiting = None,
                Event::Tick => {
                    tick += 1;
                    self.tell_progress(context, running.waiting.as_ref(), tick);
                }
            }
        }
    }

    /// Gives the client the address where a person decides: a legacy client by a request of its own, a modern client by
    /// the question that is returned.
    fn offer_link(
        self: &Arc<Self>,
        context: &Context,
        notice: &Waiting,
        end: &CancellationToken,
        linked: &mut bool,
    ) -> Option<Question> {
        let link = approval::link(&self.shared.settings, notice).filter(|_| context.client.can.url)?;
        let legacy = context.era() == Era::Legacy;
        let params = Bytes::from(approval::elicitation(notice, &link, legacy));
        let method = method::ELICITATION_CREATE;
        if !legacy {
            *linked = context.verb.may_need_input();
            return linked.then(|| Question {
                key: approval::KEY.to_owned(),
                method: method.to_owned(),
                params,
                answer: None,
            });
        }
        *linked = true;
        let (asker, route, end) = (self.asker.clone(), Route::Related(context.id.clone()), end.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                // Whatever the client answers has no authority; the person decides elsewhere.
                _ = asker.ask(route, method, &params) => {}
            }
        });
        None
    }

    /// A legacy client may close what it opened for the person.
    fn tell_link_done(&self, context: &Context, running: &Running) {
        if let (true, Era::Legacy, Some(notice)) = (running.linked, context.era(), &running.waiting) {
            let params = object([("elicitationId", quoted(&notice.approval.to_string()).as_str())]);
            let message = notification(method::ELICITATION_COMPLETE, Some(params.as_bytes()));
            self.outlet.send(Route::Related(context.id.clone()), message);
        }
    }

    fn tell_progress(&self, context: &Context, notice: Option<&Waiting>, tick: u32) {
        let token = context.progress.as_deref().and_then(|token| std::str::from_utf8(token).ok());
        if let (Some(notice), Some(token)) = (notice, token) {
            let link = approval::link(&self.shared.settings, notice);
            let params = approval::progress(notice, token, tick, link.as_deref());
            let message = notification(method::PROGRESS, Some(params.as_bytes()));
            self.outlet.send(Route::Related(context.id.clone()), message);
        }
    }

    /// Answers `input_required` and keeps the running call for the retry.
    async fn suspend(&self, context: &Context, mut running: Running, mut questions: Vec<Question>) -> Answer {
        if !context.verb.may_need_input() {
            // Dropping the question tells the server that nobody will answer.
            return self.refused(context, &unexpected_question());
        }
        running.talk.put_away();
        // What is asked at the same time is answered with one retry.
        tokio::time::sleep(self.shared.settings.gather).await;
        while let Ok(said) = running.said.try_recv() {
            match said {
                Said::Asked(question) => questions.push(question),
                Said::Waiting(notice) => running.waiting = Some(notice),
            }
        }
        let requests = questions.iter().map(|question| {
            let params = String::from_utf8_lossy(&question.params);
            let method = quoted(&question.method);
            (question.key.clone(), object([("method", method.as_str()), ("params", &*params)]))
        });
        let requests: Vec<(String, String)> = requests.collect();
        let requests = object(requests.iter().map(|(key, request)| (key.as_str(), request.as_str())));
        let binding = Binding::new(&self.agent, &running.call.line.server, &running.call.operation);
        let state = self.shared.parked.park(binding, Parked::Suspended(Box::new(Suspended { running, questions })));
        Answer::result(object([
            ("resultType", r#""input_required""#),
            ("inputRequests", requests.as_str()),
            ("requestState", quoted(&state).as_str()),
        ]))
    }

    /// Takes up a suspended call with the client's answers.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        context: &Context,
        suspended: Suspended,
        responses: Option<&str>,
    ) -> Answer {
        let Suspended { mut running, questions } = suspended;
        let responses = responses.and_then(Members::of);
        let mut open = Vec::new();
        for mut question in questions {
            let response = responses.as_ref().and_then(|responses| responses.get(&question.key));
            match (question.answer.take(), response) {
                (Some(answer), Some(raw)) => {
                    // The server may have given up in the meantime.
                    let _ = answer.send(Ok(Bytes::copy_from_slice(raw.as_bytes())));
                }
                (Some(answer), None) => open.push(Question { answer: Some(answer), ..question }),
                (None, _) => {}
            }
        }
        if !open.is_empty() {
            return self.suspend(context, running, open).await;
        }
        let target = self.target(context);
        match running.done.try_recv() {
            // The question outlived the engine's patience; the same call picks the answer up.
            Ok(Err(refusal)) if refusal.code == RefusalCode::ApprovalRequired => {
                running = Running::start(&self.shared, running.call, None, target);
                running.linked = true;
            }
            Ok(done) => return self.finish(context, &running.call, Ok(done)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => running.talk.aim(target),
        }
        self.converse(context, running).await
    }

    fn finish(&self, context: &Context, call: &Blueprint, done: Result<Result<Outcome, Refusal>, RecvError>) -> Answer {
        let outcome = match done {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(refusal)) => return self.refused(context, &refusal),
            Err(_) => {
                let refusal = unavailable("internal", "The call ended without an outcome.", "See the daemon's log.");
                return self.refused(context, &refusal);
            }
        };
        let ids = TaskIds { tasks: &self.shared.tasks, agent: &self.agent, server: &call.line.server };
        let rewriter = Rewriter { view: &self.view, era: context.era(), ids, ttl_ms: self.shared.settings.ttl_ms };
        let raw = match outcome.verdict {
            Verdict::Error(error) => return self.error(context, &rewriter, error),
            Verdict::Result(raw) => raw,
        };
        match (context.era(), kind(&raw).as_deref()) {
            (_, None | Some("complete")) => Answer::Result(rewriter.result(context.verb, raw)),
            (Era::Modern, Some("input_required")) if context.verb.may_need_input() => {
                self.need_input(context, call, &raw, outcome.continuation)
            }
            (_, Some("input_required")) => self.refused(context, &unexpected_question()),
            (Era::Modern, Some("task")) if !context.client.can.tasks => {
                Answer::missing_capability(&calls::tasks_required())
            }
            (Era::Modern, Some(_)) => Answer::Result(rewriter.result(context.verb, raw)),
            (Era::Legacy, Some(_)) => {
                let message = "The server answered with a kind of result that this client does not know.";
                self.refused(context, &upstream("result_type", message))
            }
        }
    }

    fn error(&self, context: &Context, rewriter: &Rewriter<'_>, error: RpcError) -> Answer {
        if context.era() == Era::Modern && error.code == URL_ELICITATION_REQUIRED {
            return match url_questions(&error).filter(|_| context.verb.may_need_input()) {
                Some(_) if !context.client.can.url => Answer::missing_capability(r#"{"elicitation":{"url":{}}}"#),
                Some(requests) => {
                    let kind = ("resultType", r#""input_required""#);
                    Answer::result(object([kind, ("inputRequests", requests.as_str())]))
                }
                None => Answer::Error(RpcError { code: -32603, ..error }),
            };
        }
        Answer::Error(rewriter.error(error))
    }

    /// A modern server's `input_required` for a modern client: our handle in the place of its state.
    fn need_input(
        &self,
        context: &Context,
        call: &Blueprint,
        raw: &Bytes,
        continuation: Option<Continuation>,
    ) -> Answer {
        let bad = || self.refused(context, &upstream("input_required", "The server's question cannot be read."));
        let Ok(text) = std::str::from_utf8(raw) else { return bad() };
        let Some(members) = Members::of(text) else { return bad() };
        if let Some(requests) = members.get("inputRequests") {
            let Some(requests) = Members::of(requests) else { return bad() };
            for (_, request) in requests.iter() {
                let Some((method, params)) = request_parts(request) else { return bad() };
                if let Err(required) = context.client.can.allow(&method, params) {
                    return Answer::missing_capability(required);
                }
            }
        }
        let place = members.get("requestState");
        let state = place.map(|state| Bytes::copy_from_slice(state.as_bytes()));
        let binding = Binding::new(&self.agent, &call.line.server, &call.operation);
        let handle = quoted(&self.shared.parked.park(binding, Parked::Answered { state, continuation }));
        let mut draft = Draft::new(text);
        match place {
            Some(place) => draft.replace(place, handle),
            None => draft.prepend(text, &format!(r#""requestState":{handle}"#)),
        }
        Answer::result(draft.finish())
    }
}

/// A result's `resultType`.
fn kind(raw: &[u8]) -> Option<String> {
    if !may_have(raw, "resultType") {
        return None;
    }
    // A type that is no text is none that a client could know.
    Members::of_bytes(raw)?.get("resultType").map(|kind| crate::splice::string(kind).unwrap_or_else(|| "?".to_owned()))
}

/// Method and raw params of one of `inputRequests`.
fn request_parts(raw: &str) -> Option<(String, &str)> {
    let request = Members::of(raw)?;
    Some((request.string("method")?, request.get("params").unwrap_or("{}")))
}

/// The addresses that a legacy server wants opened, as `inputRequests`.
fn url_questions(error: &RpcError) -> Option<String> {
    let data = error.data.as_deref().and_then(Members::of_bytes)?;
    let elicitations = crate::splice::elements(data.get("elicitations")?)?;
    let method = quoted(method::ELICITATION_CREATE);
    let requests = elicitations.iter().map(|params| object([("method", method.as_str()), ("params", params)]));
    let requests: Vec<(String, String)> =
        requests.enumerate().map(|(place, request)| (format!("q{}", place + 1), request)).collect();
    (!requests.is_empty()).then(|| object(requests.iter().map(|(key, raw)| (key.as_str(), raw.as_str()))))
}

fn upstream(reason: &str, message: &str) -> Refusal {
    let next_step = "Use a client that supports what the server needs, or report this to the server's makers.";
    Refusal::new(RefusalCode::UpstreamError, reason, message, next_step)
}

fn unexpected_question() -> Refusal {
    upstream("unexpected_question", "The server asked for input where it may not.")
}
