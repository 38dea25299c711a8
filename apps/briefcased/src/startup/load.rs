//! Loads the authority, the definitions and the counts of an open record.

use briefcase_engine::server_texts::is_redacted;
use briefcase_policy::{
    authority::Authority,
    decision::AcceptedDefinitions,
    ledger::{Actual, BudgetIndex, Charge, Event, Ledger},
    pin,
};
use briefcase_presence::FactorCounters;
use briefcase_receipts::{ClockNotice, Kind, Receipt};
use briefcase_store::{Reader, StoreError};

use crate::{
    adapters::{document_digest::document_digest, snapshot},
    open_error::OpenError,
};

/// Loads the authority document that the newest change names. Returns `None` when the record has no change.
pub fn authority(reader: &Reader) -> Result<Option<Authority>, OpenError> {
    let Some(found) = reader.authority(document_digest)? else { return Ok(None) };
    Ok(Some(Authority::decode(&found.document)?))
}

/// Loads the accepted definitions and checks each against its pin.
///
/// A definition that contained a secret is stored without it, so its pin covers other bytes. The authority document binds the
/// stored bytes of every definition, and [`Reader::authority`] checked them.
pub fn definitions(reader: &Reader, authority: &Authority) -> Result<AcceptedDefinitions, OpenError> {
    let mut definitions = AcceptedDefinitions::new();
    for (server, registered) in &authority.servers {
        for accepted in registered.pins.values() {
            let raw =
                reader.definition(&accepted.digest)?.ok_or(OpenError::Tampered("a tool definition is missing"))?;
            let definition = serde_json::from_slice(&raw).map_err(|_| OpenError::Tampered("a tool definition"))?;
            if pin::pin(server, &definition) != accepted.digest && !is_redacted(&raw) {
                return Err(OpenError::Tampered("a tool definition"));
            }
            definitions.add(accepted.digest, &definition);
        }
    }
    Ok(definitions)
}

/// Loads what was spent, and the attempts at the factors. A call without an outcome counts as spent.
pub fn counts(reader: &Reader, index: &BudgetIndex) -> Result<(Ledger, FactorCounters), StoreError> {
    let (mut ledger, counters) = snapshot::replayed(reader, |ledger, receipt| {
        if let Some(event) = ledger_event(receipt) {
            ledger.replay(index, &event);
        }
    })?;
    let _unknown_outcomes_count_as_spent = ledger.close_orphans();
    ledger.prune();
    Ok((ledger, counters))
}

fn ledger_event(receipt: Receipt) -> Option<Event> {
    match receipt.clock_notice() {
        Some(ClockNotice::Ahead { by }) => return Some(Event::ClockStepped { at: receipt.at, by }),
        Some(ClockNotice::Accepted) => return Some(Event::ClockAccepted { at: receipt.at }),
        Some(ClockNotice::Behind { .. }) | None => {}
    }
    match receipt.kind {
        Kind::Intent(intent) => {
            let tool =
                intent.name.and_then(|name| name.as_str().parse().ok()).filter(|_| intent.op.as_str() == "call_tool");
            let charge = Charge {
                call: intent.call,
                agent: intent.agent,
                server: intent.server,
                tool,
                calls: 1,
                cost: intent.cost,
                amount: intent.amount,
            };
            Some(Event::Reserved { charge, at: receipt.at })
        }
        Kind::Outcome(outcome) => Some(Event::Settled { call: outcome.call, actual: Actual::AsReserved }),
        _ => None,
    }
}
