//! The program under test: appends entries and prints the acknowledged ones.
//!
//! Entry `n` has the same content in every run, so any record can be checked.

use std::{io::Write as _, path::Path, process::ExitCode};

use briefcase_ports::{Durable, Entry, Journal as _, JournalError, Record, Urgency};
use briefcase_receipts::Receipt;
use briefcase_store::{Durability, ExpectedState, OpenOptions, Store};
use briefcase_types::ReceiptIndex;

use crate::{Failure, keys};

/// A small limit, so that a short run restarts the write-ahead log several times.
const LOG_LIMIT: usize = 32 * 1024;

pub fn options(expect: ExpectedState) -> OpenOptions {
    OpenOptions { log_limit: LOG_LIMIT, ..keys::options(expect, 1) }
}

/// The expected receipt at an index: calls in pairs, and every tenth entry a change of the authority document.
pub fn expected(index: u64) -> Receipt {
    match index % 10 {
        9 => keys::change(index / 10, document(index / 10 + 1).as_bytes()),
        8 => keys::outcome(index - 2),
        even if even % 2 == 0 => keys::intent(index),
        _ => keys::outcome(index - 1),
    }
}

pub fn document(version: u64) -> String {
    format!("{{\"version\":{version}}}")
}

/// Appends `count` entries. Prints `ack INDEX` for each acknowledged entry, `error ...` for each failed one, and
/// `reopened` when the store accepts entries again after an error.
pub fn run(folder: &Path, count: u64, careless: bool) -> Result<ExitCode, Failure> {
    let durability = if careless { Durability::Careless } else { Durability::Full };
    let options = OpenOptions { durability, ..options(ExpectedState::ExistingOrNew) };
    let (store, opened) = match Store::open(folder, options) {
        Ok(opened) => opened,
        Err(error) => {
            say(&format!("refused {error}"))?;
            return Ok(ExitCode::from(2));
        }
    };
    let (mut next, end) = (opened.size, opened.size + count);
    while next < end {
        let together = (next % 4 + 1).min(end - next);
        let durables: Vec<Durable> =
            (next..next + together).map(|index| append(&store, index)).collect::<Result<_, Failure>>()?;
        let mut failed = false;
        for durable in durables {
            failed |= report(&durable.blocking_recv()?)?;
        }
        next += together;
        if failed {
            // After an error, the store must refuse everything until it is reopened.
            report(&append(&store, next)?.blocking_recv()?)?;
            match store.reopen() {
                Ok(opened) => next = opened.size,
                Err(error) => {
                    say(&format!("stuck {error}"))?;
                    return Ok(ExitCode::from(3));
                }
            }
            say("reopened")?;
        }
    }
    store.close()?;
    say("closed")?;
    Ok(ExitCode::SUCCESS)
}

fn append(store: &Store, index: u64) -> Result<Durable, Failure> {
    let receipt = expected(index);
    Ok(match index % 10 {
        9 => {
            let sealed = Some(format!("sealed {index}").into());
            let secret = Record::Secret { name: "github".parse()?, sealed };
            store.change(receipt, document(index / 10 + 1).into(), vec![secret])
        }
        8 => {
            store.snapshot(format!("ledger {index}").into(), ReceiptIndex(index));
            store.append(Entry { receipt, opening: None }, Urgency::Now)
        }
        _ => {
            let opening = Some(format!("{{\"index\":{index}}}").into());
            let urgency = if index.is_multiple_of(2) { Urgency::Lazy } else { Urgency::Now };
            store.append(Entry { receipt, opening }, urgency)
        }
    })
}

/// Prints the result of an entry. Returns `true` when it failed.
fn report(answer: &Result<ReceiptIndex, JournalError>) -> Result<bool, Failure> {
    match answer {
        Ok(index) => say(&format!("ack {}", index.0))?,
        Err(JournalError::Full) => say("error full")?,
        Err(error) => say(&format!("error {error}"))?,
    }
    Ok(answer.is_err())
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    Ok(out.flush()?)
}
