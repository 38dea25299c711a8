//! decide: policy first. If policy requires a person: a grant, a decision that waits for this call, or an approval request.

use std::sync::Arc;

use briefcase_policy::decision::{DenyReason, Risk, Verdict};
use briefcase_types::{ApprovalId, ApprovalRequest, Digest, Refusal, RefusalCode};

use super::{
    CallContext, CallRejection, Validated,
    rejection::unrecorded,
    resolve::{CallTarget, verify_pin_again},
    validate::Arguments,
};
use crate::{
    Engine,
    approval_flow::RequestError,
    approvals::{self, ApprovalConsumed, OpenRequestError, WaitResult},
    call::Call,
    tasks::TaskAction,
};
use briefcase_ports::{ClientPeer, FollowUp, Operation, Waiting};

/// A call that may run, with its permit.
#[derive(Debug)]
pub struct Permitted {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: CallTarget,
    pub(super) arguments: Arguments,
    pub(super) permit: Permit,
}

/// The receipt's word for a call that continues an approved call, so that no new approval request is opened.
const CONTINUED: &str = "continued";

/// The reason why a call may run. Only this file makes one.
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

    /// Whether a person approved this very call, in this round or an earlier one.
    pub(super) fn by_person(&self) -> bool {
        self.approval.is_some() || self.word == CONTINUED
    }
}

/// The third stage.
pub async fn decide(
    engine: &Engine,
    validated: Validated,
    client: &Arc<dyn ClientPeer>,
) -> Result<Permitted, CallRejection> {
    let Validated { context, mut call, mut target, arguments } = validated;
    let mut permit = match verdict(engine, &context, &call, &target, &arguments) {
        Verdict::Allow { policies, grant: None } => Permit { word: "allow", policies, approval: None },
        Verdict::Allow { policies, grant: Some(_) } => Permit { word: "granted", policies, approval: None },
        Verdict::Deny { policies, reason } => return Err(denied(&target, &arguments, policies, reason)),
        Verdict::Ask { policies, fresh } => {
            let only_exact = arguments.beside.bound().is_some() || !undeclared(&call, &target, &arguments).is_empty();
            if continues_approved(&mut call, &target, &arguments, fresh) {
                Permit { word: CONTINUED, policies, approval: None }
            } else if !fresh && granted(&context, &call, &target, &arguments, only_exact) {
                Permit { word: "session_grant", policies, approval: None }
            } else {
                ask(engine, &context, &call, &mut target, &arguments, policies, fresh, client).await?
            }
        }
    };
    // The receipt names what it commits to beside the arguments.
    permit.policies.extend(arguments.beside.names().into_iter().map(|name| format!("with:{name}")));
    if let Operation::FollowUp { method: FollowUp::Subscribe, .. } = &call.request.operation
        && let Some(uri) = arguments.value.get("uri").and_then(serde_json::Value::as_str)
    {
        call.session.note_subscription(&context.server, uri);
    }
    Ok(Permitted { context, call, target, arguments, permit })
}

/// Policy's verdict on the call. The policies of one that asks include the arguments that the tool's schema does not name,
/// so that the approval request and the receipt show them.
fn verdict(engine: &Engine, context: &CallContext, call: &Call, target: &CallTarget, arguments: &Arguments) -> Verdict {
    let (operation, beside) = (&call.request.operation, arguments.beside.bound());
    let verdict =
        engine.authorize(context, &target.authority, operation, target.task(), &arguments.value, beside.as_deref());
    match verdict {
        Verdict::Ask { mut policies, fresh } => {
            let undeclared = undeclared(call, target, arguments);
            policies.extend(undeclared.iter().map(|name| format!("undeclared argument: {name}")));
            Verdict::Ask { policies, fresh }
        }
        verdict => verdict,
    }
}

/// Whether the call continues one that a person approved. While a rule holds everything that leaves, input that no person
/// has seen continues nothing.
fn continues_approved(call: &mut Call, target: &CallTarget, arguments: &Arguments, fresh: bool) -> bool {
    let version = target.authority.version();
    let continued = call.continuation.take().is_some_and(|continuation| {
        continuation.approved && continuation.key == arguments.key && continuation.authority_version == version
    });
    let of_approved = target.task().is_some_and(|task| task.approved_under == Some(version));
    let answers = TaskAction::of(&call.request.operation) == Some(TaskAction::Answer);
    let unseen = fresh && (arguments.beside.has_input() || answers);
    (continued || of_approved) && !unseen
}

fn denial(policies: &[String], reason: DenyReason) -> Refusal {
    let named =
        if policies.is_empty() { "no policy allows it".to_owned() } else { format!("policy {}", policies.join(", ")) };
    Refusal::new(
        RefusalCode::Denied,
        reason.as_str(),
        format!("Policy does not allow this call ({named})."),
        "Do something else, or ask the person to change the policy: `briefcase policy edit`.",
    )
}

fn denied(target: &CallTarget, arguments: &Arguments, policies: Vec<String>, reason: DenyReason) -> CallRejection {
    let refusal = denial(&policies, reason);
    CallRejection::new(target.authority.version(), refusal).with_arguments(arguments.commitment).with_policies(policies)
}

/// The arguments that the tool's accepted schema does not name.
fn undeclared(call: &Call, target: &CallTarget, arguments: &Arguments) -> Vec<String> {
    let Operation::CallTool { tool, .. } = &call.request.operation else { return Vec::new() };
    target.authority.policy().undeclared(&call.request.connection.server, tool, &arguments.value)
}

