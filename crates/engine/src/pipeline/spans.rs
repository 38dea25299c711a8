//! Tracing spans of a call and its stages.
//!
//! Names and attributes follow OpenTelemetry's semantic conventions for MCP: the span's name is `{mcp.method.name} {target}`,
//! where the target is the tool's or prompt's name. Invariant: a span holds no argument, no resource URI, no result and no
//! secret. Nothing exports spans yet; they are of level DEBUG, and a disabled span is not computed.

use briefcase_ports::Operation;
use tracing::{Span, debug_span, field::Empty};

use crate::call::{Call, CallContext};

/// The span of a whole call, from the agent's request to its result.
pub(super) fn call(context: &CallContext, call: &Call) -> Span {
    let span = debug_span!(
        "mcp.call",
        otel.name = Empty,
        otel.kind = "server",
        "error.type" = Empty,
        gen_ai.operation.name = Empty,
        gen_ai.tool.name = Empty,
        gen_ai.prompt.name = Empty,
        mcp.method.name = call.request.operation.method(),
        mcp.session.id = Empty,
    );
    describe(&span, context, &call.request.operation);
    span
}

/// The span of the execute stage: the request to the upstream server.
pub(super) fn execute(context: &CallContext, call: &Call) -> Span {
    let span = debug_span!(
        "execute",
        otel.name = Empty,
        otel.kind = "client",
        gen_ai.operation.name = Empty,
        gen_ai.tool.name = Empty,
        gen_ai.prompt.name = Empty,
        mcp.method.name = call.request.operation.method(),
        mcp.session.id = Empty,
    );
    describe(&span, context, &call.request.operation);
    span
}

/// Records the attributes that take time to compute, if the span is enabled.
fn describe(span: &Span, context: &CallContext, operation: &Operation) {
    if span.is_disabled() {
        return;
    }
    let (method, target) = (operation.method(), operation.name());
    let name = if target.is_empty() { method.to_owned() } else { format!("{method} {target}") };
    span.record("otel.name", name);
    span.record("mcp.session.id", tracing::field::display(context.session));
    match operation {
        Operation::CallTool { .. } => {
            span.record("gen_ai.operation.name", "execute_tool");
            span.record("gen_ai.tool.name", target);
        }
        Operation::GetPrompt { .. } => {
            span.record("gen_ai.prompt.name", target);
        }
        Operation::ReadResource { .. } | Operation::Complete { .. } | Operation::FollowUp { .. } => {}
    }
}
