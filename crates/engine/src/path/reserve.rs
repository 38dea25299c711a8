//! reserve: budgets and the intent receipt, before any effect.

use briefcase_policy::{authority::Class, ledger::Reservation};
use briefcase_receipts::{Intent, Kind, Receipt, Text, Word, Words};
use briefcase_types::{Refusal, RefusalCode};

use super::{Permitted, Stop, Trace, resolve::Target, stop::unrecorded, validate::Arguments};
use crate::{Engine, call::Call};
use briefcase_ports::{Durable, Entry, Urgency};

/// A call that is permitted, paid for, and on record.
#[derive(Debug)]
pub struct Funded {
    pub(super) trace: Trace,
    pub(super) call: Call,
    pub(super) target: Target,
    pub(super) arguments: Arguments,
    pub(super) hold: Hold,
}

/// The reservation, and the intent that is durable or (for free reads) on its way to the disk.
#[derive(Debug)]
pub struct Hold {
    pub(super) reservation: Reservation,
    pub(super) intent: Option<Durable>,
    /// Whether a person was asked.
    pub(super) by_person: bool,
}

/// Fourth stage.
pub async fn reserve(engine: &Engine, permitted: Permitted) -> Result<Funded, Stop> {
    let Permitted { trace, call, target, arguments, permit } = permitted;
    let version = target.standing.version();
    let reservation = engine.reserve(&target.standing, &trace, target.cost).map_err(|exceeded| {
        let refusal = Refusal::new(
            RefusalCode::BudgetExceeded,
            "budget",
            format!("The call would go past a budget: {exceeded}."),
            "Wait for the next window, or ask the person to raise it: `briefcase budget set`.",
        );
        Stop::new(version, refusal).with_arguments(arguments.commitment).with_policies(permit.policies.clone())
    })?;
    let entry = Entry {
        receipt: Receipt {
            at: engine.clock.now(),
            kind: Kind::Intent(Intent {
                call: trace.call,
                agent: trace.agent.clone(),
                session: trace.session,
                server: trace.server.clone(),
                op: Word::lossy(trace.operation),
                name: (!trace.name.is_empty()).then(|| Text::lossy(&trace.name)),
                pin: target.tool.is_some().then_some(target.pin),
                args: Some(arguments.commitment),
                cost: target.cost,
                authority: version,
                policies: permit.policies.iter().cloned().map(Word::lossy).collect::<Words>(),
                approval: permit.approval(),
                decision: Word::lossy(permit.word),
            }),
        },
        opening: (!target.private_arguments).then(|| arguments.canonical.clone()),
    };
    let free_read = target.class == Class::Read && target.cost.is_none() && permit.approval().is_none();
    let urgency = if free_read { Urgency::Lazy } else { Urgency::Now };
    let durable = engine.journal.append(entry, urgency);
    let intent = if free_read {
        Some(durable)
    } else if let Err(error) = engine.durable(durable).await {
        engine.give_back(reservation);
        return Err(Stop::new(version, unrecorded(&error)).with_arguments(arguments.commitment));
    } else {
        None
    };
    Ok(Funded { trace, call, target, arguments, hold: Hold { reservation, intent, by_person: permit.by_person() } })
}
