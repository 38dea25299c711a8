//! What people do: decide a question, change the authority. Each needs evidence for exactly that, and each is on record
//! before it takes effect.

use briefcase_policy::{
    authority::{self, Authority, AuthorityError, FieldRule, Grant, GrantArguments},
    decision::Catalogue,
};
use briefcase_receipts::{self as receipts, Kind, Receipt, Step, Word, Words};
use briefcase_types::{ApprovalId, Digest, ReceiptIndex};
use bytes::Bytes;
use serde_json::Value;

use crate::{
    Engine,
    active_authority::{ActiveAuthority, ActiveAuthorityError},
    desk::{Decision, NotDecided, Question, Scope, decision_digest},
    session::SessionGrant,
};
use briefcase_ports::{Entry, Evidence, FactorKind, FactorRefusal, JournalError, Record, Urgency};

/// Why a decision or a change was not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Nobody proved to be there.
    #[error(transparent)]
    Factor(#[from] FactorRefusal),
    /// The question.
    #[error(transparent)]
    Question(#[from] NotDecided),
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
        edit: impl FnOnce(&Authority) -> Result<authority::Change, AuthorityError>,
        records: Vec<Record>,
    ) -> Result<Prepared, ChangeError> {
        let standing = self.standing();
        let authority::Change { document, summary } = edit(standing.authority())?;
        let from_version = standing.version();
        let digest = Digest::labelled(
            "briefcase/change/1",
            &[request, standing.digest().as_bytes(), &from_version.to_be_bytes()],
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
        self.commit(prepared, checked.factor).await
    }

    async fn commit(&self, prepared: Prepared, factor: FactorKind) -> Result<ReceiptIndex, ChangeError> {
        self.commit_decided(None, prepared, factor).await
    }

    /// Makes a change, together with the receipt of the decision it follows from.
    async fn commit_decided(
        &self,
        decision: Option<Receipt>,
        prepared: Prepared,
        factor: FactorKind,
    ) -> Result<ReceiptIndex, ChangeError> {
        // Held to the end: one change at a time.
        let mut catalogue = self.catalogue.lock().await;
        let now = self.standing();
        if now.version() != prepared.from_version {
            return Err(ChangeError::Stale);
        }
        let extended = extended(&catalogue, &prepared.records);
        let standing = ActiveAuthority::new(prepared.document, &extended)?;
        let document = Bytes::from(standing.authority().encode()?);
        let receipt = Receipt {
            at: self.now(),
            kind: Kind::Change(receipts::Change {
                old: now.version(),
                new: standing.version(),
                document: standing.digest(),
                factor: Some(receipt_factor(factor)),
                summary: prepared.summary.into_iter().map(Word::lossy).collect::<Words>(),
            }),
        };
        let durable = match decision {
            None => self.journal.change(receipt, document, prepared.records),
            Some(decision) => self.journal.change_decided(decision, receipt, document, prepared.records),
        };
        let index = self.durable(durable).await?;
        *catalogue = extended;
        self.put_in_force(standing);
        Ok(index)
    }

    /// Compiles another policy text as if it were in force.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn try_policy(&self, text: String) -> Result<ActiveAuthority, ActiveAuthorityError> {
        let changed = self.standing().authority().set_policy(text)?;
        ActiveAuthority::new(changed.document, &*self.catalogue.lock().await)
    }

    /// The digest that evidence for a decision has to be made for.
    ///
    /// # Errors
    /// When there is no such open question.
    pub fn decision_digest(&self, id: ApprovalId, decision: &Decision) -> Result<Digest, NotDecided> {
        let question = self.desk.find(id, self.now()).ok_or(NotDecided::NoSuchQuestion)?;
        Ok(decision_digest(&question, decision))
    }

    /// Decides a question, for a person who proves to be there and says what they were shown.
    ///
    /// # Errors
    /// See [`ChangeError`]. The question stands then.
    pub async fn decide(
        &self,
        id: ApprovalId,
        shown: Digest,
        decision: Decision,
        evidence: Evidence,
    ) -> Result<ReceiptIndex, ChangeError> {
        let bound_to = self.decision_digest(id, &decision)?;
        let factor = self.factors.check(evidence, bound_to).await?;
        let scope = if let Decision::Allow(scope) = &decision { Some(scope) } else { None };
        let question = self.desk.deciding(id, shown, scope, self.now())?;
        let recorded = self.record_decision(&question, &decision, factor).await;
        let answer = recorded.is_ok().then_some(&decision);
        self.desk.decided(id, answer, self.standing().version(), self.now());
        recorded
    }

    async fn record_decision(
        &self,
        question: &Question,
        decision: &Decision,
        factor: FactorKind,
    ) -> Result<ReceiptIndex, ChangeError> {
        let step = receipts::Approval {
            approval: question.id,
            digest: question.digest,
            step: if matches!(decision, Decision::Deny) { Step::Denied } else { Step::Approved },
            call: None,
            agent: Some(question.agent.clone()),
            factor: Some(receipt_factor(factor)),
            scope: receipt_scope(decision),
        };
        let receipt = Receipt { at: self.now(), kind: Kind::Approval(step) };
        if let Decision::Allow(Scope::Rule { fixed, lasts }) = decision {
            let rule = self.rule(question, fixed, *lasts)?;
            let change = self.commit_decided(Some(receipt), rule, factor).await?;
            return Ok(ReceiptIndex(change.0.saturating_sub(1)));
        }
        let index = self.record(Entry { receipt, opening: None }, Urgency::Now).await?;
        match decision {
            Decision::Allow(Scope::SessionExact) => self.grant_session(question, true),
            Decision::Allow(Scope::SessionTool) => self.grant_session(question, false),
            Decision::Allow(Scope::Once | Scope::Rule { .. }) | Decision::Deny => {}
        }
        Ok(index)
    }

    fn grant_session(&self, question: &Question, exact: bool) {
        let Some(session) = self.session(question.session) else { return };
        session.grant(SessionGrant {
            server: question.server.clone(),
            subject: question.subject,
            pin: question.pin,
            arguments: exact.then(|| Digest::sha256(question.arguments.as_bytes())),
        });
    }

    fn rule(&self, question: &Question, fixed: &[String], lasts: u64) -> Result<Prepared, ChangeError> {
        let arguments: Value = serde_json::from_str(&question.arguments).unwrap_or_default();
        let now = self.now();
        let tool = question.name.parse().map_err(|_| NotDecided::ScopeNotOffered)?;
        let grant = Grant {
            id: question.id.to_string(),
            agent: question.agent.clone(),
            server: question.server.clone(),
            tool,
            pin: question.pin,
            arguments: rule_arguments(&arguments, fixed),
            created: now,
            expires: now.plus(std::time::Duration::from_secs(lasts)),
            created_by: question.id,
        };
        self.prepare(question.digest.as_bytes(), |document| document.add_grant(grant), Vec::new())
    }
}

