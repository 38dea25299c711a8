//! decide: policy, then — if policy wants a person — a grant, a waiting answer, or a question.

use std::sync::Arc;

use briefcase_policy::decision::{DenyReason, Risk, Verdict};
use briefcase_receipts::{Approval, Kind, Receipt, Step};
use briefcase_types::{ApprovalId, CallId, Digest, Refusal, RefusalCode, ServerId};

use super::{
    Stop, Trace, Validated,
    resolve::{Target, look_again},
    stop::unrecorded,
    validate::Arguments,
};
use crate::{
    Engine,
    call::{Call, Operation},
    desk::{ApprovalConsumed, NotAsked, Question, Waited},
};
use briefcase_ports::{ClientPeer, Entry, JournalError, Urgency, Waiting};

/// A call that may run, and why.
#[derive(Debug)]
pub struct Permitted {
    pub(super) trace: Trace,
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
pub async fn decide(engine: &Engine, validated: Validated, talk: &Arc<dyn ClientPeer>) -> Result<Permitted, Stop> {
    let Validated { trace, mut call, mut target, arguments } = validated;
    let permit = match engine.judge(&trace, &call.operation, &target, &arguments.value) {
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
                    && continuation.authority_version == target.standing.version()
            });
            let of_approved = target.made().is_some_and(|made| made.approved_under == Some(target.standing.version()));
            if continued || of_approved {
                Permit { word: CONTINUED, policies, approval: None }
            } else if !fresh && granted(&trace, &call, &target, &arguments, !undeclared.is_empty()) {
                Permit { word: "session_grant", policies, approval: None }
            } else {
                ask(engine, &trace, &call, &mut target, &arguments, policies, fresh, talk).await?
            }
        }
    };
    Ok(Permitted { trace, call, target, arguments, permit })
}

fn denied(target: &Target, arguments: &Arguments, policies: Vec<String>, reason: DenyReason) -> Stop {
    let named =
        if policies.is_empty() { "no policy allows it".to_owned() } else { format!("policy {}", policies.join(", ")) };
    let refusal = Refusal::new(
        RefusalCode::Denied,
        reason.as_str(),
        format!("Policy does not allow this call ({named})."),
        "Do something else, or ask the person to change the policy: `briefcase policy edit`.",
    );
    Stop::new(target.standing.version(), refusal).with_arguments(arguments.commitment).with_policies(policies)
}

/// The arguments that the tool's accepted schema does not name.
fn undeclared(call: &Call, target: &Target, arguments: &Arguments) -> Vec<String> {
    let Operation::CallTool { tool, .. } = &call.operation else { return Vec::new() };
    target.standing.policy().undeclared(&call.line.server, tool, &arguments.value)
}

/// A permission for this session that covers exactly this.
fn granted(trace: &Trace, call: &Call, target: &Target, arguments: &Arguments, only_exact: bool) -> bool {
    match target.made() {
        Some(made) => {
            let subject = subject_of(&trace.server, made.operation.word(), made.operation.name());
            call.session.covers(&trace.server, subject, made.pin, made.exact(), false)
        }
        None => {
            let exact = Digest::sha256(&arguments.canonical);
            call.session.covers(&trace.server, subject(trace), target.pin, exact, only_exact)
        }
    }
}

/// What grants and prompt budgets count by. The same as [`Question::sealed`] computes.
pub(crate) fn subject(trace: &Trace) -> Digest {
    subject_of(&trace.server, trace.operation, &trace.name)
}

fn subject_of(server: &ServerId, operation: &str, name: &str) -> Digest {
    let parts = [server.as_str().as_bytes(), operation.as_bytes(), name.as_bytes()];
    Digest::labelled("briefcase/subject/1", &parts)
}

#[expect(clippy::too_many_arguments, reason = "the whole call is what is asked about")]
async fn ask(
    engine: &Engine,
    trace: &Trace,
    call: &Call,
    target: &mut Target,
    arguments: &Arguments,
    policies: Vec<String>,
    once_only: bool,
    talk: &Arc<dyn ClientPeer>,
) -> Result<Permit, Stop> {
    let version = target.standing.version();
    let stop = |refusal: Refusal| {
        Stop::new(version, refusal).with_arguments(arguments.commitment).with_policies(policies.clone())
    };
    let question = question(engine, trace, call, target, arguments, &policies, once_only);
    let expires = question.expires;
    let approval = engine.put_on_desk(question, Some(trace.call)).await.map_err(|reason| {
        stop(match reason {
            NotOnDesk::NotAsked(reason) => not_asked(reason),
            NotOnDesk::Journal(error) => unrecorded(&error),
        })
    })?;
    let tool = target.tool_of(call).cloned();
    talk.waiting(&Waiting { approval, server: trace.server.clone(), tool, expires });
    let waited = tokio::select! {
        waited = engine.desk.wait(approval, call.patience, || engine.clock.now()) => waited,
        () = call.cancel.cancelled() => return Err(stop(cancelled(engine, approval).await)),
    };
    match waited {
        Waited::Allowed => {
            // The person may have taken minutes: the server may show another definition by now.
            if let Err(changed) = look_again(engine, call, target).await {
                engine.desk.withdraw(approval);
                return Err(stop(changed));
            }
            spend(engine, trace, call, target, arguments, approval, policies.clone())
                .ok_or_else(|| stop(void(approval)))
        }
        Waited::Denied => Err(stop(not_asked(NotAsked::Denied))),
        Waited::Expired => Err(stop(not_asked(NotAsked::Expired))),
        Waited::Patience => Err(stop(still_open(approval))),
    }
}

