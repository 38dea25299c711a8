//! decide: policy, then — if policy wants a person — a grant, a waiting answer, or a question.

use std::sync::Arc;

use briefcase_policy::decision::{DenyReason, Risk, Verdict};
use briefcase_types::{ApprovalId, ApprovalRequest, Digest, Refusal, RefusalCode};

use super::{
    CallContext, CallRejection, Validated,
    rejection::unrecorded,
    resolve::{Target, verify_pin_again},
    validate::Arguments,
};
use crate::{
    Engine,
    approval_flow::RequestError,
    approvals::{self, ApprovalConsumed, OpenRequestError, WaitResult},
    call::Call,
};
use briefcase_ports::{ClientPeer, Operation, Waiting};

/// A call that may run, and why.
#[derive(Debug)]
pub struct Permitted {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: Target,
    pub(super) arguments: Arguments,
    pub(super) permit: Permit,
}

/// The word for a call that goes on after its server asked something; only calls that a person allowed do without a new question.
const CONTINUED: &str = "continued";

/// Why a call may run. Made only here.
#[derive(Debug)]
pub struct Permit {
    pub(super) word: &'static str,
    pub(super) policies: Vec<String>,
    approval: Option<ApprovalConsumed>,
}

impl Permit {
    pub(super) fn approval(&self) -> Option<ApprovalId> {
        self.approval.as_ref().map(ApprovalConsumed::id)
    }

    /// Whether a person said yes to this very call, in this round or an earlier one.
    pub(super) fn by_person(&self) -> bool {
        self.approval.is_some() || self.word == CONTINUED
    }
}

/// Third stage.
pub async fn decide(
    engine: &Engine,
    validated: Validated,
    client: &Arc<dyn ClientPeer>,
) -> Result<Permitted, CallRejection> {
    let Validated { context, mut call, mut target, arguments } = validated;
    let permit =
        match engine.authorize(&context, &target.authority, &call.request.operation, target.made(), &arguments.value) {
            Verdict::Allow { policies, grant: None } => Permit { word: "allow", policies, approval: None },
            Verdict::Allow { policies, grant: Some(_) } => Permit { word: "granted", policies, approval: None },
            Verdict::Deny { policies, reason } => return Err(denied(&target, &arguments, policies, reason)),
            Verdict::Ask { mut policies, fresh } => {
                let undeclared = undeclared(&call, &target, &arguments);
                // The person is shown which: in what they are asked, and in its receipt.
                policies.extend(undeclared.iter().map(|name| format!("undeclared argument: {name}")));
                let continued = call.continuation.take().is_some_and(|continuation| {
                    continuation.approved
                        && continuation.key == arguments.key
                        && continuation.authority_version == target.authority.version()
                });
                let of_approved =
                    target.made().is_some_and(|made| made.approved_under == Some(target.authority.version()));
                if continued || of_approved {
                    Permit { word: CONTINUED, policies, approval: None }
                } else if !fresh && granted(&context, &call, &target, &arguments, !undeclared.is_empty()) {
                    Permit { word: "session_grant", policies, approval: None }
                } else {
                    ask(engine, &context, &call, &mut target, &arguments, policies, fresh, client).await?
                }
            }
        };
    Ok(Permitted { context, call, target, arguments, permit })
}

fn denied(target: &Target, arguments: &Arguments, policies: Vec<String>, reason: DenyReason) -> CallRejection {
    let named =
        if policies.is_empty() { "no policy allows it".to_owned() } else { format!("policy {}", policies.join(", ")) };
    let refusal = Refusal::new(
        RefusalCode::Denied,
        reason.as_str(),
        format!("Policy does not allow this call ({named})."),
        "Do something else, or ask the person to change the policy: `briefcase policy edit`.",
    );
    CallRejection::new(target.authority.version(), refusal).with_arguments(arguments.commitment).with_policies(policies)
}

/// The arguments that the tool's accepted schema does not name.
fn undeclared(call: &Call, target: &Target, arguments: &Arguments) -> Vec<String> {
    let Operation::CallTool { tool, .. } = &call.request.operation else { return Vec::new() };
    target.authority.policy().undeclared(&call.request.connection.server, tool, &arguments.value)
}

