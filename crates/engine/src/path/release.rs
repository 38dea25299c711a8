//! filter and release: the firewall, the labels, the outcome's receipt — and only then the agent.

use std::collections::BTreeMap;

use briefcase_policy::firewall::Shape;
use briefcase_receipts::{Kind, Outcome, Receipt, Word};
use briefcase_types::{Refusal, RefusalCode};
use bytes::Bytes;

use super::{Answered, Stop, Trace};
use crate::{
    Engine,
    call::{Answer, Continuation, Operation, Released},
    inward::Origin,
    ports::{Entry, Reply, RpcError, UpstreamFailure, Urgency},
    tools::Tool,
};

/// What the firewall made of the reply.
enum Filtered {
    Pass { answer: Answer, redactions: u64, status: &'static str },
    Hold { refusal: Refusal, status: String },
}

/// Last stage.
pub async fn release(engine: &Engine, answered: Answered) -> Result<Released, Stop> {
    let Answered { trace, call, target, arguments, hold, reply, took } = answered;
    let shown = Shown { server: &trace.server, shape: shape(&call.operation, target.tool.as_deref()) };
    let filtered = filter(engine, &shown, reply);
    let (filtered, wants_input) = admit_questions(engine, &trace, filtered).await;
    // A fixed price cannot overrun.
    let _ = engine.settle(hold.reservation);
    engine.labels.add(&trace.agent, target.labels, engine.clock.now());
    let (status, released, redacted) = match &filtered {
        Filtered::Pass { .. } if wants_input => ("input_required".to_owned(), bytes_of(&filtered), 0),
        Filtered::Pass { redactions, status, .. } => ((*status).to_owned(), bytes_of(&filtered), *redactions),
        Filtered::Hold { status, .. } => (status.clone(), None, 0),
    };
    let outcome = Outcome {
        call: trace.call,
        intent: None,
        status: Word::lossy(status),
        result: released.as_deref().map(|raw| engine.commit_key.result(&trace.call, raw)),
        bytes: released.as_deref().map_or(0, |raw| u64::try_from(raw.len()).unwrap_or(u64::MAX)),
        redacted,
        millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        cost: target.cost,
    };
    let receipt = Receipt { at: engine.clock.now(), kind: Kind::Outcome(outcome) };
    let durable = engine.journal.append(Entry { receipt, opening: None }, Urgency::Now);
    let index = engine.durable(durable).await.map_err(|error| withheld(&error))?;
    if let Some(intent) = hold.intent {
        engine.durable(intent).await.map_err(|error| withheld(&error))?;
    }
    match filtered {
        Filtered::Pass { answer, .. } => {
            let continuation = wants_input.then(|| Continuation {
                key: arguments.key,
                authority_version: target.standing.version(),
                approved: hold.by_person,
            });
            Ok(Released::new(answer, index, continuation))
        }
        Filtered::Hold { mut refusal, .. } => {
            refusal.receipt = Some(index);
            Err(Stop::after_effect(refusal))
        }
    }
}

/// A modern server asks by answering: what it asks is decided like any question, before the agent's side sees it.
async fn admit_questions(engine: &Engine, trace: &Trace, filtered: Filtered) -> (Filtered, bool) {
    let questions = match &filtered {
        Filtered::Pass { answer: Answer::Result(raw), .. } => match questions(raw) {
            Ok(questions) => questions,
            // What cannot be decided on is not passed on: another reader may find the question in it.
            Err(_) => {
                let refusal = unusable("question_malformed");
                return (Filtered::Hold { refusal, status: "withheld:question_malformed".to_owned() }, false);
            }
        },
        Filtered::Pass { answer: Answer::Error(error), .. } if error.code == URL_ELICITATION => {
            Some(vec![("elicitation/create".to_owned(), error.data.clone().unwrap_or_default())])
        }
        _ => None,
    };
    let Some(questions) = questions else { return (filtered, false) };
    let from = Origin { agent: trace.agent.clone(), session: trace.session, server: trace.server.clone() };
    for (method, params) in questions {
        if engine.permit_question(&from, &method, &params).await.is_err() {
            let refusal = unusable("question_refused");
            return (Filtered::Hold { refusal, status: "withheld:question_refused".to_owned() }, false);
        }
    }
    let wants_input = matches!(&filtered, Filtered::Pass { answer: Answer::Result(_), .. });
    (filtered, wants_input)
}

/// `URLElicitationRequired` of the legacy era.
const URL_ELICITATION: i64 = -32_042;

fn bytes_of(filtered: &Filtered) -> Option<Bytes> {
    match filtered {
        Filtered::Pass { answer: Answer::Result(raw), .. } => Some(raw.clone()),
        Filtered::Pass { answer: Answer::Error(error), .. } => Some(Bytes::copy_from_slice(error.message.as_bytes())),
        Filtered::Hold { .. } => None,
    }
}

fn filter(engine: &Engine, answered: &Shown<'_>, reply: Result<Reply, UpstreamFailure>) -> Filtered {
    match reply {
        Ok(Reply::Result(raw)) => match engine.clean(answered.server, answered.shape, raw) {
            Ok(clean) => {
                let status = if is_tool_error(&clean.bytes) { "tool_error" } else { "ok" };
                Filtered::Pass { answer: Answer::Result(clean.bytes), redactions: clean.redactions, status }
            }
            Err(reason) => Filtered::Hold { refusal: unusable(reason), status: format!("withheld:{reason}") },
        },
        Ok(Reply::Error(error)) => match engine.clean_error(answered.server, error) {
            Ok((error, redactions)) => Filtered::Pass { answer: Answer::Error(error), redactions, status: "rpc_error" },
            Err(reason) => Filtered::Hold { refusal: unusable(reason), status: format!("withheld:{reason}") },
        },
        Err(failure) => {
            let status = failure.reason().to_owned();
            Filtered::Hold { refusal: engine.upstream_refusal(&failure), status }
        }
    }
}

/// What the firewall has to know of a call.
struct Shown<'a> {
    server: &'a briefcase_types::ServerId,
    shape: Shape<'a>,
}

