//! release: filter the reply, label the agent, record the outcome, and only then release the reply.

use std::{collections::BTreeMap, sync::Mutex};

use briefcase_json::raw::RawObject;
use briefcase_output_filter::MessageShape;
use briefcase_receipts::{Kind, Outcome, Receipt, Word};
use briefcase_types::{Digest, Refusal, RefusalCode};
use bytes::Bytes;

use super::{Answered, CallContext, CallRejection, Quoted, Validated, resolve::CallTarget, validate::Arguments};
use crate::{
    Engine,
    call::{Call, Continuation, Released},
    secret_requests::SecretRequestVerdict,
    server_requests::RequestOrigin,
    tasks::{self, InputRequests, TaskAction, TaskRecord},
};
use briefcase_ports::{Entry, Operation, Reply, RpcError, UpstreamFailure, Urgency};

/// The reply after the output filter.
enum Filtered {
    Pass { reply: Reply, redactions: u64, status: &'static str },
    Withheld { refusal: Refusal, status: String },
}

/// The last stage's result.
pub enum ReleaseResult {
    /// A reply that may be passed to the agent.
    Released(Released),
    /// The server asks a price and did nothing: the call needs another decision.
    Quoted(Box<Quoted>),
}

/// The last stage.
pub async fn release(engine: &Engine, answered: Answered) -> Result<ReleaseResult, CallRejection> {
    let Answered { context, call, target, arguments, budget, mut reply, took } = answered;
    let quote = if let Err(UpstreamFailure::PaymentRequired(quote)) = &mut reply { quote.take() } else { None };
    let shown = Shown { server: &context.server, shape: shape(&call.request.operation, &target) };
    let filtered = filter(engine, &shown, reply);
    let Admitted { filtered, wants_input, questions } =
        admit_input_requests(engine, &context, target.task(), filtered).await;
    // A fixed price cannot exceed its reservation.
    let _ = engine.settle(budget.reservation);
    // Queued before the outcome, so it is on record when the outcome is.
    drop(engine.label(&context.agent, &context.server, target.labels));
    let (status, released, redacted) = match &filtered {
        Filtered::Pass { .. } if wants_input => ("input_required".to_owned(), bytes_of(&filtered), 0),
        Filtered::Pass { redactions, status, .. } => ((*status).to_owned(), bytes_of(&filtered), *redactions),
        Filtered::Withheld { status, .. } => (status.clone(), None, 0),
    };
    let outcome = Outcome {
        call: context.call,
        intent: None,
        status: Word::lossy(status),
        result: released.as_deref().map(|raw| engine.commit_key.result(&context.call, raw)),
        bytes: released.as_deref().map_or(0, |raw| u64::try_from(raw.len()).unwrap_or(u64::MAX)),
        redacted,
        millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        cost: target.cost,
        amount: None,
    };
    let receipt = Receipt { at: engine.clock.now(), kind: Kind::Outcome(outcome) };
    let durable = engine.journal.append(Entry { receipt, opening: None }, Urgency::Now);
    let index = engine.durable(durable).await.map_err(|error| withheld(&error))?;
    if let Some(intent) = budget.intent {
        engine.durable(intent).await.map_err(|error| withheld(&error))?;
    }
    match filtered {
        Filtered::Pass { reply, .. } => {
            remember_task(engine, &context, &call, &target, &arguments, &reply, budget.by_person, questions);
            let continuation = wants_input.then(|| Continuation {
                key: arguments.key,
                authority_version: target.authority.version(),
                approved: budget.by_person,
            });
            Ok(ReleaseResult::Released(Released::new(reply, index, continuation)))
        }
        Filtered::Withheld { mut refusal, .. } => {
            refusal.receipt = Some(index);
            let Some(quote) = quote else { return Err(CallRejection::after_effect(refusal)) };
            let validated = Validated { context, call, target, arguments };
            Ok(ReleaseResult::Quoted(Box::new(Quoted { validated, quote: *quote, refusal })))
        }
    }
}

/// A filtered reply, after policy decided on its input requests.
struct Admitted {
    filtered: Filtered,
    /// Whether the server needs input before it can answer.
    wants_input: bool,
    /// The input requests by their keys.
    questions: InputRequests,
}

/// Decides on the input requests in a reply, before the client sees them. Modern servers send requests in replies.
///
/// An input request of a task is decided once, however often the task's state is read.
async fn admit_input_requests(
    engine: &Engine,
    context: &CallContext,
    task: Option<&TaskRecord>,
    filtered: Filtered,
) -> Admitted {
    let withhold = |word: &'static str| Admitted {
        filtered: Filtered::Withheld { refusal: unusable(word), status: format!("withheld:{word}") },
        wants_input: false,
        questions: InputRequests::new(),
    };
    let asked = match &filtered {
        Filtered::Pass { reply: Reply::Result(raw), .. } => questions(raw),
        Filtered::Pass { reply: Reply::Error(error), .. } if error.code == URL_ELICITATION => {
            let params = error.data.clone().unwrap_or_default();
            let question = InputRequest { key: String::new(), method: "elicitation/create".to_owned(), params };
            Ok((false, vec![question]))
        }
        _ => Ok((false, Vec::new())),
    };
    // A reply that cannot be parsed is withheld: another parser may find a request in it.
    let Ok((wants_input, asked)) = asked else { return withhold("question_malformed") };
    let from = RequestOrigin { agent: context.agent.clone(), session: context.session, server: context.server.clone() };
    let (mut allowed, mut marked) = (InputRequests::new(), Vec::new());
    for InputRequest { key, method, params } in asked {
        match engine.secret_request(&from.server, &method, &params) {
            SecretRequestVerdict::Harmless => {}
            SecretRequestVerdict::Marked(params) => marked.push((key.clone(), params)),
            SecretRequestVerdict::Refused => {
                engine.record_denied_request(&from, SECRET_ASKED, &method).await;
                return withhold(SECRET_ASKED);
            }
        }
        let digest = Digest::labelled("briefcase/task-question/1", &[method.as_bytes(), &params]);
        let known = task.is_some_and(|task| task.knows(&key, digest));
        if !known && engine.permit_server_request(&from, &method, &params).await.is_err() {
            return withhold("question_refused");
        }
        allowed.insert(key, digest);
    }
    if !tasks::can_note(&allowed) {
        return withhold("question_malformed");
    }
    match with_marks(filtered, &marked) {
        Some(filtered) => Admitted { filtered, wants_input, questions: allowed },
        None => withhold("question_malformed"),
    }
}