fn question(
    engine: &Engine,
    trace: &Trace,
    call: &Call,
    target: &Target,
    arguments: &Arguments,
    policies: &[String],
    once_only: bool,
) -> Question {
    let now = engine.clock.now();
    Question {
        id: ApprovalId::random(engine.entropy.as_ref()),
        agent: trace.agent.clone(),
        session: trace.session,
        server: trace.server.clone(),
        operation: trace.operation.to_owned(),
        name: trace.name.clone(),
        pin: target.pin,
        arguments: String::from_utf8_lossy(&arguments.canonical).into_owned(),
        cost: target.cost,
        class: target.class.as_str().to_owned(),
        risk: risk(trace, call, target).as_str().to_owned(),
        labels: engine.labels.labels(&trace.agent, now).iter().map(|label| label.as_str().to_owned()).collect(),
        policies: policies.to_vec(),
        authority_version: target.standing.version(),
        once_only: once_only || !matches!(call.operation, Operation::CallTool { .. }),
        asked: now,
        expires: engine.desk.expiry(now),
        digest: Digest::labelled("briefcase/unsealed", &[]),
        key: arguments.key,
        subject: subject(trace),
    }
    .sealed()
}

fn risk(trace: &Trace, call: &Call, target: &Target) -> Risk {
    let Some(tool) = target.tool_of(call) else { return Risk::Medium };
    target.standing.policy().risk(&trace.server, tool).unwrap_or(Risk::High)
}

/// Why a question is not on the desk.
pub(crate) enum NotOnDesk {
    NotAsked(NotAsked),
    Journal(JournalError),
}

impl Engine {
    /// Puts a question on the desk, or finds the one that stands for the same call. It is shown once its receipt is durable.
    pub(crate) async fn put_on_desk(&self, question: Question, call: Option<CallId>) -> Result<ApprovalId, NotOnDesk> {
        let step = Approval {
            approval: question.id,
            digest: question.digest,
            step: Step::Requested,
            call,
            agent: Some(question.agent.clone()),
            factor: None,
            scope: None,
        };
        let standing = self.desk.ask(question, self.clock.now()).map_err(NotOnDesk::NotAsked)?;
        if standing.opened {
            let receipt = Receipt { at: self.clock.now(), kind: Kind::Approval(step) };
            let recorded = self.record(Entry { receipt, opening: None }, Urgency::Now).await;
            self.desk.opened(standing.id, recorded.is_ok());
            recorded.map_err(NotOnDesk::Journal)?;
        }
        Ok(standing.id)
    }
}

/// Takes the answer for this call, under the authority as it is *now*: what changed while the call waited counts.
fn spend(
    engine: &Engine,
    trace: &Trace,
    call: &Call,
    target: &mut Target,
    arguments: &Arguments,
    approval: ApprovalId,
    policies: Vec<String>,
) -> Option<Permit> {
    let standing = engine.standing();
    let fits = standing.may_connect(&trace.agent) && target.still_accepted(call, &standing);
    if call.session.is_closed() || !fits {
        engine.desk.withdraw(approval);
        return None;
    }
    let consumed = engine.desk.spend(approval, arguments.key, standing.version(), engine.clock.now())?;
    target.standing = standing;
    if let Verdict::Deny { .. } = engine.judge(trace, &call.operation, target, &arguments.value) {
        return None;
    }
    Some(Permit { word: "approved", policies, approval: Some(consumed) })
}

async fn cancelled(engine: &Engine, approval: ApprovalId) -> Refusal {
    if let Some(question) = engine.desk.withdraw(approval) {
        let step = Approval {
            approval,
            digest: question.digest,
            step: Step::Cancelled,
            call: None,
            agent: Some(question.agent.clone()),
            factor: None,
            scope: None,
        };
        let entry = Entry { receipt: Receipt { at: engine.clock.now(), kind: Kind::Approval(step) }, opening: None };
        // The refusal that follows is durable or fails loudly; this step rides along with it.
        drop(engine.journal.append(entry, Urgency::Lazy));
    }
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

fn not_asked(reason: NotAsked) -> Refusal {
    match reason {
        NotAsked::PromptBudget => Refusal::new(
            RefusalCode::Denied,
            "prompt_budget",
            "A question for this tool is open already; no second one is asked.",
            "Wait for the decision on the open question, then call again.",
        ),
        NotAsked::Cooldown => Refusal::new(
            RefusalCode::Denied,
            "cooldown",
            "A person denied this tool moments ago.",
            "Do something else; asking again is possible in half a minute.",
        ),
        NotAsked::Expired => Refusal::new(
            RefusalCode::ApprovalExpired,
            "expired",
            "Nobody answered the question in time.",
            "Make the call again to ask again.",
        ),
        NotAsked::Denied => {
            Refusal::new(RefusalCode::Denied, "person", "A person denied this call.", "Do something else.")
        }
    }
}