/// The named arguments as they are, the others free; all of them named: exactly these arguments.
fn rule_arguments(arguments: &Value, fixed: &[String]) -> GrantArguments {
    let given = arguments.as_object().cloned().unwrap_or_default();
    if given.keys().all(|name| fixed.contains(name)) {
        return GrantArguments::exact(arguments);
    }
    let rule =
        |name: &String, value: Value| if fixed.contains(name) { FieldRule::Equals(value) } else { FieldRule::Any };
    GrantArguments::Fields(
        given
            .into_iter()
            .map(|(name, value)| {
                let rule = rule(&name, value);
                (name, rule)
            })
            .collect(),
    )
}

fn extended(catalogue: &Catalogue, records: &[Record]) -> Catalogue {
    let mut extended = catalogue.clone();
    for record in records {
        if let Record::Definition { pin, raw } = record
            && let Ok(definition) = serde_json::from_slice(raw)
        {
            extended.add(*pin, &definition);
        }
    }
    extended
}

const fn receipt_factor(kind: FactorKind) -> receipts::Factor {
    match kind {
        FactorKind::Pin => receipts::Factor::Pin,
        FactorKind::Passkey => receipts::Factor::Passkey,
    }
}

const fn receipt_scope(decision: &Decision) -> Option<receipts::Scope> {
    match decision {
        Decision::Deny => None,
        Decision::Allow(Scope::Once) => Some(receipts::Scope::Once),
        Decision::Allow(Scope::SessionExact | Scope::SessionTool) => Some(receipts::Scope::Session),
        Decision::Allow(Scope::Rule { .. }) => Some(receipts::Scope::Rule),
    }
}
