//! Responses of a client to a server's request (elicitation, sampling, roots) on their way to the server.
//!
//! A response is text of the agent that leaves like the arguments of a call. Invariant: it is decided again with the labels
//! of this moment, holds no credential, and is on record before it leaves.

use briefcase_json::{JsonLimits, canonical, parse_strict};
use briefcase_policy::decision::Verdict;
use briefcase_ports::RpcError;
use briefcase_types::CallId;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    Engine,
    server_requests::{RequestOrigin, refused},
};

/// The link to a task in `_meta`.
const RELATED: &str = "io.modelcontextprotocol/related-task";

impl Engine {
    /// Decides on the response to a server's request, records it, and returns what is sent.
    ///
    /// # Errors
    /// The JSON-RPC error for the server. It holds no text of the client.
    pub async fn admit_response(
        &self,
        from: &RequestOrigin,
        method: &str,
        response: Result<Bytes, RpcError>,
    ) -> Result<Bytes, RpcError> {
        let raw = response.map_err(|error| without_text(&error))?;
        match self.check_response(from, method, &raw).await {
            Ok(sent) => Ok(sent),
            Err(reason) => {
                // Nothing leaves either way. A failure of the record shows at the next call.
                self.record_notice(from, "response_refused", format!("{method} {reason}"), None).await.ok();
                Err(refused("The response of the client was not passed on."))
            }
        }
    }

    /// The response as it is sent. The error is a stable word.
    async fn check_response(&self, from: &RequestOrigin, method: &str, raw: &[u8]) -> Result<Bytes, &'static str> {
        let mut response = parse_strict(raw, &JsonLimits::AGENT).map_err(|error| error.reason.as_str())?;
        let members = response.as_object_mut().ok_or("not_an_object")?;
        self.keep_known(from, method, members);
        self.outgoing_secrets(&response).map_err(|_| "secret")?;
        match self.authorize_server_request(&from.agent, &from.server, method) {
            // The person was asked about the request itself, if policy wants that.
            Some(Verdict::Allow { .. } | Verdict::Ask { fresh: false, .. }) => {}
            Some(Verdict::Ask { policies, fresh: true }) if has_content(method, &response) => {
                let operation = format!("{method}/response");
                if !self.ask_person(from, method, operation, &response, policies).await {
                    return Err("person");
                }
            }
            Some(Verdict::Ask { .. }) => {}
            Some(Verdict::Deny { .. }) | None => return Err("policy"),
        }
        let sent = Bytes::from(canonical(&response));
        let call = CallId::random(self.entropy.as_ref());
        let commitment = self.commit_key.arguments(&call, &response).root();
        let detail = format!("{method} call {call} args {commitment}");
        self.record_notice(from, "response_sent", detail, Some(sent.clone())).await.map_err(|_| "record")?;
        Ok(sent)
    }

    /// Removes the members that the method's result does not have. `_meta` keeps the link to a task of this agent only.
    fn keep_known(&self, from: &RequestOrigin, method: &str, members: &mut Map<String, Value>) {
        let known: &[&str] = match method {
            "elicitation/create" => &["action", "content"],
            "sampling/createMessage" => &["role", "content", "model", "stopReason"],
            _ => &["roots"],
        };
        let related = members.get("_meta").and_then(|meta| meta.get(RELATED)?.get("taskId")?.as_str());
        let related = related.filter(|id| self.tasks.find(&from.agent, &from.server, id).is_some());
        let meta = related.map(|id| json!({ RELATED: { "taskId": id } }));
        members.retain(|name, _| known.contains(&name.as_str()));
        if method == "elicitation/create" && members.get("action").and_then(Value::as_str) != Some("accept") {
            members.remove("content");
        }
        members.extend(meta.map(|meta| ("_meta".to_owned(), meta)));
    }
}

/// Whether a response has content of the client. A bare answer to an elicitation has none.
fn has_content(method: &str, response: &Value) -> bool {
    let is_word = |action: &str| matches!(action, "accept" | "decline" | "cancel");
    let bare = response.get("action").and_then(Value::as_str).is_some_and(is_word) && response.get("content").is_none();
    method != "elicitation/create" || !bare
}

/// The client's error without its text: a code of the protocol, and a message of the daemon's own.
fn without_text(error: &RpcError) -> RpcError {
    let (code, message) = match error.code {
        -1 => (-1, "the person or the client rejected the request"),
        -32_601 => (-32_601, "the client has no such method"),
        -32_602 => (-32_602, "the client found the request invalid"),
        _ => (-32_603, "the client could not answer"),
    };
    RpcError { code, message: message.to_owned(), data: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_holds_no_text_of_the_client() {
        for code in [-1, -32_601, -32_602, -32_603, 1_234_567, i64::MIN] {
            let error = RpcError { code, message: "private".into(), data: Some(Bytes::from_static(b"\"private\"")) };
            let sent = without_text(&error);
            assert!(!sent.message.contains("private") && sent.data.is_none(), "{sent:?}");
            assert!([-1, -32_601, -32_602, -32_603].contains(&sent.code), "{sent:?}");
        }
    }
}
