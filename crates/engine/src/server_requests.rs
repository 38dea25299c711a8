//! Server messages on their way to the client while a call runs. They are filtered and label the agent, and policy decides on
//! the requests among them (elicitation, sampling, roots).

use std::sync::Arc;

use briefcase_json::{JsonLimits, canonical, parse_relayed};
use briefcase_output_filter::MessageShape;
use briefcase_policy::{decision::Verdict, label::Labels};
use briefcase_receipts::{Kind, Notice, Receipt, Text, Word};
use briefcase_types::{AgentId, ApprovalId, ApprovalRequest, Digest, ServerId, SessionId};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    Engine,
    approvals::{self, CallKey, WaitResult},
    call::CallContext,
    secret_requests::SecretRequestVerdict,
};
use briefcase_ports::{BoxFuture, ClientPeer, Entry, JournalError, RpcError, Urgency, Waiting};

/// A [`ClientPeer`] behind the output filter and policy.
pub(crate) struct FilteredClient {
    engine: Arc<Engine>,
    from: RequestOrigin,
    labels: Labels,
    client: Arc<dyn ClientPeer>,
}

/// The origin of a server request: the server, and the session it belongs to.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    /// The agent.
    pub agent: AgentId,
    /// The agent's session.
    pub session: SessionId,
    /// The server.
    pub server: ServerId,
}

impl FilteredClient {
    pub(crate) fn new(
        engine: &Arc<Engine>,
        context: &CallContext,
        labels: Labels,
        client: Arc<dyn ClientPeer>,
    ) -> Self {
        let from =
            RequestOrigin { agent: context.agent.clone(), session: context.session, server: context.server.clone() };
        Self { engine: Arc::clone(engine), from, labels, client }
    }
}

impl ClientPeer for FilteredClient {
    fn notify(&self, method: &str, params: Bytes) {
        // An unsafe notification is dropped. The call itself goes on: its result has checks of its own.
        if let Ok(clean) = self.engine.show(&self.from.agent, &self.from.server, self.labels, params) {
            self.client.notify(method, clean);
        }
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async move {
            let params = self.engine.admit(&self.from, self.labels, method, params).await?;
            let response = self.client.ask(method, params).await;
            let answer = self.engine.admit_response(&self.from, method, response).await?;
            // The answer leaves only while the record can be written.
            let refusal = |error: JournalError| refused(&format!("The answer cannot be passed on: {error}."));
            self.engine.journal.failure().map_or(Ok(answer), |error| Err(refusal(error)))
        })
    }

    fn waiting(&self, notice: &Waiting) {
        self.client.waiting(notice);
    }
}

