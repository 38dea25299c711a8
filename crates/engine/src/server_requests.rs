//! What a server says while a call runs, on its way to the agent: filtered, labelled, and — where it asks something of the
//! agent's side — decided by policy.

use std::sync::Arc;

use briefcase_json::{JsonLimits, canonical, parse_relayed};
use briefcase_output_filter::MessageShape;
use briefcase_policy::{decision::Verdict, label::Labels};
use briefcase_receipts::{Kind, Notice, Receipt, Text, Word};
use briefcase_types::{AgentId, ApprovalId, ApprovalRequest, Digest, ServerId, SessionId};
use bytes::Bytes;

use crate::{
    Engine,
    approvals::{self, CallKey, WaitResult},
    call::CallContext,
};
use briefcase_ports::{BoxFuture, ClientPeer, Entry, RpcError, Urgency, Waiting};

/// A [`ClientPeer`] behind the firewall.
pub(crate) struct FilteredClient {
    engine: Arc<Engine>,
    from: RequestOrigin,
    labels: Labels,
    client: Arc<dyn ClientPeer>,
}

/// Which server asks which agent's side, in which session.
#[derive(Clone, Debug)]
pub struct RequestOrigin {
    /// The agent.
    pub agent: AgentId,
    /// Its session.
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
        // What cannot be made safe is not passed on; the result's own checks speak for the call.
        if let Ok(clean) = self.engine.show(&self.from.agent, &self.from.server, self.labels, params) {
            self.client.notify(method, clean);
        }
    }

    fn ask<'a>(&'a self, method: &'a str, params: Bytes) -> BoxFuture<'a, Result<Bytes, RpcError>> {
        Box::pin(async move {
            let params = self.engine.admit(&self.from, self.labels, method, params).await?;
            self.client.ask(method, params).await
        })
    }

    fn waiting(&self, notice: &Waiting) {
        self.client.waiting(notice);
    }
}

impl Engine {
    /// Cleans text from a server that the agent is about to see outside of a result, and labels the agent.
    ///
    /// # Errors
    /// A stable word, when it cannot be made safe.
    pub fn show(&self, agent: &AgentId, server: &ServerId, labels: Labels, raw: Bytes) -> Result<Bytes, &'static str> {
        let clean = self.clean(server, MessageShape::Other, raw)?;
        let labels = labels.union(self.tasks.labels_of(agent, server, &clean.bytes));
        self.labels.add(agent, labels, self.clock.now());
        Ok(clean.bytes)
    }

    /// Cleans text from a server without labelling anyone.
    ///
    /// # Errors
    /// A stable word, when it cannot be made safe.
    pub fn make_safe(&self, server: &ServerId, raw: Bytes) -> Result<Bytes, &'static str> {
        self.clean(server, MessageShape::Other, raw).map(|clean| clean.bytes)
    }

    /// Decides whether a server may ask the agent's side something (elicitation, sampling, roots), asking a person where
    /// policy wants one, and cleans the question.
    ///
    /// # Errors
    /// The JSON-RPC error that the server gets.
    pub async fn admit(
        &self,
        from: &RequestOrigin,
        labels: Labels,
        method: &str,
        params: Bytes,
    ) -> Result<Bytes, RpcError> {
        self.permit_question(from, method, &params).await?;
        self.show(&from.agent, &from.server, labels, params).map_err(|_| refused("The question cannot be passed on."))
    }

    /// Decides whether a server may ask something, asking a person where policy wants one.
    pub(crate) async fn permit_question(
        &self,
        from: &RequestOrigin,
        method: &str,
        params: &[u8],
    ) -> Result<(), RpcError> {
        let allowed = match self.authorize_server_request(&from.agent, &from.server, method) {
            Some(Verdict::Allow { .. }) => true,
            Some(Verdict::Ask { policies, .. }) => self.ask_person(from, method, params, policies).await,
            Some(Verdict::Deny { .. }) | None => false,
        };
        if allowed {
            return Ok(());
        }
        self.note_refused_question(from, method).await;
        Err(refused("The person or their policy does not let this server ask that."))
    }

    async fn ask_person(&self, from: &RequestOrigin, method: &str, params: &[u8], policies: Vec<String>) -> bool {
        let Ok(value) = parse_relayed(params, &JsonLimits::AGENT) else { return false };
        let arguments = canonical(&value);
        let now = self.clock.now();
        let pin = Digest::labelled("briefcase/no-pin/1", &[]);
        let key = CallKey::new(&from.agent, &from.server, method, &pin, &arguments, None);
        let version = self.authority().version();
        let request = approvals::sealed(ApprovalRequest {
            id: ApprovalId::random(self.entropy.as_ref()),
            agent: from.agent.clone(),
            session: from.session,
            server: from.server.clone(),
            operation: method.to_owned(),
            name: String::new(),
            pin,
            arguments: String::from_utf8_lossy(&arguments).into_owned(),
            cost: None,
            class: "unknown".to_owned(),
            risk: "medium".to_owned(),
            labels: self.labels.labels(&from.agent, now).iter().map(|label| label.as_str().to_owned()).collect(),
            policies,
            authority_version: version,
            once_only: true,
            asked: now,
            expires: self.approvals.expiry(now),
            digest: pin,
        });
        let Ok(id) = self.open_request(request, key, None).await else { return false };
        let waited = self.wait_for_decision(id, self.limits.approvals.request).await;
        waited == WaitResult::Allowed && self.spend_approval(id, key, version).is_some()
    }

    async fn note_refused_question(&self, from: &RequestOrigin, method: &str) {
        let notice = Notice {
            what: Word::lossy("question_refused"),
            agent: Some(from.agent.clone()),
            server: Some(from.server.clone()),
            detail: Some(Text::lossy(method)),
        };
        let receipt = Receipt { at: self.clock.now(), kind: Kind::Notice(notice) };
        // Nothing runs either way; the log's own failure shows at the next call.
        let _ = self.record(Entry { receipt, opening: None }, Urgency::Now).await;
    }
}

fn refused(message: &str) -> RpcError {
    RpcError { code: -32_000, message: message.to_owned(), data: None }
}
