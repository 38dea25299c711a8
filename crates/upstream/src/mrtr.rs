//! Multi-round-trip requests for a legacy client on a modern server: the server's `inputRequests` become requests to the
//! client, and the request is sent again with the responses.

use std::{collections::BTreeMap, sync::Arc};

use briefcase_json::raw;
use briefcase_mcp::method;
use briefcase_ports::{ClientPeer, Outbound, Reply, RpcError, UpstreamFailure};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    failure::{TransportFailure, protocol},
    params::with_members,
};

/// How often one request may be sent again.
pub(crate) const MAX_ROUNDS: usize = 10;
/// The most input requests in one round.
const MAX_INPUT_REQUESTS: usize = 16;

/// A reply of the kind `input_required`.
#[derive(Debug)]
pub(crate) struct InputRequired {
    requests: BTreeMap<String, Box<RawValue>>,
    state: Option<Box<RawValue>>,
}

/// Reads the reply; `None` when it is final.
pub(crate) fn input_required(name: &str, reply: &Reply) -> Result<Option<InputRequired>, TransportFailure> {
    #[derive(Deserialize)]
    struct ResultObject {
        #[serde(rename = "resultType")]
        kind: Option<String>,
        #[serde(default, rename = "inputRequests")]
        requests: BTreeMap<String, Box<RawValue>>,
        #[serde(rename = "requestState")]
        state: Option<Box<RawValue>>,
    }
    let Reply::Result(raw) = reply else { return Ok(None) };
    if memchr::memmem::find(raw, b"input_required").is_none() {
        return Ok(None);
    }
    let Ok(result) = serde_json::from_slice::<ResultObject>(raw) else { return Ok(None) };
    if result.kind.as_deref() != Some("input_required") {
        return Ok(None);
    }
    let allowed = matches!(name, method::TOOLS_CALL | method::PROMPTS_GET | method::RESOURCES_READ);
    let has_content = !result.requests.is_empty() || result.state.is_some();
    if !allowed || !has_content || result.requests.len() > MAX_INPUT_REQUESTS {
        return Err(protocol("input_required"));
    }
    Ok(Some(InputRequired { requests: result.requests, state: result.state }))
}

/// Sends the input requests to the client, one after the other, and returns the `params` to send next. An error of the
/// client ends the request, except that an elicitation that cannot be shown counts as cancelled.
pub(crate) async fn collect_input(
    required: &InputRequired,
    request: &Outbound,
    peer: &Arc<dyn ClientPeer>,
) -> Result<Result<Bytes, RpcError>, TransportFailure> {
    #[derive(Deserialize)]
    struct InputRequest<'a> {
        method: String,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
    }
    let malformed = || protocol("input_required");
    let mut responses = Vec::new();
    for (key, raw) in &required.requests {
        let input: InputRequest<'_> = serde_json::from_str(raw.get()).map_err(|_| malformed())?;
        if !matches!(&*input.method, method::ELICITATION_CREATE | method::SAMPLING_CREATE_MESSAGE | method::ROOTS_LIST)
        {
            return Err(protocol("input_required"));
        }
        let params = input.params.map_or("{}", RawValue::get).to_owned();
        let answer = tokio::select! {
            () = request.cancel.cancelled() => return Err(UpstreamFailure::Cancelled.into()),
            answer = peer.ask(&input.method, params.into()) => answer,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(_) if input.method == method::ELICITATION_CREATE => Bytes::from_static(br#"{"action":"cancel"}"#),
            Err(error) => return Ok(Err(error)),
        };
        responses.push((key, String::from_utf8(answer.into()).map_err(|_| malformed())?));
    }
    let joined = raw::object(responses.iter().map(|(key, response)| (key.as_str(), response.as_str())));
    let joined = (!responses.is_empty()).then_some(joined.as_str());
    let state = required.state.as_ref().map(|state| state.get());
    let params = with_members(&request.params, &[("inputResponses", joined), ("requestState", state)]);
    params.map(Ok).ok_or_else(malformed)
}
