//! Loads the authority, the definitions and the counts of an open record.

use briefcase_engine::{pinned_tools::PinnedTools, server_texts::is_redacted};
use briefcase_policy::{
    authority::Authority,
    decision::AcceptedDefinitions,
    label::Label,
    ledger::{Actual, BudgetIndex, Charge, Event},
};
use briefcase_receipts::{ClockNotice, Kind, LABELLED, Notice, READS_LOST, Receipt};
use briefcase_store::{Reader, StoreError};
use bytes::Bytes;

use crate::{
    adapters::{
        document_digest::document_digest,
        snapshot::{self, Replayed},
    },
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
pub fn definitions(reader: &Reader, authority: &Authority) -> Result<(AcceptedDefinitions, PinnedTools), OpenError> {
    let (mut definitions, pinned) = (AcceptedDefinitions::new(), PinnedTools::default());
    for (server, registered) in &authority.servers {
        for accepted in registered.pins.values() {
            let raw =
                reader.definition(&accepted.digest)?.ok_or(OpenError::Tampered("a tool definition is missing"))?;
            let definition = serde_json::from_slice(&raw).map_err(|_| OpenError::Tampered("a tool definition"))?;
            let may_differ = is_redacted(&raw);
            let is_exact = pinned.add(server, accepted, Bytes::from(raw));
            if is_exact != Some(true) && !may_differ {
                return Err(OpenError::Tampered("a tool definition"));
            }
            definitions.add(accepted.digest, &definition);
        }
    }
    Ok((definitions, pinned))
}

/// Loads what was spent, the attempts at the factors and the labels of agents. A call without an outcome counts as spent.
pub fn counts(reader: &Reader, authority: &Authority) -> Result<Replayed, StoreError> {
    let index = BudgetIndex::new(authority);
    let mut replayed = snapshot::replayed(reader, |replayed, receipt| {
        label(replayed, authority, &receipt);
        if let Some(event) = ledger_event(receipt) {
            replayed.ledger.replay(&index, &event);
        }
    })?;
    let _unknown_outcomes_count_as_spent = replayed.ledger.close_orphans();
    replayed.ledger.prune();
    Ok(replayed)
}

/// Replays the labels in a receipt. The time since then may have passed while no daemon ran, so they count as received now.
fn label(replayed: &mut Replayed, authority: &Authority, receipt: &Receipt) {
    let now = replayed.running;
    match &receipt.kind {
        Kind::Intent(intent) => {
            let labels = intent.labels.iter().filter_map(|word| word.as_str().parse::<Label>().ok()).collect();
            replayed.labels.record(&intent.agent, labels, now);
        }
        Kind::Notice(Notice { what, agent: Some(agent), detail: Some(detail), .. }) if what.as_str() == LABELLED => {
            let labels = detail.as_str().split(' ').filter_map(|word| word.parse::<Label>().ok()).collect();
            replayed.labels.record(agent, labels, now);
        }
        Kind::Restore(_) => replayed.labels.taint(authority.agents.keys(), now),
        _ => {}
    }
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
        Kind::Notice(Notice { what, detail: Some(detail), .. }) if what.as_str() == READS_LOST => {
            // The store writes a number. Another text would be of a newer program, which counts more.
            let reads = detail.as_str().parse().unwrap_or(u64::MAX);
            Some(Event::Lost { reads, at: receipt.at })
        }
        Kind::Outcome(outcome) => Some(Event::Settled { call: outcome.call, actual: Actual::AsReserved }),
        _ => None,
    }
}