/// Replaces the parameters of requests for a secret by marked ones. Returns `None` when the reply has no such request.
fn with_marks(filtered: Filtered, marked: &[(String, Bytes)]) -> Option<Filtered> {
    let Some((_, first)) = marked.first() else { return Some(filtered) };
    let Filtered::Pass { reply, redactions, status } = filtered else { return Some(filtered) };
    let reply = match reply {
        Reply::Error(error) => Reply::Error(RpcError { data: Some(first.clone()), ..error }),
        Reply::Result(raw) => {
            let members = RawObject::from_slice(&raw)?;
            let mut requests = members.get("inputRequests")?.to_owned();
            for (key, params) in marked {
                let all = RawObject::parse(&requests)?;
                let request = all.object(key)?.with(&[("params", Some(std::str::from_utf8(params).ok()?))]);
                requests = all.with(&[(key, Some(&request))]);
            }
            Reply::Result(Bytes::from(members.with(&[("inputRequests", Some(&requests))])))
        }
    };
    Some(Filtered::Pass { reply, redactions, status })
}

/// Registers the task that a call created, or the input requests of an existing task.
#[expect(clippy::too_many_arguments, reason = "a task is remembered with everything about its call")]
fn remember_task(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &CallTarget,
    arguments: &Arguments,
    reply: &Reply,
    by_person: bool,
    questions: InputRequests,
) {
    if let Some(task) = target.task() {
        return task.note(questions);
    }
    let Reply::Result(raw) = reply else { return };
    // Copies, so that the registry does not keep the larger incoming message alive.
    let canonical = || Bytes::copy_from_slice(&arguments.canonical);
    let operation = match &call.request.operation {
        Operation::CallTool { tool, .. } => Operation::CallTool { tool: tool.clone(), arguments: canonical() },
        Operation::GetPrompt { name, .. } => Operation::GetPrompt { name: name.clone(), arguments: canonical() },
        Operation::ReadResource { uri } => Operation::ReadResource { uri: uri.clone() },
        Operation::Complete { .. } | Operation::FollowUp { .. } => return,
    };
    let Some(id) = tasks::created(raw) else { return };
    let task = TaskRecord {
        server: context.server.clone(),
        id,
        operation,
        pin: target.pin,
        class: target.class,
        tool: target.tool.clone(),
        labels: target.labels,
        private_arguments: target.private_arguments,
        beside: arguments.beside.bound(),
        approved_under: by_person.then(|| target.authority.version()),
        questions: Mutex::new(questions),
    };
    let authority = engine.authority();
    engine.tasks.remember(&context.agent, task, |agent| authority.document().agents.contains_key(agent));
}

