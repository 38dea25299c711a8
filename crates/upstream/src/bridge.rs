//! A legacy client on a modern server: what the server wants to know becomes questions to the client, and the request
//! is sent again with the answers.

use std::{collections::BTreeMap, sync::Arc};

use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, Outbound, Reply, RpcError, UpstreamFailure};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    params::{quoted, with_members},
    related::Failure,
};

/// How often one request may be sent again.
pub(crate) const MOST_ROUNDS: usize = 10;
const MOST_QUESTIONS: usize = 16;

/// What a server wants to know before it answers.
#[derive(Debug)]
pub(crate) struct Asked {
    questions: BTreeMap<String, Box<RawValue>>,
    state: Option<Box<RawValue>>,
}

/// The questions in a reply; `None` when it is an answer.
pub(crate) fn asked(name: &str, reply: &Reply) -> Result<Option<Asked>, Failure> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(rename = "resultType")]
        kind: Option<String>,
        #[serde(default, rename = "inputRequests")]
        questions: BTreeMap<String, Box<RawValue>>,
        #[serde(rename = "requestState")]
        state: Option<Box<RawValue>>,
    }
    let Reply::Result(raw) = reply else { return Ok(None) };
    if memchr::memmem::find(raw, b"input_required").is_none() {
        return Ok(None);
    }
    let Ok(wire) = serde_json::from_slice::<Wire>(raw) else { return Ok(None) };
    if wire.kind.as_deref() != Some("input_required") {
        return Ok(None);
    }
    let may = matches!(name, method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ);
    let says_something = !wire.questions.is_empty() || wire.state.is_some();
    if !may || !says_something || wire.questions.len() > MOST_QUESTIONS {
        return Err(UpstreamFailure::Protocol("input_required").into());
    }
    Ok(Some(Asked { questions: wire.questions, state: wire.state }))
}

/// Asks the client, one question after the other, and returns the `params` to send next. An error of the client ends
/// the request, except that an elicitation that cannot be shown counts as cancelled.
pub(crate) async fn gather(
    asked: &Asked,
    request: &Outbound,
    talk: &Arc<dyn ClientPeer>,
) -> Result<Result<Bytes, RpcError>, Failure> {
    #[derive(Deserialize)]
    struct Question<'a> {
        method: String,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
    }
    let malformed = |_| Failure::from(UpstreamFailure::Protocol("input_required"));
    let mut answers = Vec::new();
    for (key, raw) in &asked.questions {
        let question: Question<'_> = serde_json::from_str(raw.get()).map_err(malformed)?;
        if !matches!(
            &*question.method,
            method::ELICITATION_CREATE | method::SAMPLING_CREATE_MESSAGE | method::ROOTS_LIST
        ) {
            return Err(UpstreamFailure::Protocol("input_required").into());
        }
        let params = question.params.map_or("{}", RawValue::get).to_owned();
        let answer = tokio::select! {
            () = request.cancel.cancelled() => return Err(UpstreamFailure::Cancelled.into()),
            answer = talk.ask(&question.method, params.into()) => answer,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) if question.method == method::ELICITATION_CREATE => Bytes::from_static(br#"{"action":"cancel"}"#),
            Err(error) => return Ok(Err(error)),
        };
        answers.push([&quoted(key), b":".as_slice(), &answer].concat());
    }
    let responses = [b"{".as_slice(), &answers.join(&b','), b"}"].concat();
    let state = asked.state.as_ref().map(|state| state.get().as_bytes());
    let responses = (!answers.is_empty()).then_some(&*responses);
    let params = with_members(&request.params, &[("inputResponses", responses), ("requestState", state)]);
    params.map(Ok).map_err(malformed)
}
