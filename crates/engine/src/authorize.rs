//! Authorization by policy, and the output filter. Both use facts that the daemon knows, never claims of an agent or a server.

use briefcase_output_filter::{FilterLimits, FilterSpec, MessageShape};
use briefcase_policy::decision::{Action, DenyReason, Facts, Verdict};
use briefcase_ports::{FollowUp, Operation};
use briefcase_types::{AgentId, Refusal, RefusalCode, ServerId};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    Engine,
    active_authority::ActiveAuthority,
    call::CallContext,
    tasks::{TaskAction, TaskRecord},
};

/// A request about the URI of a resource.
pub(crate) struct UriUse {
    pub(crate) uri: String,
    /// Whether it ends a subscription.
    ends: bool,
}

impl UriUse {
    /// The URI of an operation. `None` for an operation that names none.
    pub(crate) fn of(operation: &Operation, arguments: &Value) -> Option<Self> {
        let (named, ends) = match operation {
            Operation::ReadResource { .. } | Operation::FollowUp { method: FollowUp::Subscribe, .. } => (true, false),
            Operation::FollowUp { method: FollowUp::Unsubscribe, .. } => (true, true),
            _ => (false, false),
        };
        let uri = arguments.get("uri").and_then(Value::as_str).unwrap_or_default();
        named.then(|| Self { uri: uri.to_owned(), ends })
    }
}

/// The verdict on a request that adds nothing to what was allowed before. A person is asked only where a rule withholds the
/// operation from the agent as it is now: even the fact of such a request tells the server something.
fn of_allowed(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Allow { .. } | Verdict::Ask { fresh: false, .. } => {
            Verdict::Allow { policies: vec!["follows".to_owned()], grant: None }
        }
        held => held,
    }
}

/// Text of a server after the output filter.
pub(crate) struct Clean {
    pub(crate) bytes: Bytes,
    pub(crate) redactions: u64,
}

impl Engine {
    /// Policy's verdict on a call. A request about a task is authorized like the call that created the task, with the labels
    /// that the agent has now.
    pub(crate) fn authorize(
        &self,
        context: &CallContext,
        authority: &ActiveAuthority,
        operation: &Operation,
        task: Option<&TaskRecord>,
        arguments: &Value,
        beside: Option<&str>,
    ) -> Verdict {
        if let (Some(record), Some(act)) = (task, TaskAction::of(operation)) {
            let beside = record.beside.as_deref();
            let verdict = self.authorize(context, authority, &record.operation, task, &record.arguments(), beside);
            return if act.changes() { verdict } else { of_allowed(verdict) };
        }
        let used = UriUse::of(operation, arguments);
        let action = match operation {
            Operation::CallTool { tool, .. } => Action::Call { tool, arguments },
            Operation::ReadResource { uri } => Action::ReadResource { uri },
            Operation::GetPrompt { name, .. } => Action::GetPrompt { prompt: name },
            Operation::Complete { .. } => Action::Complete { params: arguments },
            Operation::FollowUp { .. } => match &used {
                Some(used) => Action::ReadResource { uri: &used.uri },
                // A request about a task that is not registered. None gets here.
                None => return Verdict::Deny { policies: Vec::new(), reason: DenyReason::NothingPermits },
            },
        };
        let now = self.clock.now();
        let labels = self.labels_of(&context.agent);
        let facts = Facts { agent: &context.agent, server: &context.server, action, labels, now };
        let verdict = authority.policy().decide_beside(&facts, beside);
        match (used, verdict) {
            // The session gets no more notifications either way, so no person is asked for the sake of the server.
            (Some(used), Verdict::Ask { policies, fresh: true }) if used.ends => {
                Verdict::Deny { policies, reason: DenyReason::Forbidden }
            }
            // The server has the URI already, and learns that it is no longer wanted.
            (Some(used), verdict) if used.ends && self.is_subscribed(context, &used.uri) => of_allowed(verdict),
            (_, verdict) => verdict,
        }
    }

    fn is_subscribed(&self, context: &CallContext, uri: &str) -> bool {
        self.session(context.session).is_some_and(|session| session.is_subscribed(&context.server, uri))
    }

    /// Policy's verdict on a server's request to the client; `None` for a method that no server may use.
    pub(crate) fn authorize_server_request(&self, agent: &AgentId, server: &ServerId, method: &str) -> Option<Verdict> {
        let action = match method {
            "elicitation/create" => Action::Elicit,
            "sampling/createMessage" => Action::Sample,
            "roots/list" => Action::ListRoots,
            _ => return None,
        };
        let now = self.clock.now();
        let labels = self.labels_of(agent);
        Some(self.authority().policy().decide(&Facts { agent, server, action, labels, now }))
    }

    /// Rejects arguments that contain a credential. A credential must not leave in arguments, whatever the server.
    pub(crate) fn outgoing_secrets(&self, arguments: &Value) -> Result<(), Refusal> {
        if self.all_secrets().is_none_or(|redactor| !redactor.find_in(arguments).is_empty()) {
            return Err(Refusal::new(
                RefusalCode::InvalidArgs,
                "secret_in_arguments",
                "The arguments contain a credential of this briefcase.",
                "Leave the credential out: the briefcase adds it where its server expects it.",
            ));
        }
        Ok(())
    }

    /// The limits of a server's text. A person may allow a server longer messages.
    fn filter_limits(&self, server: &ServerId) -> FilterLimits {
        let authority = self.authority();
        let allowed = authority.document().servers.get(server).and_then(|server| server.settings.message_bytes);
        let allowed = allowed.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let usual = FilterLimits { bytes: self.limits.result, ..FilterLimits::default() };
        FilterLimits { bytes: usual.bytes.max(allowed), blob_bytes: usual.blob_bytes.max(allowed) }
    }

    /// Passes text of a server through the output filter. The error is a stable word.
    pub(crate) fn clean(&self, server: &ServerId, shape: MessageShape<'_>, raw: Bytes) -> Result<Clean, &'static str> {
        let redactor = self.redactor(server).ok_or("redactor")?;
        let limits = self.filter_limits(server);
        let spec = FilterSpec { redactor: &redactor, shape, limits };
        let filtered = briefcase_output_filter::filter(raw, &spec).map_err(|refusal| refusal.reason())?;
        let redactions = filtered.redactions.exact.saturating_add(filtered.redactions.pattern);
        Ok(Clean { bytes: filtered.bytes, redactions })
    }
}