/// Whether a grant of this session covers exactly this call.
fn granted(context: &CallContext, call: &Call, target: &CallTarget, arguments: &Arguments, only_exact: bool) -> bool {
    match target.task() {
        Some(task) => {
            let subject = approvals::subject(&context.server, task.operation.word(), task.operation.name());
            call.session.covers(&context.server, subject, task.pin, task.exact(), task.beside.is_some())
        }
        None => {
            let exact = approvals::exact(&arguments.canonical, arguments.beside.bound().as_deref());
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
    target: &mut CallTarget,
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
    let approval = engine.open_request(request, arguments.round, Some(context.call)).await.map_err(|reason| {
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
            // The decision may have taken minutes, and the server may list another definition by now.
            if let Err(changed) = verify_pin_again(engine, call, target).await {
                engine.withdraw_request(approval);
                return Err(reject(changed));
            }
            spend(engine, context, call, target, arguments, approval).map_err(reject)
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
    target: &CallTarget,
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
        own_name: target.own_name(),
        pin: target.pin,
        arguments: String::from_utf8_lossy(&arguments.canonical).into_owned(),
        beside: arguments.beside.shown(),
        cost: target.cost.map(|money| money.to_string()),
        class: target.class.as_str().to_owned(),
        risk: risk(context, call, target).as_str().to_owned(),
        labels: engine.labels_of(&context.agent).iter().map(|label| label.as_str().to_owned()).collect(),
        policies: policies.to_vec(),
        authority_version: target.authority.version(),
        once_only: once_only || is_once_only(call, arguments),
        asked: now,
        expires: engine.approvals.expiry(now),
        digest: Digest::labelled("briefcase/unsealed", &[]),
    })
}

fn risk(context: &CallContext, call: &Call, target: &CallTarget) -> Risk {
    let Some(tool) = target.tool_of(call) else { return Risk::Medium };
    target.authority.policy().risk(&context.server, tool).unwrap_or(Risk::High)
}

/// Whether a decision covers this one call only, whatever the policies say.
fn is_once_only(call: &Call, arguments: &Arguments) -> bool {
    !matches!(call.request.operation, Operation::CallTool { .. }) || arguments.beside.has_input()
}

/// Spends the decision on this call, under the authority in force *now*. The call is decided again: it runs only if the
/// person was shown everything that this decision depends on.
fn spend(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &mut CallTarget,
    arguments: &Arguments,
    approval: ApprovalId,
) -> Result<Permit, Refusal> {
    let authority = engine.authority();
    let fits = authority.may_connect(&context.agent) && target.still_accepted(call, &authority);
    let shown = engine.approvals.shown(approval).filter(|_| fits && !call.session.is_closed());
    let Some(shown) = shown else {
        engine.withdraw_request(approval);
        return Err(void(approval));
    };
    target.refresh(call, authority);
    let policies = redecide(engine, context, call, target, arguments, &shown).inspect_err(|_| {
        engine.withdraw_request(approval);
    })?;
    let consumed = engine.spend_approval(&shown, arguments.round).ok_or_else(|| void(approval))?;
    Ok(Permit { word: "approved", policies, approval: Some(consumed) })
}

/// Decides the call again after a person allowed it. Compares what the person was shown with what holds now.
fn redecide(
    engine: &Engine,
    context: &CallContext,
    call: &Call,
    target: &CallTarget,
    arguments: &Arguments,
    shown: &ApprovalRequest,
) -> Result<Vec<String>, Refusal> {
    let document = target.authority.document();
    let allowed = document.servers.get(&context.server).map(|server| &server.settings.forward_meta);
    let sends_allowed = arguments.beside.forwarded().all(|name| allowed.is_some_and(|names| names.contains(name)));
    let same_call = shown.class == target.class.as_str()
        && shown.cost == target.cost.map(|money| money.to_string())
        && shown.risk == risk(context, call, target).as_str();
    match verdict(engine, context, call, target, arguments) {
        Verdict::Deny { policies, reason } => Err(denial(&policies, reason)),
        Verdict::Allow { .. } if same_call && sends_allowed => Ok(shown.policies.clone()),
        Verdict::Ask { policies, fresh }
            if same_call
                && sends_allowed
                && policies == shown.policies
                && shown.once_only == (fresh || is_once_only(call, arguments)) =>
        {
            Ok(policies)
        }
        _ => Err(void(shown.id)),
    }
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
        "A person must approve this call first; the approval request is open.",
        "Make exactly the same call again later: it uses the decision. The person decides in the console or with `briefcase approvals`.",
    );
    refusal.approval = Some(approval);
    refusal
}

fn void(approval: ApprovalId) -> Refusal {
    let mut refusal = Refusal::new(
        RefusalCode::ApprovalRequired,
        "void",
        "The approval is no longer valid: the policy, the price, the labels or the server's registration changed after the request, so the person decided on something else.",
        "Make the call again: it opens a new approval request.",
    );
    refusal.approval = Some(approval);
    refusal
}

fn not_opened(reason: OpenRequestError) -> Refusal {
    match reason {
        OpenRequestError::PromptBudget => Refusal::new(
            RefusalCode::Denied,
            "prompt_budget",
            "An approval request for this tool is already open; no second one is opened.",
            "Wait for the decision on the open request, then call again.",
        ),
        OpenRequestError::Cooldown => Refusal::new(
            RefusalCode::Denied,
            "cooldown",
            "A person denied this tool moments ago.",
            "Do something else; a new request is possible in half a minute.",
        ),
        OpenRequestError::Expired => Refusal::new(
            RefusalCode::ApprovalExpired,
            "expired",
            "No person decided in time.",
            "Make the call again to open a new approval request.",
        ),
        OpenRequestError::Denied => {
            Refusal::new(RefusalCode::Denied, "person", "A person denied this call.", "Do something else.")
        }
    }
}
