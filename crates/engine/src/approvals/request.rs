//! The digests that bind an approval: to a call, to what a person was shown, and to the decision.

use briefcase_types::{AgentId, ApprovalRequest, Decision, Digest, Money, ServerId};
use serde_json::{Value, json};

/// The identity of a call: agent, server, operation, name, pin, canonical arguments and cost.
///
/// Invariant: it is made only from the bytes that will be sent, so that a decision cannot be moved to other bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey(Digest);

impl CallKey {
    /// Computes the key of a call.
    #[must_use]
    pub fn new(
        agent: &AgentId,
        server: &ServerId,
        name: &str,
        pin: &Digest,
        arguments: &[u8],
        cost: Option<Money>,
    ) -> Self {
        let cost = cost.map(|money| money.to_string()).unwrap_or_default();
        Self(Digest::labelled(
            "briefcase/call/1",
            &[
                agent.as_str().as_bytes(),
                server.as_str().as_bytes(),
                name.as_bytes(),
                pin.as_bytes(),
                arguments,
                cost.as_bytes(),
            ],
        ))
    }
}

/// Fills in the request's digest, which covers everything that is shown.
#[must_use]
pub fn sealed(mut request: ApprovalRequest) -> ApprovalRequest {
    let mut shown = json!({
        "agent": request.agent, "arguments": request.arguments, "asked": request.asked,
        "authority_version": request.authority_version, "class": request.class, "cost": request.cost,
        "expires": request.expires, "id": request.id, "labels": request.labels, "name": request.name,
        "once_only": request.once_only, "operation": request.operation, "pin": request.pin,
        "policies": request.policies, "risk": request.risk, "server": request.server, "session": request.session,
    });
    if let (Some(own_name), Some(members)) = (&request.own_name, shown.as_object_mut()) {
        members.insert("own_name".to_owned(), json!(own_name));
    }
    if let (Some(beside), Some(members)) = (&request.beside, shown.as_object_mut()) {
        members.insert("beside".to_owned(), json!(beside));
    }
    request.digest = Digest::labelled("briefcase/approval/1", &[&briefcase_json::canonical(&shown)]);
    request
}

/// The digest of a tool, resource or prompt of a server. Grants, prompt budgets and cool-downs count by it.
#[must_use]
pub fn subject(server: &ServerId, operation: &str, name: &str) -> Digest {
    let parts = [server.as_str().as_bytes(), operation.as_bytes(), name.as_bytes()];
    Digest::labelled("briefcase/subject/1", &parts)
}

/// The digest of exact arguments and the members beside them. Grants of a session use it.
#[must_use]
pub fn exact(arguments: &[u8], beside: Option<&str>) -> Digest {
    let Some(beside) = beside else { return Digest::sha256(arguments) };
    Digest::labelled("briefcase/exact-beside/1", &[arguments, beside.as_bytes()])
}

/// The digest that a factor's proof is bound to: this request, this decision, this scope.
#[must_use]
pub fn decision_digest(request: &ApprovalRequest, decision: &Decision) -> Digest {
    let decision = briefcase_json::canonical(&serde_json::to_value(decision).unwrap_or(Value::Null));
    Digest::labelled("briefcase/decision/1", &[request.id.as_bytes(), request.digest.as_bytes(), &decision])
}