/// The error `URLElicitationRequired` of the legacy era.
const URL_ELICITATION: i64 = -32_042;

fn bytes_of(filtered: &Filtered) -> Option<Bytes> {
    match filtered {
        Filtered::Pass { reply: Reply::Result(raw), .. } => Some(raw.clone()),
        Filtered::Pass { reply: Reply::Error(error), .. } => Some(Bytes::copy_from_slice(error.message.as_bytes())),
        Filtered::Withheld { .. } => None,
    }
}

fn filter(engine: &Engine, answered: &Shown<'_>, reply: Result<Reply, UpstreamFailure>) -> Filtered {
    match reply {
        Ok(Reply::Result(raw)) => match engine.clean(answered.server, answered.shape, raw) {
            Ok(clean) => {
                let status = if is_tool_error(&clean.bytes) { "tool_error" } else { "ok" };
                Filtered::Pass { reply: Reply::Result(clean.bytes), redactions: clean.redactions, status }
            }
            Err(reason) => Filtered::Withheld { refusal: unusable(reason), status: format!("withheld:{reason}") },
        },
        Ok(Reply::Error(error)) => match engine.clean_error(answered.server, error) {
            Ok((error, redactions)) => Filtered::Pass { reply: Reply::Error(error), redactions, status: "rpc_error" },
            Err(reason) => Filtered::Withheld { refusal: unusable(reason), status: format!("withheld:{reason}") },
        },
        Err(failure) => {
            let status = failure.reason().to_owned();
            Filtered::Withheld { refusal: engine.upstream_refusal(answered.server, &failure), status }
        }
    }
}

/// The properties of a call that the output filter needs.
struct Shown<'a> {
    server: &'a briefcase_types::ServerId,
    shape: MessageShape<'a>,
}

fn shape<'a>(operation: &Operation, target: &'a CallTarget) -> MessageShape<'a> {
    if let (Some(task), Some(act)) = (target.task(), TaskAction::of(operation)) {
        return task.shape(act);
    }
    match operation {
        Operation::CallTool { .. } => MessageShape::ToolResult(target.tool.as_ref().and_then(|tool| tool.output())),
        Operation::ReadResource { .. } | Operation::GetPrompt { .. } => MessageShape::Content,
        Operation::Complete { .. } | Operation::FollowUp { .. } => MessageShape::Other,
    }
}

/// Whether a tool reports its own failure (`isError`).
fn is_tool_error(raw: &[u8]) -> bool {
    const MARK: &[u8] = b"isError";
    #[derive(serde::Deserialize)]
    struct Outline {
        #[serde(rename = "isError", default)]
        is_error: bool,
    }
    contains(raw, MARK) && serde_json::from_slice::<Outline>(raw).is_ok_and(|outline| outline.is_error)
}

fn contains(raw: &[u8], mark: &[u8]) -> bool {
    raw.windows(mark.len()).any(|window| window == mark)
}

/// The reason for a reply that asks the person for a secret.
const SECRET_ASKED: &str = "secret_asked";

fn unusable(reason: &'static str) -> Refusal {
    if reason == SECRET_ASKED {
        return Refusal::new(
            RefusalCode::UpstreamError,
            reason,
            "The server asks the person for a secret, such as a PIN, a password or a key. Briefcase refuses such requests.",
            "A person may allow them: `briefcase server set NAME --ask-for-secrets yes`.",
        );
    }
    Refusal::new(
        RefusalCode::UpstreamError,
        reason,
        format!("The server's reply was withheld ({reason})."),
        "The call may have had its effect. Check its receipt before calling again.",
    )
}