fn shape<'a>(operation: &Operation, tool: Option<&'a Tool>) -> Shape<'a> {
    match operation {
        Operation::CallTool { .. } => Shape::ToolResult(tool.and_then(Tool::output)),
        Operation::ReadResource { .. } | Operation::GetPrompt { .. } => Shape::Content,
        Operation::Complete { .. } | Operation::Follow { .. } => Shape::Other,
    }
}

/// Whether a tool says of itself that it failed.
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

fn unusable(reason: &'static str) -> Refusal {
    Refusal::new(
        RefusalCode::UpstreamError,
        reason,
        format!("The server's answer cannot be passed on ({reason})."),
        "The call may have had its effect. Look at its receipt before calling again.",
    )
}

/// The effect may have happened, but its outcome could not be recorded: the result stays here.
fn withheld(error: &crate::ports::JournalError) -> Stop {
    Stop::after_effect(Refusal::new(
        RefusalCode::Unavailable,
        "withheld",
        format!("The call was sent, but its outcome could not be recorded, so its result is withheld: {error}."),
        "The effect may have happened. Run `briefcase doctor`, repair the state folder, restart `briefcased`: the open intent is then reconciled.",
    ))
}

/// What a modern server wants to know before it can answer; `None` when this is an answer.
fn questions(raw: &[u8]) -> Result<Option<Vec<(String, Bytes)>>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Outline<'a> {
        #[serde(rename = "resultType", borrow, default)]
        result_type: Option<std::borrow::Cow<'a, str>>,
        #[serde(rename = "inputRequests", borrow, default)]
        requests: BTreeMap<std::borrow::Cow<'a, str>, Asked<'a>>,
    }
    #[derive(serde::Deserialize)]
    struct Asked<'a> {
        #[serde(borrow, default)]
        method: std::borrow::Cow<'a, str>,
        #[serde(borrow, default)]
        params: Option<&'a serde_json::value::RawValue>,
    }
    // Spelled out, or hidden in an escape.
    if !contains(raw, b"input_required") && !contains(raw, br"\u") {
        return Ok(None);
    }
    let outline: Outline<'_> = serde_json::from_slice(raw)?;
    if outline.result_type.as_deref() != Some("input_required") {
        return Ok(None);
    }
    let question = |asked: Asked<'_>| {
        let params = asked.params.map_or("{}", |raw| raw.get());
        (asked.method.into_owned(), Bytes::copy_from_slice(params.as_bytes()))
    };
    Ok(Some(outline.requests.into_values().map(question).collect()))
}

impl Engine {
    pub(crate) fn clean_error(
        &self,
        server: &briefcase_types::ServerId,
        error: RpcError,
    ) -> Result<(RpcError, u64), &'static str> {
        let mut text = Vec::new();
        briefcase_json::write_string(&error.message, &mut text);
        let message = self.clean(server, Shape::Other, Bytes::from(text))?;
        let data = error.data.map(|data| self.clean(server, Shape::Other, data)).transpose()?;
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
        let asks = |raw: &str| questions(raw.as_bytes()).map(|found| found.unwrap_or_default().len());
        let request = r#"{"method":"sampling/createMessage","params":{}}"#;
        for kind in ["input_required", r"input\u005frequired", r"\u0069nput_required"] {
            let raw = format!(r#"{{"resultType":"{kind}","inputRequests":{{"a":{request}}}}}"#);
            assert_eq!(asks(&raw).unwrap(), 1, "{raw}");
        }
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
