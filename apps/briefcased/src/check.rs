//! `briefcased fsck`: checks a state folder like a start, and the whole record.
//!
//! Invariant: whatever a start refuses is a finding here. What only the vault's keys can show is checked when a credential
//! is given, with the functions of the start.

use std::{error::Error, path::Path, sync::Arc};

use briefcase_engine::active_authority::ActiveAuthority;
use briefcase_ipc::Paths;
use briefcase_receipts::checkpoint::{PublicKey, ReceiptLogOrigin};
use briefcase_store::{Fault, Finding, FsckOptions, FsckReport, Reader, Seal, fsck};
use briefcase_types::{Entropy, SecretName};
use briefcase_vault::{Credential, LogKey, SealedRecord, Unlocked};

use crate::{
    adapters::{
        companion_files::RecordedFiles,
        document_digest::document_digest,
        identity::Identity,
        sealed_file,
        sealing::VaultSeal,
        secrets::{address, record_digest},
        slots,
    },
    lock_state::OwnedCredential,
    open_error::OpenError,
    print,
    startup::load,
    state_files::{LOG_KEY_FILE, VAULT_FILE},
};

type Done = Result<(), Box<dyn Error>>;

/// Checks every receipt, hash, signature, head and file. With a credential, also everything that is sealed.
pub fn check(paths: &Paths, json: bool, credential: Option<&OwnedCredential>, entropy: &Arc<dyn Entropy>) -> Done {
    let report = match examined(&paths.state, credential, entropy) {
        Ok(report) => report,
        Err(OpenError::NotSetUp) => return Err(OpenError::NotSetUp.into()),
        Err(error) => {
            let mut report = FsckReport::default();
            report.findings.push(file_finding(error.to_string()));
            report
        }
    };
    show(&report, json);
    if report.findings.is_empty() {
        Ok(())
    } else {
        Err("the check found faults in the state folder; they are listed above".into())
    }
}

const fn file_finding(what: String) -> Finding {
    Finding { fault: Fault::File, index: None, what }
}

fn examined(
    state: &Path,
    credential: Option<&OwnedCredential>,
    entropy: &Arc<dyn Entropy>,
) -> Result<FsckReport, OpenError> {
    let identity = match Identity::load(state)? {
        Some(identity) => identity,
        None if state.join(VAULT_FILE).symlink_metadata().is_ok() => {
            return Err(OpenError::Tampered("identity.json is missing"));
        }
        None => return Err(OpenError::NotSetUp),
    };
    let key = PublicKey::from_bytes(identity.log_key.as_bytes())?;
    let (mut files, mut sealed) = (RecordedFiles::default(), Vec::new());
    let opened = credential.and_then(|credential| match open_vault(state, credential) {
        Ok(unlocked) => Some(unlocked),
        Err(error) => {
            sealed.push(file_finding(error.to_string()));
            None
        }
    });
    let seal = opened.as_ref().map(|unlocked| VaultSeal::new(unlocked, Arc::clone(entropy))).transpose()?;
    let seal = seal.map(|seal| -> Arc<dyn Seal> { Arc::new(seal) });
    let mut options = FsckOptions::new(key);
    options.document_digest = Some(document_digest);
    options.origin = Some(ReceiptLogOrigin::new(&identity.install, &identity.incarnation)?);
    options.receipts = Some(&mut files);
    options.seal.clone_from(&seal);
    let mut report = fsck(state, options)?;
    report.findings.extend(files.check(state));
    if !files.is_known() {
        report
            .unchecked
            .push("vault.json and log-key.sealed: this state was written by an earlier version; start it once");
    }
    if let (Some(unlocked), Some(seal)) = (&opened, seal)
        && let Err(error) = like_a_start(state, &identity, unlocked, key, seal)
    {
        sealed.push(file_finding(error.to_string()));
    }
    report.findings.extend(sealed);
    Ok(report)
}

fn open_vault(state: &Path, credential: &OwnedCredential) -> Result<Unlocked, OpenError> {
    let credential = match credential {
        OwnedCredential::Passphrase(text) => Credential::Passphrase(text),
        OwnedCredential::UnlockKey(key) => Credential::UnlockKey(key),
    };
    Ok(slots::unlock(&state.join(VAULT_FILE), credential)?.0)
}

/// Loads everything that a start loads with the vault's keys.
fn like_a_start(
    state: &Path,
    identity: &Identity,
    unlocked: &Unlocked,
    key: PublicKey,
    seal: Arc<dyn Seal>,
) -> Result<(), OpenError> {
    let sealed = sealed_file::read(&state.join(LOG_KEY_FILE))?.ok_or(OpenError::Tampered("the log key is missing"))?;
    let log_key =
        LogKey::open(unlocked, &SealedRecord::from_bytes(sealed)).map_err(|_| OpenError::Tampered("the log key"))?;
    if log_key.public_key() != *identity.log_key.as_bytes() {
        return Err(OpenError::Tampered("identity.json names another log key"));
    }
    let reader = Reader::open(state, key, Some(seal))?;
    let authority = load::authority(&reader)?.ok_or(OpenError::NotSetUp)?;
    let (definitions, _) = load::definitions(&reader, &authority)?;
    let _spent_and_labels = load::counts(&reader, &authority)?;
    let secrets: Vec<(SecretName, _)> =
        authority.secrets.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
    let _in_force = ActiveAuthority::new(authority, &definitions)?;
    for (name, entry) in secrets {
        let stored = reader.secret(&name)?.ok_or(OpenError::Tampered("a secret is missing"))?;
        let opens = unlocked.open(address(&name, entry.version), &SealedRecord::from_bytes(stored.clone())).is_ok();
        if record_digest(&stored) != entry.record || !opens {
            return Err(OpenError::Tampered("a secret"));
        }
    }
    Ok(())
}

fn show(report: &FsckReport, json: bool) {
    let clean = report.findings.is_empty();
    if json {
        let findings: Vec<_> = report
            .findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "fault": format!("{:?}", finding.fault), "receipt": finding.index, "what": finding.what,
                    "next_step": finding.fault.next(),
                })
            })
            .collect();
        return print(
            &serde_json::json!({ "clean": clean, "receipts": report.size, "findings": findings, "unchecked": report.unchecked }),
        );
    }
    print_line(&format!("{} receipts checked.", report.size));
    for finding in &report.findings {
        let place = finding.index.map(|index| format!(" at {index}")).unwrap_or_default();
        print_line(&format!("{:?}{place}: {} — {}", finding.fault, finding.what, finding.fault.next()));
    }
    if clean {
        print_line("Nothing was edited, removed, reordered or rolled back.");
    }
    if !report.unchecked.is_empty() {
        print_line(&format!("Not checked without the vault: {}.", report.unchecked.join(", ")));
    }
}

fn print_line(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{}", briefcase_types::text::printable(line));
}

#[cfg(test)]
mod tests;