impl Engine {
    /// Filters text of a server that the agent is about to see outside of a result, and labels the agent.
    ///
    /// # Errors
    /// A stable word, when the text cannot be made safe.
    pub fn show(&self, agent: &AgentId, server: &ServerId, labels: Labels, raw: Bytes) -> Result<Bytes, &'static str> {
        let clean = self.clean(server, MessageShape::Other, raw)?;
        let labels = labels.union(self.tasks.labels_of(agent, server, &clean.bytes));
        // Not waited for: the session that receives the text has a call or a subscription on record.
        drop(self.label(agent, server, labels));
        Ok(clean.bytes)
    }

    /// Filters text of a server without labelling an agent.
    ///
    /// # Errors
    /// A stable word, when the text cannot be made safe.
    pub fn make_safe(&self, server: &ServerId, raw: Bytes) -> Result<Bytes, &'static str> {
        self.clean(server, MessageShape::Other, raw).map(|clean| clean.bytes)
    }

    /// Decides on a server's request to the client (elicitation, sampling, roots) and filters it. Opens an approval request
    /// where policy requires a person.
    ///
    /// # Errors
    /// The JSON-RPC error for the server.
    pub async fn admit(
        &self,
        from: &RequestOrigin,
        labels: Labels,
        method: &str,
        params: Bytes,
    ) -> Result<Bytes, RpcError> {
        let unsafe_text = |_| refused("The request cannot be passed on.");
        // A person decides on the filtered text, and the record keeps that text.
        let params = self.make_safe(&from.server, params).map_err(unsafe_text)?;
        let params = match self.secret_request(&from.server, method, &params) {
            SecretRequestVerdict::Harmless => params,
            SecretRequestVerdict::Marked(marked) => marked,
            SecretRequestVerdict::Refused => {
                self.record_denied_request(from, "secret_asked", method).await;
                return Err(refused("The request asks for a secret of the person. Briefcase refuses such requests."));
            }
        };
        self.permit_server_request(from, method, &params).await?;
        let labelled = self.label_durably(&from.agent, &from.server, labels).await;
        labelled.map_err(|_| refused("The request cannot be passed on because the record cannot be written."))?;
        self.show(&from.agent, &from.server, labels, params).map_err(unsafe_text)
    }

    /// Decides on a server's request. Opens an approval request where policy requires a person.
    pub(crate) async fn permit_server_request(
        &self,
        from: &RequestOrigin,
        method: &str,
        params: &[u8],
    ) -> Result<(), RpcError> {
        let allowed = match self.authorize_server_request(&from.agent, &from.server, method) {
            Some(Verdict::Allow { .. }) => true,
            Some(Verdict::Ask { policies, .. }) => match parse_relayed(params, &JsonLimits::AGENT) {
                Ok(value) => self.ask_person(from, method, method.to_owned(), &value, policies).await,
                Err(_) => false,
            },
            Some(Verdict::Deny { .. }) | None => false,
        };
        if allowed {
            return Ok(());
        }
        self.record_denied_request(from, "question_refused", method).await;
        Err(refused("A person or policy denied this server's request."))
    }

    /// Asks a person about a server's request or the response to it. `shown` is the content. The policies must still ask for
    /// the same reasons when the person has decided.
    pub(crate) async fn ask_person(
        &self,
        from: &RequestOrigin,
        method: &str,
        operation: String,
        shown: &Value,
        policies: Vec<String>,
    ) -> bool {
        let arguments = canonical(shown);
        let now = self.clock.now();
        let pin = Digest::labelled("briefcase/no-pin/1", &[]);
        let key = CallKey::new(&from.agent, &from.server, &operation, &pin, &arguments, None);
        let request = approvals::sealed(ApprovalRequest {
            id: ApprovalId::random(self.entropy.as_ref()),
            agent: from.agent.clone(),
            session: from.session,
            server: from.server.clone(),
            operation,
            name: String::new(),
            own_name: None,
            pin,
            arguments: String::from_utf8_lossy(&arguments).into_owned(),
            beside: None,
            cost: None,
            class: "unknown".to_owned(),
            risk: "medium".to_owned(),
            labels: self.labels_of(&from.agent).iter().map(|label| label.as_str().to_owned()).collect(),
            policies,
            authority_version: self.authority().version(),
            once_only: true,
            asked: now,
            expires: self.approvals.expiry(now),
            digest: pin,
        });
        let Ok(id) = self.open_request(request, key, None).await else { return false };
        if self.wait_for_decision(id, self.limits.approvals.request).await != WaitResult::Allowed {
            return false;
        }
        let Some(shown) = self.approvals.shown(id) else { return false };
        let holds = match self.authorize_server_request(&from.agent, &from.server, method) {
            Some(Verdict::Allow { .. }) => true,
            Some(Verdict::Ask { policies, .. }) => policies == shown.policies,
            Some(Verdict::Deny { .. }) | None => false,
        };
        if !holds {
            self.withdraw_request(id);
        }
        holds && self.spend_approval(&shown, key).is_some()
    }

    pub(crate) async fn record_denied_request(&self, from: &RequestOrigin, why: &'static str, method: &str) {
        // Nothing runs either way. A failure of the record shows at the next call.
        self.record_notice(from, why, method.to_owned(), None).await.ok();
    }

    /// Writes a notice about a server's request, with the content that it commits to.
    pub(crate) async fn record_notice(
        &self,
        from: &RequestOrigin,
        what: &'static str,
        detail: String,
        opening: Option<Bytes>,
    ) -> Result<(), JournalError> {
        let notice = Notice {
            what: Word::lossy(what),
            agent: Some(from.agent.clone()),
            server: Some(from.server.clone()),
            detail: Some(Text::lossy(&detail)),
        };
        let receipt = Receipt { at: self.clock.now(), kind: Kind::Notice(notice) };
        self.record(Entry { receipt, opening }, Urgency::Now).await.map(drop)
    }
}

pub(crate) fn refused(message: &str) -> RpcError {
    RpcError { code: -32_000, message: message.to_owned(), data: None }
}
