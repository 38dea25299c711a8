//! reserve: budgets and the intent receipt, before any effect.

use briefcase_policy::{authority::Class, ledger::Reservation};
use briefcase_receipts::{Intent, Kind, Receipt, Text, Word, Words};
use briefcase_types::{Refusal, RefusalCode};

use super::{CallContext, CallRejection, Permitted, rejection::unrecorded, resolve::CallTarget, validate::Arguments};
use crate::{Engine, call::Call};
use briefcase_ports::{Durable, Entry, Overlap, Urgency};

/// A permitted call with a budget reservation and an intent on record.
#[derive(Debug)]
pub struct Reserved {
    pub(super) context: CallContext,
    pub(super) call: Call,
    pub(super) target: CallTarget,
    pub(super) arguments: Arguments,
    pub(super) budget: HeldBudget,
}

/// The reservation, and the intent, which is durable or (for free reads) on its way to the disk. After a failure on that
/// way, the next start records it.
#[derive(Debug)]
pub struct HeldBudget {
    pub(super) reservation: Reservation,
    pub(super) intent: Option<Durable>,
    /// Whether a person approved the call.
    pub(super) by_person: bool,
}

/// The fourth stage.
pub async fn reserve(engine: &Engine, permitted: Permitted) -> Result<Reserved, CallRejection> {
    let Permitted { context, call, target, arguments, permit } = permitted;
    let version = target.authority.version();
    let (reservation, has_room) = engine.reserve(&target.authority, &context, target.cost).map_err(|exceeded| {
        let refusal = Refusal::new(
            RefusalCode::BudgetExceeded,
            "budget",
            format!("The call would exceed a budget: {exceeded}."),
            "Wait for the next window, or ask the person to raise the budget: `briefcase budget set`.",
        );
        CallRejection::new(version, refusal).with_arguments(arguments.commitment).with_policies(permit.policies.clone())
    })?;
    let entry = Entry {
        receipt: Receipt {
            at: engine.clock.now(),
            kind: Kind::Intent(Intent {
                call: context.call,
                agent: context.agent.clone(),
                session: context.session,
                server: context.server.clone(),
                op: Word::lossy(context.operation),
                name: (!context.name.is_empty()).then(|| Text::lossy(&context.name)),
                pin: target.tool.is_some().then_some(target.pin),
                args: Some(arguments.commitment),
                cost: target.cost,
                amount: None,
                authority: version,
                policies: permit.policies.iter().cloned().map(Word::lossy).collect::<Words>(),
                approval: permit.approval(),
                decision: Word::lossy(permit.word),
                labels: target.labels.seen().iter().map(|label| Word::lossy(label.as_str())).collect::<Words>(),
            }),
        },
        opening: (!target.private_arguments).then(|| arguments.recorded.clone()),
    };
    let free_read = target.class == Class::Read && target.cost.is_none() && permit.approval().is_none();
    let overlap = if free_read && has_room {
        engine.journal.append_beside(entry)
    } else {
        Overlap::First(engine.journal.append(entry, Urgency::Now))
    };
    engine.labels.record(&context.agent, target.labels);
    let intent = match overlap {
        Overlap::Beside(durable) => Some(durable),
        Overlap::First(durable) => match engine.durable(durable).await {
            Ok(_) => None,
            Err(error) => {
                engine.give_back(reservation);
                return Err(CallRejection::new(version, unrecorded(&error)).with_arguments(arguments.commitment));
            }
        },
    };
    Ok(Reserved {
        context,
        call,
        target,
        arguments,
        budget: HeldBudget { reservation, intent, by_person: permit.by_person() },
    })
}
