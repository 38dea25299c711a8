//! The factor port: verifies evidence with the enrolled factors, and counts every attempt in the record.
//!
//! Invariant: an attempt at the PIN is a durable receipt before the PIN is compared. The count can therefore be set back only
//! together with the record, and a record older than its head does not open. No file of counters exists that could be removed
//! or replaced.

use std::sync::{Arc, MutexGuard, PoisonError};

use briefcase_ports::{
    BoxFuture, Durable, Entry, FactorEvidence, FactorRefusal, Factors, Journal, JournalError, Urgency,
};
use briefcase_receipts::{ClockNotice, Kind, Notice, Receipt, Word};
use briefcase_types::{Clock, Digest, Entropy, FactorKind, SecretString, UnixMillis};
use tokio::sync::Mutex;

use crate::{
    EnrolmentPermit, FactorCounters, NotForThis, PasskeyError, PasskeyFactor, PinFactor, Present, RelyingParty,
    counters::{PASSKEY_USED, PIN_RIGHT, PIN_TRIED},
};

/// The enrolled factors of the authority document.
pub trait EnrolledFactors: Send + Sync {
    /// Returns the data of all factors of a kind, as the document stores it.
    fn of_kind(&self, kind: FactorKind) -> Vec<serde_json::Value>;
}

/// Stores the counters for the next start.
pub trait CounterSnapshots: Send + Sync {
    /// Queues a snapshot, which the store commits together with the next receipt.
    fn store(&self, counters: &FactorCounters);
}

/// The parts of a [`FactorVerifier`].
pub struct FactorVerifierParts {
    /// The port of the console, which is the passkeys' origin.
    pub console_port: u16,
    /// The record of attempts.
    pub journal: Arc<dyn Journal>,
    /// The enrolled factors.
    pub enrolled: Arc<dyn EnrolledFactors>,
    /// The store of counters.
    pub snapshots: Arc<dyn CounterSnapshots>,
    /// The counters as the record left them.
    pub counters: FactorCounters,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Verifies evidence of presence, and enrols factors.
pub struct FactorVerifier {
    relying_party: RelyingParty,
    /// Invariant: every attempt that the counters count is in the record already.
    counters: Mutex<FactorCounters>,
    /// One factor is enrolled at a time.
    enrolling: Mutex<()>,
    awaited: std::sync::Mutex<Option<AwaitedEnrolment>>,
    journal: Arc<dyn Journal>,
    enrolled: Arc<dyn EnrolledFactors>,
    snapshots: Arc<dyn CounterSnapshots>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// The change that enrols a factor, and the permit that its evidence earned.
struct AwaitedEnrolment {
    change: Digest,
    permit: Option<EnrolmentPermit>,
}

/// An enrolment in progress; a second one waits for its end. Dropping it voids the permit that its evidence earned.
pub struct Enrolment<'v> {
    verifier: &'v FactorVerifier,
    _alone: tokio::sync::MutexGuard<'v, ()>,
}

impl Enrolment<'_> {
    /// Returns the permit that the evidence earned, or `None` before any evidence was accepted.
    #[must_use]
    pub fn permit(self) -> Option<EnrolmentPermit> {
        self.verifier.awaited().take().and_then(|awaited| awaited.permit)
    }
}

impl Drop for Enrolment<'_> {
    fn drop(&mut self) {
        *self.verifier.awaited() = None;
    }
}

impl FactorVerifier {
    /// Makes a verifier that continues with the counters of an open record.
    ///
    /// # Errors
    /// The console's port makes no valid origin.
    pub fn new(parts: FactorVerifierParts) -> Result<Self, PasskeyError> {
        let FactorVerifierParts { console_port, journal, enrolled, snapshots, counters, clock, entropy } = parts;
        Ok(Self {
            relying_party: RelyingParty::new(console_port)?,
            counters: Mutex::new(counters),
            enrolling: Mutex::default(),
            awaited: std::sync::Mutex::default(),
            journal,
            enrolled,
            snapshots,
            clock,
            entropy,
        })
    }

    /// Queues a snapshot of the counters.
    pub async fn snapshot(&self) {
        self.snapshots.store(&*self.counters.lock().await);
    }

    /// Follows a change of the clock. `at` is the time after it.
    pub async fn follow_clock(&self, notice: ClockNotice, at: UnixMillis) {
        self.counters.lock().await.follow_clock(notice, at);
    }

    /// Begins an assertion: `PublicKeyCredentialRequestOptions` for a decision.
    ///
    /// # Errors
    /// No passkey is enrolled, or too many ceremonies are open.
    pub async fn challenge(&self, decision: Digest) -> Result<serde_json::Value, PasskeyError> {
        let enrolled = self.passkeys(&*self.counters.lock().await);
        self.relying_party.begin_assertion(decision, &enrolled, self.clock.now())
    }

    /// Begins a registration: `PublicKeyCredentialCreationOptions`. Enrols nothing yet.
    ///
    /// # Errors
    /// Too many ceremonies are open.
    pub async fn begin_passkey(&self) -> Result<serde_json::Value, PasskeyError> {
        let enrolled = self.passkeys(&*self.counters.lock().await);
        self.relying_party.begin_registration(&enrolled, self.entropy.as_ref(), self.clock.now())
    }

