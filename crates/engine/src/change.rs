//! Changes of the authority document.
//!
//! Invariant: a change needs evidence of a person's presence for exactly this change, and it is on record before it takes effect.

use std::collections::HashMap;

use briefcase_policy::{
    authority::{self, Authority, AuthorityError},
    decision::AcceptedDefinitions,
};
use briefcase_receipts::{self as receipts, Kind, Receipt, Word, Words};
use briefcase_types::{Digest, FactorKind, ReceiptIndex};
use bytes::Bytes;

use crate::{
    Engine,
    active_authority::{ActiveAuthority, ActiveAuthorityError},
    approvals::DecisionError,
};
use briefcase_ports::{FactorEvidence, FactorRefusal, JournalError, Record};

/// A decision or a change failed. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The evidence of presence was rejected.
    #[error(transparent)]
    Factor(#[from] FactorRefusal),
    /// The decision was rejected.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The document changed since the change was previewed.
    #[error("the configuration changed since this was shown; review the change again")]
    Stale,
    /// The change is not allowed.
    #[error(transparent)]
    ActiveAuthority(#[from] ActiveAuthorityError),
    /// The record cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<AuthorityError> for ChangeError {
    fn from(error: AuthorityError) -> Self {
        Self::ActiveAuthority(error.into())
    }
}

/// A change, prepared for one version of the document.
#[derive(Debug)]
pub struct Prepared {
    document: Authority,
    summary: Vec<String>,
    from_version: u64,
    records: Vec<Record>,
    digest: Digest,
}

/// Proof that a person was present for one digest. One change spends it.
#[derive(Debug)]
pub struct Checked {
    factor: FactorKind,
    bound_to: Digest,
}

impl Prepared {
    /// The digest that evidence is bound to. It covers the change and the document that it applies to.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The changes, one stable line each.
    #[must_use]
    pub fn summary(&self) -> &[String] {
        &self.summary
    }

    /// The version that the change applies to.
    #[must_use]
    pub const fn from_version(&self) -> u64 {
        self.from_version
    }
}

impl Engine {
    /// Prepares a change. `request` is the canonical form of the person's request; the digest covers it.
    ///
    /// # Errors
    /// The change does not apply to the document, or the result cannot be put in force.
    pub fn prepare(
        &self,
        request: &[u8],
        edit: impl FnOnce(&Authority) -> Result<authority::AuthorityChange, AuthorityError>,
        records: Vec<Record>,
    ) -> Result<Prepared, ChangeError> {
        let authority = self.authority();
        let authority::AuthorityChange { document, summary } = edit(authority.document())?;
        let from_version = authority.version();
        let digest = Digest::labelled(
            "briefcase/change/1",
            &[request, authority.digest().as_bytes(), &from_version.to_be_bytes()],
        );
        Ok(Prepared { document, summary, from_version, records, digest })
    }

    /// Verifies the evidence and makes a prepared change.
    ///
    /// # Errors
    /// See [`ChangeError`]. Nothing has changed then.
    pub async fn apply(&self, prepared: Prepared, evidence: FactorEvidence) -> Result<ReceiptIndex, ChangeError> {
        let checked = self.check(evidence, prepared.digest).await?;
        self.apply_checked(prepared, checked).await
    }

    /// Verifies evidence of presence for the change or decision with this digest.
    ///
    /// # Errors
    /// The reason why the evidence was rejected.
    pub async fn check(&self, evidence: FactorEvidence, bound_to: Digest) -> Result<Checked, FactorRefusal> {
        let factor = self.factors.check(evidence, bound_to).await?;
        Ok(Checked { factor, bound_to })
    }

    /// Makes a prepared change for which evidence was verified.
    ///
    /// # Errors
    /// See [`ChangeError`]; [`ChangeError::Stale`] when the evidence was bound to another digest.
    pub async fn apply_checked(&self, prepared: Prepared, checked: Checked) -> Result<ReceiptIndex, ChangeError> {
        if checked.bound_to != prepared.digest {
            return Err(ChangeError::Stale);
        }
        self.commit_decided(None, prepared, checked.factor).await
    }

    /// Makes a change, together with the receipt of the decision that it follows from.
    pub(crate) async fn commit_decided(
        &self,
        decision: Option<Receipt>,
        prepared: Prepared,
        factor: FactorKind,
    ) -> Result<ReceiptIndex, ChangeError> {
        // The lock is held to the end: one change at a time.
        let mut definitions = self.definitions.lock().await;
        let now = self.authority();
        if now.version() != prepared.from_version {
            return Err(ChangeError::Stale);
        }
        let extended = extended(&definitions, &prepared.records);
        let authority = ActiveAuthority::new(prepared.document, &extended)?;
        let document = Bytes::from(authority.document().encode()?);
        let receipt = Receipt {
            at: self.now(),
            kind: Kind::Change(receipts::ChangeReceipt {
                old: now.version(),
                new: authority.version(),
                document: authority.digest(),
                factor: Some(receipt_factor(factor)),
                summary: prepared.summary.into_iter().map(Word::lossy).collect::<Words>(),
            }),
        };
        let accepted = accepted(&prepared.records);
        let durable = match decision {
            None => self.journal.change(receipt, document, prepared.records),
            Some(decision) => self.journal.change_decided(decision, receipt, document, prepared.records),
        };
        let index = self.durable(durable).await?;
        *definitions = extended;
        self.pin_definitions(authority.document(), accepted);
        self.put_in_force(authority);
        Ok(index)
    }

    /// Adds the definitions that the document accepts, and removes those that it no longer accepts.
    fn pin_definitions(&self, document: &Authority, accepted: HashMap<Digest, Bytes>) {
        for (server, registered) in &document.servers {
            for pin in registered.pins.values() {
                if let Some(raw) = accepted.get(&pin.digest) {
                    self.pinned.add(server, pin, raw.clone());
                }
            }
        }
        self.pinned.retain(document);
    }

    /// Compiles the authority with another policy text, without putting it in force.
    ///
    /// # Errors
    /// The text is not a valid policy.
    pub async fn try_policy(&self, text: String) -> Result<ActiveAuthority, ActiveAuthorityError> {
        let changed = self.authority().document().set_policy(text)?;
        ActiveAuthority::new(changed.document, &*self.definitions.lock().await)
    }
}

/// The definitions among the records of a change.
fn accepted(records: &[Record]) -> HashMap<Digest, Bytes> {
    let definitions = records.iter().filter_map(|record| match record {
        Record::Definition { pin, raw } => Some((*pin, raw.clone())),
        Record::Secret { .. } => None,
    });
    definitions.collect()
}

fn extended(definitions: &AcceptedDefinitions, records: &[Record]) -> AcceptedDefinitions {
    let mut extended = definitions.clone();
    for record in records {
        if let Record::Definition { pin, raw } = record
            && let Ok(definition) = serde_json::from_slice(raw)
        {
            extended.add(*pin, &definition);
        }
    }
    extended
}

pub(crate) const fn receipt_factor(kind: FactorKind) -> receipts::Factor {
    match kind {
        FactorKind::Pin => receipts::Factor::Pin,
        FactorKind::Passkey => receipts::Factor::Passkey,
    }
}
