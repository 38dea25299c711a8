//! Refusals as agents see them. The crate's documentation has the mapping.

use briefcase_json::raw;
use briefcase_mcp::ErrorCode;
use briefcase_ports::{Reply, RpcError};
use briefcase_types::{Era, Refusal, RefusalCode};

use crate::{methods::Method, request::Request, rewrite};

/// The JSON-RPC code of every refusal that is neither `invalid_args` nor `unavailable`.
pub(crate) const REFUSED: i64 = -31998;

/// A refusal as the reply to a request.
pub(crate) fn reply(request: &Request, refusal: &Refusal) -> Reply {
    match (for_method(request.method, refusal), request.era()) {
        (Reply::Result(raw), Era::Modern) => Reply::Result(rewrite::with_result_type(raw)),
        (reply, _) => reply,
    }
}

fn for_method(method: Method, refusal: &Refusal) -> Reply {
    match method {
        Method::CallTool => Reply::Result(tool_result(refusal).into()),
        _ => Reply::Error(error(refusal)),
    }
}

/// A refusal as a tool's result.
fn tool_result(refusal: &Refusal) -> String {
    let text = raw::quote(&text(refusal));
    let structured = object(refusal);
    format!(r#"{{"content":[{{"type":"text","text":{text}}}],"structuredContent":{structured},"isError":true}}"#)
}

/// A refusal as a JSON-RPC error.
pub(crate) fn error(refusal: &Refusal) -> RpcError {
    let code = match refusal.code {
        RefusalCode::InvalidArgs => ErrorCode::INVALID_PARAMS.0,
        RefusalCode::Unavailable => ErrorCode::UNAVAILABLE.0,
        _ => REFUSED,
    };
    RpcError { code, message: refusal.to_string(), data: Some(object(refusal).into()) }
}

/// The text for the model: code, message, next step, approval and receipt.
fn text(refusal: &Refusal) -> String {
    let mut text = refusal.to_string();
    if let Some(approval) = &refusal.approval {
        text.push_str(&format!(" (approval {approval})"));
    }
    if let Some(receipt) = &refusal.receipt {
        text.push_str(&format!(" (receipt {receipt})"));
    }
    text
}

fn object(refusal: &Refusal) -> String {
    serde_json::to_string(refusal).unwrap_or_else(|_| "{}".to_owned())
}

/// The request cannot be served now.
pub(crate) fn unavailable(reason: &str, message: &str, next_step: &str) -> Refusal {
    Refusal::new(RefusalCode::Unavailable, reason, message, next_step)
}

/// The one server of the view is disabled or removed.
pub(crate) fn not_enabled() -> Refusal {
    let message = "The server of this view is not enabled for this agent.";
    unavailable("server_not_enabled", message, "Enable it with `briefcase server enable NAME`, or open another view.")
}

#[cfg(test)]
mod tests {
    use briefcase_types::{ApprovalId, ReceiptIndex};
    use serde_json::{Value, json};

    use super::*;

    const CODES: [(RefusalCode, &str, i64); 12] = [
        (RefusalCode::InvalidArgs, "invalid_args", -32602),
        (RefusalCode::Denied, "denied", REFUSED),
        (RefusalCode::ApprovalRequired, "approval_required", REFUSED),
        (RefusalCode::ApprovalExpired, "approval_expired", REFUSED),
        (RefusalCode::BudgetExceeded, "budget_exceeded", REFUSED),
        (RefusalCode::OauthRequired, "oauth_required", REFUSED),
        (RefusalCode::PaymentRequired, "payment_required", REFUSED),
        (RefusalCode::Revoked, "revoked", REFUSED),
        (RefusalCode::SandboxViolation, "sandbox_violation", REFUSED),
        (RefusalCode::ToolChanged, "tool_changed", REFUSED),
        (RefusalCode::UpstreamError, "upstream_error", REFUSED),
        (RefusalCode::Unavailable, "unavailable", -31999),
    ];

    #[test]
    fn each_code_has_one_shape_in_results_and_errors() {
        for (code, word, number) in CODES {
            let approval: ApprovalId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
            let mut refusal = Refusal::new(code, "why", "It \"happened\".", "Do this.");
            refusal.receipt = Some(ReceiptIndex(7));
            refusal.approval = (code == RefusalCode::ApprovalRequired).then_some(approval);
            let Reply::Result(raw) = for_method(Method::CallTool, &refusal) else { panic!("a result") };
            let result: Value = serde_json::from_slice(&raw).unwrap();
            let mut expected = json!({
                "code": word, "reason": "why", "message": "It \"happened\".", "next_step": "Do this.", "receipt": "r7"
            });
            if refusal.approval.is_some() {
                expected["approval"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
            }
            assert_eq!(result["isError"], true);
            assert_eq!(result["structuredContent"], expected);
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(text.starts_with(word) && text.contains("Do this.") && text.contains("r7"), "{text}");
            let Reply::Error(error) = for_method(Method::ReadResource, &refusal) else { panic!("an error") };
            assert_eq!(error.code, number, "{word}");
            assert_eq!(serde_json::from_slice::<Value>(&error.data.unwrap()).unwrap(), expected);
        }
    }
}