    /// Verifies the browser's answer and returns the factor to add to the authority document. An existing factor must allow the
    /// change that adds it; the permit shows that the change is applied with evidence.
    ///
    /// # Errors
    /// The answer does not match an open registration, or the passkey is enrolled already.
    pub async fn finish_passkey(
        &self,
        permit: EnrolmentPermit,
        answer: &serde_json::Value,
        label: &str,
    ) -> Result<PasskeyFactor, PasskeyError> {
        let enrolled = self.passkeys(&*self.counters.lock().await);
        let answer = serde_json::to_vec(answer).map_err(|_| PasskeyError::Unreadable)?;
        let now = self.clock.now();
        self.relying_party.finish_registration(permit, &answer, label, &enrolled, self.entropy.as_ref(), now)
    }

    /// Begins an enrolment: from now on, accepted evidence for this change earns a permit. Waits for another enrolment to end.
    pub async fn enrolment(&self, change: Digest) -> Enrolment<'_> {
        let alone = self.enrolling.lock().await;
        *self.awaited() = Some(AwaitedEnrolment { change, permit: None });
        Enrolment { verifier: self, _alone: alone }
    }

    fn awaited(&self) -> MutexGuard<'_, Option<AwaitedEnrolment>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends a proof for the digest that it was given for. Stores the permit if the digest enrols a factor.
    fn spend(&self, proof: Present, bound_to: &Digest) -> Result<(), FactorRefusal> {
        let now = self.clock.now();
        let refused = |reason: NotForThis| FactorRefusal::Passkey(reason.to_string());
        match self.awaited().as_mut().filter(|awaited| awaited.change == *bound_to) {
            Some(awaited) => awaited.permit = Some(EnrolmentPermit::by(proof, bound_to, now).map_err(refused)?),
            None => {
                proof.spend(bound_to, now).map_err(refused)?;
            }
        }
        Ok(())
    }

    /// The enrolled passkeys, as their last use left them.
    fn passkeys(&self, counters: &FactorCounters) -> Vec<PasskeyFactor> {
        let enrolled = self.enrolled.of_kind(FactorKind::Passkey);
        let stored = enrolled.into_iter().filter_map(|data| serde_json::from_value(data).ok());
        let newest = |factor: PasskeyFactor| counters.passkeys.get(&factor.id().to_string()).cloned().unwrap_or(factor);
        stored.map(newest).collect()
    }

    fn append_notice(&self, what: &'static str, urgency: Urgency) -> Durable {
        let notice = Notice { what: Word::lossy(what), agent: None, server: None, detail: None };
        let receipt = Receipt { at: self.clock.now(), kind: Kind::Notice(notice) };
        self.journal.append(Entry { receipt, opening: None }, urgency)
    }

    async fn record(&self, what: &'static str) -> Result<(), FactorRefusal> {
        let durable = self.append_notice(what, Urgency::Now).await.unwrap_or(Err(JournalError::Closed));
        durable.map(drop).map_err(|error| FactorRefusal::Unrecorded(error.to_string()))
    }

    async fn check_pin(&self, pin: SecretString, bound_to: Digest) -> Result<FactorKind, FactorRefusal> {
        let enrolled = self.enrolled.of_kind(FactorKind::Pin);
        let factor = enrolled.into_iter().find_map(|data| serde_json::from_value::<PinFactor>(data).ok());
        let mut counters = self.counters.lock().await;
        let begun = counters
            .pin
            .begin(self.clock.now())
            .map_err(|lock| FactorRefusal::LockedOut { until: lock.until, wait: lock.wait })?;
        let counted = begun.persist_async(|_| self.record(PIN_TRIED)).await?;
        let clock = Arc::clone(&self.clock);
        let finish = move || counted.finish(factor.as_ref(), &pin, bound_to, clock.now());
        let finished = tokio::task::spawn_blocking(finish).await;
        let proof =
            finished.map_err(|error| FactorRefusal::Unrecorded(error.to_string()))?.map_err(|wrong| {
                match wrong.locked_until {
                    Some(until) => FactorRefusal::LockedOut { until, wait: until.since(self.clock.now()) },
                    None => FactorRefusal::WrongPin { left: wrong.tries_left },
                }
            })?;
        counters.pin.clear(&proof);
        // Commits with the receipt of the decision. If it is lost, the next wrong PIN only counts sooner.
        drop(self.append_notice(PIN_RIGHT, Urgency::Lazy));
        self.spend(proof, &bound_to)?;
        Ok(FactorKind::Pin)
    }

    async fn check_passkey(&self, answer: &[u8], bound_to: Digest) -> Result<FactorKind, FactorRefusal> {
        let mut counters = self.counters.lock().await;
        let enrolled = self.passkeys(&counters);
        let refused = |error: &dyn std::fmt::Display| FactorRefusal::Passkey(error.to_string());
        let now = self.clock.now();
        let asserted = self.relying_party.finish_assertion(answer, &enrolled, now).map_err(|error| refused(&error))?;
        counters.passkeys.insert(asserted.factor.id().to_string(), asserted.factor);
        // One commit makes the snapshot and the notice durable.
        self.snapshots.store(&counters);
        self.record(PASSKEY_USED).await?;
        self.spend(asserted.present, &bound_to)?;
        Ok(FactorKind::Passkey)
    }
}

impl Factors for FactorVerifier {
    fn check<'a>(
        &'a self,
        evidence: FactorEvidence,
        bound_to: Digest,
    ) -> BoxFuture<'a, Result<FactorKind, FactorRefusal>> {
        Box::pin(async move {
            match evidence {
                FactorEvidence::Pin(pin) => self.check_pin(pin, bound_to).await,
                FactorEvidence::Passkey(answer) => self.check_passkey(answer.get().as_bytes(), bound_to).await,
                FactorEvidence::Signed(_) => Err(FactorRefusal::NotEnrolled),
            }
        })
    }
}
