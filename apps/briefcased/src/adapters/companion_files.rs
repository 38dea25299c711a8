//! The files beside the record that a start opens: their digests on record, and their check.
//!
//! Invariant: every start records the digests of the files it opened. A change of the passphrase records the digest of the
//! new `vault.json`. So a later edit of a file is found without a key.

use std::{collections::BTreeMap, io, path::Path};

use briefcase_admin_http::PASSPHRASE_SET;
use briefcase_receipts::{Kind, Receipt, Word, Words};
use briefcase_store::{Fault, Finding, LedgerCheck};
use briefcase_types::{Digest, ReceiptIndex};
use briefcase_vault::{StagedVault, Vault};

use super::sealed_file;
use crate::state_files::{LOG_KEY_FILE, VAULT_FILE};

const RECORDED: [&str; 2] = [VAULT_FILE, LOG_KEY_FILE];

fn digest(state: &Path, name: &str) -> io::Result<Option<Digest>> {
    Ok(sealed_file::read(&state.join(name))?.map(|bytes| Digest::sha256(&bytes)))
}

/// Returns the files with their digests, as the receipt of a start lists them.
///
/// # Errors
/// A file cannot be read.
pub fn recorded(state: &Path) -> io::Result<Words> {
    let mut words = Vec::new();
    for name in RECORDED {
        if let Some(digest) = digest(state, name)? {
            words.push(Word::lossy(format!("{name}:{digest}")));
        }
    }
    Ok(words.into_iter().collect())
}

/// The digests that the record names, newest last.
#[derive(Debug, Default)]
pub struct RecordedFiles(BTreeMap<String, Digest>);

impl LedgerCheck for RecordedFiles {
    fn apply(&mut self, _: ReceiptIndex, receipt: &Receipt) {
        let mut set = |name: &str, digest: &str| {
            if let Ok(digest) = digest.parse() {
                self.0.insert(name.to_owned(), digest);
            }
        };
        match &receipt.kind {
            Kind::Start(start) => {
                for (name, digest) in start.files.iter().filter_map(|word| word.as_str().split_once(':')) {
                    set(name, digest);
                }
            }
            Kind::Change(change) => {
                for (line, digest) in change.summary.iter().filter_map(|word| word.as_str().split_once(':')) {
                    if line == PASSPHRASE_SET {
                        set(VAULT_FILE, digest);
                    }
                }
            }
            _ => {}
        }
    }

    fn state(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

impl RecordedFiles {
    /// Checks the files as a start does, and against the record. Returns the findings.
    #[must_use]
    pub fn check(&self, state: &Path) -> Vec<Finding> {
        let finding = |what: String| Finding { fault: Fault::File, index: None, what };
        let mut findings = Vec::new();
        for name in RECORDED {
            match digest(state, name) {
                Err(error) => findings.push(finding(format!("{name} cannot be used: {error}"))),
                Ok(None) => findings.push(finding(format!("{name} is missing"))),
                Ok(Some(found)) => {
                    let expected = self.0.get(name);
                    if expected.is_some_and(|expected| *expected != found && !is_staged(state, name, *expected)) {
                        findings.push(finding(format!("{name} is not the file that the daemon opened last")));
                    }
                }
            }
        }
        if findings.is_empty()
            && let Err(error) = Vault::load(&state.join(VAULT_FILE))
        {
            findings.push(finding(format!("{VAULT_FILE} cannot be used: {error}")));
        }
        findings
    }

    /// Returns whether the record names the files. Earlier versions did not.
    #[must_use]
    pub fn is_known(&self) -> bool {
        RECORDED.iter().all(|name| self.0.contains_key(*name))
    }
}

/// Returns whether a crash interrupted the replacement of the file by the recorded one. The next start completes it.
fn is_staged(state: &Path, name: &str, expected: Digest) -> bool {
    let staged = || StagedVault::find(&state.join(VAULT_FILE)).ok().flatten();
    name == VAULT_FILE && staged().is_some_and(|staged| staged.digest() == expected)
}
