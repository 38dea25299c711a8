//! Checks the companions of the log: head file, incarnations, authority document with its records, and ledger.

use briefcase_receipts::checkpoint::{ReceiptLogOrigin, SignedReceiptCheckpoint};
use briefcase_types::Digest;
use rusqlite::Connection;

use super::{Fault, FsckOptions, FsckReport, pass::Seen};
use crate::{
    Place, Seal, StoreError,
    records::Records,
    rows::{self, AuthorityRow},
    writer_state::load::COMPANIONS_EDITED,
};

pub(super) fn run(
    connection: &Connection,
    options: &FsckOptions<'_>,
    heads: Option<&[Option<SignedReceiptCheckpoint>; 2]>,
    seen: &Seen,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    incarnations(seen, heads, report);
    origin(options, seen, report);
    signed(connection, seen, report)?;
    head(heads, report);
    authority(connection, options, seen, report)?;
    definitions(connection, options, report)?;
    ledger(connection, options, seen, report)
}

fn head(heads: Option<&[Option<SignedReceiptCheckpoint>; 2]>, report: &mut FsckReport) {
    match heads {
        None => report.find(Fault::HeadMissing, None, "the file `head` is missing"),
        Some([None, None]) => report.find(Fault::HeadMissing, None, "the file `head` has no head signed by this key"),
        Some([Some(_), Some(_)]) => {}
        Some(_) => report.find(Fault::HeadSlot, None, "one of the two heads in the file `head` is invalid"),
    }
}

/// The start opens the record under the identity of the installation.
fn origin(options: &FsckOptions<'_>, seen: &Seen, report: &mut FsckReport) {
    let Some(expected) = &options.origin else { return };
    if seen.incarnations.last().is_none_or(|(_, found)| found != expected.as_str()) {
        report.find(Fault::Life, None, "the file `identity.json` names another installation or incarnation");
    }
}

/// Compares the rows beside the log with the digest in the newest row, which needs no vault.
fn signed(connection: &Connection, seen: &Seen, report: &mut FsckReport) -> Result<(), StoreError> {
    let Some(signed) = seen.companions else {
        report.unchecked.push("definitions and secrets: this state was written by an earlier version; start it once");
        return Ok(());
    };
    let found = match Records::load(connection) {
        Ok(records) => rows::companions(connection, &records),
        Err(error) => Err(error),
    };
    match found {
        Ok(found) if found == signed => {}
        Ok(_) | Err(StoreError::StateTampered { .. } | StoreError::Damaged { .. }) => {
            report.find(Fault::Companion, None, COMPANIONS_EDITED);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

fn incarnations(seen: &Seen, heads: Option<&[Option<SignedReceiptCheckpoint>; 2]>, report: &mut FsckReport) {
    let origins: Vec<Option<ReceiptLogOrigin>> =
        seen.incarnations.iter().map(|(_, origin)| origin.parse().ok()).collect();
    let known = origins.iter().all(Option::is_some);
    let install = origins.first().and_then(Option::as_ref).map(ReceiptLogOrigin::install);
    let one_install = origins.iter().flatten().all(|origin| Some(origin.install()) == install);
    let distinct = seen.incarnations.iter().zip(seen.incarnations.iter().skip(1)).all(|(a, b)| a.1 != b.1);
    let bounds = seen.incarnations.first().is_some_and(|(first, _)| *first == 0)
        && seen.begun.saturating_add(seen.starts(seen.size)) == seen.incarnations.len();
    let newest =
        heads.into_iter().flatten().flatten().map(SignedReceiptCheckpoint::checkpoint).max_by_key(|head| head.size);
    let current = newest.is_none_or(|head| origins.last().and_then(Option::as_ref) == Some(&head.origin));
    if !(known && one_install && distinct && bounds && current) {
        report.find(Fault::Life, None, "the record's incarnations are not those that signed it");
    }
}

fn authority(
    connection: &Connection,
    options: &FsckOptions<'_>,
    seen: &Seen,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let kept = rows::authorities(connection)?;
    let recorded: Vec<(u64, u64)> = seen.changes.iter().map(|(index, version, _)| (*index, *version)).collect();
    let rows: Vec<(u64, u64)> = kept.iter().map(|row| (row.receipt, row.version)).collect();
    let index = recorded.last().map(|(index, _)| *index);
    if rows != recorded {
        report.find(Fault::Authority, index, "the authority documents are not those of the newest changes");
    }
    let Some(seal) = options.seal.as_deref() else {
        report.unchecked.push("the content of the authority document, the secrets, the openings and the ledger");
        return Ok(());
    };
    let mut records = None;
    for (row, (_, _, document)) in kept.iter().zip(&seen.changes) {
        match open_document(seal, row) {
            None => report.find(Fault::Authority, Some(row.receipt), "the authority document does not open"),
            Some((digest, plain)) => {
                records = Some(digest);
                if options.document_digest.is_some_and(|name| name(&plain) != *document) {
                    report.find(Fault::Authority, Some(row.receipt), "the authority document is not the one recorded");
                }
            }
        }
    }
    let found = match Records::load(connection) {
        Ok(found) => found,
        Err(StoreError::StateTampered { what }) => {
            report.find(Fault::Record, None, what);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let fits = records.map_or(found == Records::default(), |digest| digest == found.digest());
    if !fits {
        report.find(Fault::Record, index, "definitions and secrets are not those of the newest change");
    }
    Ok(())
}

fn open_document(seal: &dyn Seal, row: &AuthorityRow) -> Option<(Digest, Vec<u8>)> {
    let plain = seal.open(Place::Authority { version: row.version }, &row.sealed).ok()?;
    plain.expose(|plain| {
        plain.split_first_chunk::<32>().map(|(records, rest)| (Digest::from_bytes(*records), rest.to_vec()))
    })
}

fn definitions(connection: &Connection, options: &FsckOptions<'_>, report: &mut FsckReport) -> Result<(), StoreError> {
    let Some(pin_of) = options.definition_pin else { return Ok(()) };
    let mut statement = connection.prepare("SELECT pin, raw FROM definition")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (pin, raw): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        if pin_of(&raw).as_bytes()[..] != pin {
            report.find(Fault::Record, None, "a tool definition does not have its pin");
        }
    }
    Ok(())
}

fn ledger(
    connection: &Connection,
    options: &FsckOptions<'_>,
    seen: &Seen,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
    let found = rows::ledger(connection)?;
    let upto = found.as_ref().map(|(upto, _)| upto.0);
    if upto != seen.ledger_upto || rows::uint(count)? != u64::from(found.is_some()) {
        report.find(Fault::Ledger, upto, "the ledger snapshot is not the newest one recorded");
    }
    let (Some((upto, sealed)), Some(seal)) = (found, options.seal.as_deref()) else { return Ok(()) };
    match seal.open(Place::Ledger { upto }, &sealed) {
        Err(_) => report.find(Fault::Ledger, Some(upto.0), "the ledger snapshot does not open"),
        Ok(_) if options.ledger.is_none() => {
            report.unchecked.push("ledger: the means to derive it from the receipts are missing");
        }
        Ok(plain) if plain.expose(|plain| seen.ledger.as_deref() == Some(plain)) => {}
        Ok(_) => report.find(Fault::Ledger, Some(upto.0), "the ledger does not follow from the receipts"),
    }
    Ok(())
}