/// The rejection of a call whose outcome could not be recorded. Its effect may have happened; its result is withheld.
fn withheld(error: &briefcase_ports::JournalError) -> CallRejection {
    CallRejection::after_effect(Refusal::new(
        RefusalCode::Unavailable,
        "withheld",
        format!("The call was sent, but its outcome could not be recorded, so its result is withheld: {error}."),
        "The effect may have happened. Run `briefcase doctor`, repair the state folder, restart `briefcased`: the open intent is then reconciled.",
    ))
}

/// An input request in a reply.
struct InputRequest {
    key: String,
    method: String,
    params: Bytes,
}

/// The input requests of a modern server's reply, and whether the server needs the input before it can answer.
fn questions(raw: &[u8]) -> Result<(bool, Vec<InputRequest>), serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Outline<'a> {
        #[serde(rename = "resultType", borrow, default)]
        result_type: Option<std::borrow::Cow<'a, str>>,
        #[serde(rename = "inputRequests", borrow, default)]
        requests: BTreeMap<std::borrow::Cow<'a, str>, Request<'a>>,
    }
    #[derive(serde::Deserialize)]
    struct Request<'a> {
        #[serde(borrow, default)]
        method: std::borrow::Cow<'a, str>,
        #[serde(borrow, default)]
        params: Option<&'a serde_json::value::RawValue>,
    }
    // The names may be spelled out, or hidden in an escape.
    if ![&b"input_required"[..], b"inputRequests", br"\u"].iter().any(|mark| contains(raw, mark)) {
        return Ok((false, Vec::new()));
    }
    let outline: Outline<'_> = serde_json::from_slice(raw)?;
    let question = |(key, asked): (std::borrow::Cow<'_, str>, Request<'_>)| {
        let params = asked.params.map_or("{}", |raw| raw.get());
        InputRequest {
            key: key.into_owned(),
            method: asked.method.into_owned(),
            params: Bytes::copy_from_slice(params.as_bytes()),
        }
    };
    let wants_input = outline.result_type.as_deref() == Some("input_required");
    Ok((wants_input, outline.requests.into_iter().map(question).collect()))
}

impl Engine {
    pub(crate) fn clean_error(
        &self,
        server: &briefcase_types::ServerId,
        error: RpcError,
    ) -> Result<(RpcError, u64), &'static str> {
        let mut text = Vec::new();
        briefcase_json::write_string(&error.message, &mut text);
        let message = self.clean(server, MessageShape::Other, Bytes::from(text))?;
        let data = error.data.map(|data| self.clean(server, MessageShape::Other, data)).transpose()?;
        let redactions = message.redactions.saturating_add(data.as_ref().map_or(0, |data| data.redactions));
        let message = serde_json::from_slice(&message.bytes).map_err(|_| "malformed")?;
        Ok((RpcError { code: error.code, message, data: data.map(|data| data.bytes) }, redactions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_question_passes_as_an_answer() {
        let asks = |raw: &str| questions(raw.as_bytes()).map(|(_, asked)| asked.len());
        let request = r#"{"method":"sampling/createMessage","params":{}}"#;
        for kind in ["input_required", r"input\u005frequired", r"\u0069nput_required"] {
            let raw = format!(r#"{{"resultType":"{kind}","inputRequests":{{"a":{request}}}}}"#);
            assert_eq!(asks(&raw).unwrap(), 1, "{raw}");
        }
        let state = format!(r#"{{"resultType":"complete","taskId":"t","inputRequests":{{"a":{request}}}}}"#);
        assert_eq!(asks(&state).unwrap(), 1, "a task's questions");
        let hidden_key = format!(r#"{{"result\u0054ype":"input_required","input\u0052equests":{{"a":{request}}}}}"#);
        assert_eq!(asks(&hidden_key).unwrap(), 1);
        for bad in [
            format!(r#"{{"resultType":"input_required","inputRequests":{{"a":{request},"b":5}}}}"#),
            r#"{"resultType":"input_required","inputRequests":{"a":{"method":5}}}"#.to_owned(),
            r#"{"resultType":"input_required","inputRequests":[]}"#.to_owned(),
            format!(r#"{{"resultType":"complete","resultType":"input_required","inputRequests":{{"a":{request}}}}}"#),
        ] {
            assert!(asks(&bad).is_err(), "{bad}");
        }
        assert_eq!(asks(r#"{"content":[{"type":"text","text":"input_required \u00e9"}]}"#).unwrap(), 0);
    }
}
