//! What people do: decide a question, change the authority. Each needs evidence for exactly that, and each is on record
//! before it takes effect.

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
use briefcase_ports::{Evidence, FactorRefusal, JournalError, Record};

/// Why a decision or a change was not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nobody proved to be there.
    #[error(transparent)]
    Factor(#[from] FactorRefusal),
    /// The question.
    #[error(transparent)]
    Decision(#[from] DecisionError),
    /// The document changed since the change was previewed.
    #[error("the authority changed since this was shown; look at it again")]
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

/// A change, prepared against one version of the document.
#[derive(Debug)]
pub struct Prepared {
    document: Authority,
    summary: Vec<String>,
    from_version: u64,
    records: Vec<Record>,
    digest: Digest,
}

/// Proof that a person was there for one digest. Used up by one change.
#[derive(Debug)]
pub struct Checked {
    factor: FactorKind,
    bound_to: Digest,
}

impl Prepared {
    /// What the evidence has to be made for: the change, and the document it applies to.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// What changes, a stable line each.
    #[must_use]
    pub fn summary(&self) -> &[String] {
        &self.summary
    }

    /// The version it applies to.
    #[must_use]
    pub const fn from_version(&self) -> u64 {
        self.from_version
    }
}

impl Engine {
    /// Prepares a change. `request` is the canonical form of what the person asked for; the digest covers it.
    ///
    /// # Errors
    /// When the document cannot be changed so, or the result cannot be put in force.
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

    /// Makes a prepared change, for a person who proves to be there.
    ///
    /// # Errors
    /// See [`ChangeError`]. Nothing has changed then.
    pub async fn apply(&self, prepared: Prepared, evidence: Evidence) -> Result<ReceiptIndex, ChangeError> {
        let checked = self.check(evidence, prepared.digest).await?;
        self.apply_checked(prepared, checked).await
    }

    /// Checks that a person is there for the thing of this digest.
    ///
    /// # Errors
    /// Why the evidence was not taken.
    pub async fn check(&self, evidence: Evidence, bound_to: Digest) -> Result<Checked, FactorRefusal> {
        let factor = self.factors.check(evidence, bound_to).await?;
        Ok(Checked { factor, bound_to })
    }

    /// Makes a change for which a person was found to be there.
    ///
    /// # Errors
    /// See [`ChangeError`]; [`ChangeError::Stale`] when they were there for something else.
    pub async fn apply_checked(&self, prepared: Prepared, checked: Checked) -> Result<ReceiptIndex, ChangeError> {
        if checked.bound_to != prepared.digest {
            return Err(ChangeError::Stale);
        }
        self.commit_decided(None, prepared, checked.factor).await
    }

    /// Makes a change, together with the receipt of the decision it follows from.
    pub(crate) async fn commit_decided(
        &self,
        decision: Option<Receipt>,
        prepared: Prepared,
        factor: FactorKind,
    ) -> Result<ReceiptIndex, ChangeError> {
        // Held to the end: one change at a time.
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
        let durable = match decision {
            None => self.journal.change(receipt, document, prepared.records),
            Some(decision) => self.journal.change_decided(decision, receipt, document, prepared.records),
        };
        let index = self.durable(durable).await?;
        *definitions = extended;
        self.put_in_force(authority);
        Ok(index)
    }

    /// Compiles another policy text as if it were in force.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn try_policy(&self, text: String) -> Result<ActiveAuthority, ActiveAuthorityError> {
        let changed = self.authority().document().set_policy(text)?;
        ActiveAuthority::new(changed.document, &*self.definitions.lock().await)
    }
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