/// A permission for this session that covers exactly this.
fn granted(context: &CallContext, call: &Call, target: &Target, arguments: &Arguments, only_exact: bool) -> bool {
    match target.made() {
        Some(made) => {
            let subject = approvals::subject(&context.server, made.operation.word(), made.operation.name());
            call.session.covers(&context.server, subject, made.pin, made.exact(), false)
        }
        None => {
            let exact = Digest::sha256(&arguments.canonical);
            let subject = approvals::subject(&context.server, context.operation, &context.name);
            call.session.covers(&context.server, subject, target.pin, exact, only_exact)
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the whole call is what is asked about")]
async fn ask(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &mut Target,
    arguments: &Arguments,
    policies: Vec<String>,
    once_only: bool,
    client: &Arc<dyn ClientPeer>,
) -> Result<Permit, CallRejection> {
    let version = target.authority.version();
    let reject = |refusal: Refusal| {
        CallRejection::new(version, refusal).with_arguments(arguments.commitment).with_policies(policies.clone())
    };
    let request = approval_request(engine, context, call, target, arguments, &policies, once_only);
    let expires = request.expires;
    let approval = engine.open_request(request, arguments.key, Some(context.call)).await.map_err(|reason| {
        reject(match reason {
            RequestError::NotOpened(reason) => not_opened(reason),
            RequestError::Journal(error) => unrecorded(&error),
        })
    })?;
    let tool = target.tool_of(call).cloned();
    client.waiting(&Waiting { approval, server: context.server.clone(), tool, expires });
    let waited = tokio::select! {
        waited = engine.wait_for_decision(approval, call.request.approval_timeout) => waited,
        () = call.request.cancel.cancelled() => return Err(reject(cancelled(engine, approval))),
    };
    match waited {
        WaitResult::Allowed => {
            // The person may have taken minutes: the server may show another definition by now.
            if let Err(changed) = verify_pin_again(engine, call, target).await {
                engine.withdraw_request(approval);
                return Err(reject(changed));
            }
            spend(engine, context, call, target, arguments, approval, policies.clone())
                .ok_or_else(|| reject(void(approval)))
        }
        WaitResult::Denied => Err(reject(not_opened(OpenRequestError::Denied))),
        WaitResult::Expired => Err(reject(not_opened(OpenRequestError::Expired))),
        WaitResult::TimedOut => Err(reject(still_open(approval))),
    }
}

fn approval_request(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &Target,
    arguments: &Arguments,
    policies: &[String],
    once_only: bool,
) -> ApprovalRequest {
    let now = engine.clock.now();
    approvals::sealed(ApprovalRequest {
        id: ApprovalId::random(engine.entropy.as_ref()),
        agent: context.agent.clone(),
        session: context.session,
        server: context.server.clone(),
        operation: context.operation.to_owned(),
        name: context.name.clone(),
        pin: target.pin,
        arguments: String::from_utf8_lossy(&arguments.canonical).into_owned(),
        cost: target.cost.map(|money| money.to_string()),
        class: target.class.as_str().to_owned(),
        risk: risk(context, call, target).as_str().to_owned(),
        labels: engine.labels.labels(&context.agent, now).iter().map(|label| label.as_str().to_owned()).collect(),
        policies: policies.to_vec(),
        authority_version: target.authority.version(),
        once_only: once_only || !matches!(call.request.operation, Operation::CallTool { .. }),
        asked: now,
        expires: engine.approvals.expiry(now),
        digest: Digest::labelled("briefcase/unsealed", &[]),
    })
}

fn risk(context: &CallContext, call: &Call, target: &Target) -> Risk {
    let Some(tool) = target.tool_of(call) else { return Risk::Medium };
    target.authority.policy().risk(&context.server, tool).unwrap_or(Risk::High)
}

/// Takes the answer for this call, under the authority as it is *now*: what changed while the call waited counts.
fn spend(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &mut Target,
    arguments: &Arguments,
    approval: ApprovalId,
    policies: Vec<String>,
) -> Option<Permit> {
    let authority = engine.authority();
    let fits = authority.may_connect(&context.agent) && target.still_accepted(call, &authority);
    if call.session.is_closed() || !fits {
        engine.withdraw_request(approval);
        return None;
    }
    let consumed = engine.spend_approval(approval, arguments.key, authority.version())?;
    target.authority = authority;
    if let Verdict::Deny { .. } =
        engine.authorize(context, &target.authority, &call.request.operation, target.made(), &arguments.value)
    {
        return None;
    }
    Some(Permit { word: "approved", policies, approval: Some(consumed) })
}

fn cancelled(engine: &Engine, approval: ApprovalId) -> Refusal {
    engine.cancel_request(approval);
    Refusal::new(
        RefusalCode::ApprovalRequired,
        "cancelled",
        "The call was cancelled while it waited for a person.",
        "Call again.",
    )
}

fn still_open(approval: ApprovalId) -> Refusal {
    let mut refusal = Refusal::new(
        RefusalCode::ApprovalRequired,
        "waiting",
        "A person has to approve this call first; the question is open.",
        "Make exactly the same call again later: it picks the decision up. The person decides in the console or with `briefcase approvals`.",
    );
    refusal.approval = Some(approval);
    refusal
}

fn void(approval: ApprovalId) -> Refusal {
    let mut refusal = Refusal::new(
        RefusalCode::ApprovalRequired,
        "void",
        "The approval no longer fits: the policy, the price or the server's registration changed since it was asked.",
        "Make the call again: a new question is asked.",
    );
    refusal.approval = Some(approval);
    refusal
}

fn not_opened(reason: OpenRequestError) -> Refusal {
    match reason {
        OpenRequestError::PromptBudget => Refusal::new(
            RefusalCode::Denied,
            "prompt_budget",
            "A question for this tool is open already; no second one is asked.",
            "Wait for the decision on the open question, then call again.",
        ),
        OpenRequestError::Cooldown => Refusal::new(
            RefusalCode::Denied,
            "cooldown",
            "A person denied this tool moments ago.",
            "Do something else; asking again is possible in half a minute.",
        ),
        OpenRequestError::Expired => Refusal::new(
            RefusalCode::ApprovalExpired,
            "expired",
            "Nobody answered the question in time.",
            "Make the call again to ask again.",
        ),
        OpenRequestError::Denied => {
            Refusal::new(RefusalCode::Denied, "person", "A person denied this call.", "Do something else.")
        }
    }
}
