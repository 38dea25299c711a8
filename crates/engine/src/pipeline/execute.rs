//! execute: the only code that sends a call to its server. It accepts a [`Reserved`] call only.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::{CallContext, Reserved, reserve::HeldBudget, resolve::CallTarget, validate::Arguments};
use crate::{Engine, call::Call, server_requests::FilteredClient, tools::Tool};
use briefcase_ports::{ClientPeer, Operation, Outbound, Reply, SendGate, UpstreamFailure};

/// A call that was sent to its server, with the server's reply or the failure.
#[derive(Debug)]
pub struct Answered {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: CallTarget,
    pub(super) arguments: Arguments,
    pub(super) budget: HeldBudget,
    pub(super) reply: Result<Reply, UpstreamFailure>,
    pub(super) took: Duration,
}

/// The fifth stage.
pub async fn execute(engine: &Arc<Engine>, reserved: Reserved, client: Arc<dyn ClientPeer>) -> Answered {
    let Reserved { context, call, target, arguments, budget } = reserved;
    let began = engine.timer.now();
    let outbound = Outbound {
        method: call.request.operation.method(),
        params: params(&call, target.tool.as_deref(), &arguments.canonical),
        timeout: engine.limits.call,
        cancel: call.request.cancel.clone(),
        gate: SendGate::new(Arc::clone(&engine.journal)),
    };
    let filtered = Arc::new(FilteredClient::new(engine, &context, target.labels, client));
    let reply = engine.upstreams.send(&call.request.connection, outbound, filtered).await;
    let took = engine.timer.now().since(began);
    Answered { context, call, target, arguments, budget, reply, took }
}

/// The `params` of the request: the canonical arguments and the members that are passed on.
fn params(call: &Call, target: Option<&Tool>, canonical: &Bytes) -> Bytes {
    let mut out = Vec::with_capacity(canonical.len().saturating_add(256));
    match &call.request.operation {
        Operation::CallTool { tool, .. } => {
            out.extend_from_slice(b"{\"name\":");
            // The server knows its own name only, not an alias of it.
            briefcase_json::write_string(target.map_or(tool.as_str(), Tool::own_name), &mut out);
            out.extend_from_slice(b",\"arguments\":");
            out.extend_from_slice(canonical);
        }
        Operation::GetPrompt { name, .. } => {
            out.extend_from_slice(b"{\"name\":");
            briefcase_json::write_string(name, &mut out);
            out.extend_from_slice(b",\"arguments\":");
            out.extend_from_slice(canonical);
        }
        Operation::ReadResource { .. } | Operation::Complete { .. } | Operation::FollowUp { .. } => {
            // The canonical arguments are the params: drop the closing brace, and members follow.
            out.extend_from_slice(canonical.strip_suffix(b"}").unwrap_or(b"{"));
        }
    }
    let meta = call.request.meta.iter().map(|meta| ("_meta", meta));
    for (name, raw) in call.request.members.iter().map(|(name, raw)| (*name, raw)).chain(meta) {
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        briefcase_json::write_string(name, &mut out);
        out.push(b':');
        out.extend_from_slice(raw);
    }
    out.push(b'}');
    Bytes::from(out)
}
