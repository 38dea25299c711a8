//! Factors as the engine asks for them: the presence crate's checks, counted in the record.
//!
//! Invariant: a try at the PIN is a durable receipt before the PIN is looked at, so the count can be set back only together
//! with the record, and a record older than its head does not open. There is no file of counters to remove or replace. What
//! is known as of the newest snapshot comes from there ([`super::snapshot`]), the rest from the receipts after it.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard, PoisonError},
};

use briefcase_engine::{active_authority::AuthorityHandle, shared_ledger::SharedLedger};
use briefcase_ports::{
    BoxFuture, Durable, Entry, Evidence, FactorRefusal, Factors, Journal as _, JournalError, Urgency,
};
use briefcase_presence::{
    AttemptState, EnrolmentPermit, NotForThis, PasskeyError, PasskeyFactor, PinFactor, Present, RelyingParty,
};
use briefcase_receipts::{Kind, Notice, Receipt, Word};
use briefcase_store::Store;
use briefcase_types::{Clock, Digest, Entropy, FactorKind, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::snapshot;

/// The notice before a PIN is looked at.
const PIN_TRIED: &str = "pin_tried";
/// The notice after it was right.
const PIN_RIGHT: &str = "pin_right";
/// The notice with which a passkey's counter becomes durable.
const PASSKEY_USED: &str = "passkey_used";

/// Factor kinds in the authority document.
pub const PIN: &str = "pin";
/// See [`PIN`].
pub const PASSKEY: &str = "passkey";

/// What changes with every use of a factor.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    pin: AttemptState,
    /// Passkeys as their last use left them, by factor id.
    passkeys: BTreeMap<String, PasskeyFactor>,
}

impl Counters {
    /// Counts what a receipt after the snapshot says.
    pub fn replay(&mut self, receipt: &Receipt) {
        match &receipt.kind {
            Kind::Notice(notice) if notice.what.as_str() == PIN_TRIED => self.pin.replay_attempt(receipt.at),
            Kind::Notice(notice) if notice.what.as_str() == PIN_RIGHT => self.pin.replay_right(),
            _ => {}
        }
    }
}

/// The parts of [`Presence`].
pub struct PresenceParts {
    /// The port of the console, which is the passkeys' origin.
    pub console_port: u16,
    /// The record of attempts.
    pub store: Arc<Store>,
    /// The authority in force, which names the enrolled factors.
    pub authority: AuthorityHandle,
    /// The ledger, stored in one snapshot with the counters.
    pub ledger: SharedLedger,
    /// The counters of an open record.
    pub counters: Counters,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Proof of presence for this briefcase.
pub struct Presence {
    relying_party: RelyingParty,
    counters: Mutex<Counters>,
    /// One factor is enrolled at a time.
    enrolling: Mutex<()>,
    awaited: std::sync::Mutex<Option<Awaited>>,
    store: Arc<Store>,
    authority: AuthorityHandle,
    ledger: SharedLedger,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// The change that enrols a factor, and the permit that its evidence earned.
struct Awaited {
    change: Digest,
    permit: Option<EnrolmentPermit>,
}

/// A factor is being enrolled, and no other at the same time. What its evidence earned is void when this is dropped.
pub struct Enrolment<'p> {
    presence: &'p Presence,
    _alone: tokio::sync::MutexGuard<'p, ()>,
}

impl Enrolment<'_> {
    /// The permit that the evidence earned; `None` when there was none.
    pub fn permit(self) -> Option<EnrolmentPermit> {
        self.presence.awaited().take().and_then(|awaited| awaited.permit)
    }
}

impl Drop for Enrolment<'_> {
    fn drop(&mut self) {
        *self.presence.awaited() = None;
    }
}

impl Presence {
    /// Continues with the counters of an open record.
    pub fn new(parts: PresenceParts) -> Result<Self, PasskeyError> {
        let PresenceParts { console_port, store, authority, ledger, counters, clock, entropy } = parts;
        Ok(Self {
            relying_party: RelyingParty::new(console_port)?,
            counters: Mutex::new(counters),
            enrolling: Mutex::default(),
            awaited: std::sync::Mutex::default(),
            store,
            authority,
            ledger,
            clock,
            entropy,
        })
    }

    /// Keeps ledger and counters for the next start.
    pub async fn keep(&self) {
        let counters = self.counters.lock().await;
        self.snapshot(&counters);
    }

    /// The counters are held still: every try they count is in the record already.
    fn snapshot(&self, counters: &Counters) {
        snapshot::keep(&self.store, &self.ledger, counters);
    }

    /// `PublicKeyCredentialRequestOptions` for a decision.
    pub async fn challenge(&self, decision: Digest) -> Result<serde_json::Value, PasskeyError> {
        let enrolled = self.passkeys(&*self.counters.lock().await);
        self.relying_party.begin_assertion(decision, &enrolled, self.clock.now())
    }

    /// `PublicKeyCredentialCreationOptions`. Enrols nothing yet.
    pub async fn begin_passkey(&self) -> Result<serde_json::Value, PasskeyError> {
        let enrolled = self.passkeys(&*self.counters.lock().await);
        self.relying_party.begin_registration(&enrolled, self.entropy.as_ref(), self.clock.now())
    }

    /// Checks the browser's answer and gives the factor to add to the authority document. The change that adds it is what an
    /// existing factor has to allow; the permit stands for that change being applied with evidence.
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

    /// Lets the evidence for this digest allow enrolling a factor. Waits for another enrolment to end.
    pub async fn enrolment(&self, change: Digest) -> Enrolment<'_> {
        let alone = self.enrolling.lock().await;
        *self.awaited() = Some(Awaited { change, permit: None });
        Enrolment { presence: self, _alone: alone }
    }

    fn awaited(&self) -> MutexGuard<'_, Option<Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends a proof for the digest it was given for; keeps the permit if the digest enrols a factor.
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

    fn factors(&self, kind: &str) -> Vec<serde_json::Value> {
        let authority = self.authority.current();
        let of_kind = authority.document().factors.iter().filter(|factor| factor.kind == kind);
        of_kind.map(|factor| factor.data.clone()).collect()
    }

    /// The enrolled passkeys, as their last use left them.
    fn passkeys(&self, counters: &Counters) -> Vec<PasskeyFactor> {
        let stored = self.factors(PASSKEY).into_iter().filter_map(|data| serde_json::from_value(data).ok());
        let newest = |factor: PasskeyFactor| counters.passkeys.get(&factor.id().to_string()).cloned().unwrap_or(factor);
        stored.map(newest).collect()
    }

    fn note(&self, what: &'static str, urgency: Urgency) -> Durable {
        let notice = Notice { what: Word::lossy(what), agent: None, server: None, detail: None };
        let receipt = Receipt { at: self.clock.now(), kind: Kind::Notice(notice) };
        self.store.append(Entry { receipt, opening: None }, urgency)
    }

    async fn on_record(&self, what: &'static str) -> Result<(), FactorRefusal> {
        let noted = self.note(what, Urgency::Now).await.unwrap_or(Err(JournalError::Closed));
        noted.map(drop).map_err(|error| FactorRefusal::Unrecorded(error.to_string()))
    }

    async fn check_pin(&self, pin: SecretString, bound_to: Digest) -> Result<FactorKind, FactorRefusal> {
        let factor = self.factors(PIN).into_iter().find_map(|data| serde_json::from_value::<PinFactor>(data).ok());
        let mut counters = self.counters.lock().await;
        let begun =
            counters.pin.begin(self.clock.now()).map_err(|lock| FactorRefusal::LockedOut { until: lock.until })?;
        let counted = begun.persist_async(|_| self.on_record(PIN_TRIED)).await?;
        let clock = Arc::clone(&self.clock);
        let finish = move || counted.finish(factor.as_ref(), &pin, bound_to, clock.now());
        let finished = tokio::task::spawn_blocking(finish).await;
        let proof =
            finished.map_err(|error| FactorRefusal::Unrecorded(error.to_string()))?.map_err(|wrong| {
                match wrong.locked_until {
                    Some(until) => FactorRefusal::LockedOut { until },
                    None => FactorRefusal::WrongPin { left: wrong.tries_left },
                }
            })?;
        counters.pin.clear(&proof);
        // Rides with the receipt of what was decided; losing it only makes the next wrong PIN count sooner.
        drop(self.note(PIN_RIGHT, Urgency::Lazy));
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
        // The snapshot goes to the disk in one commit with the notice.
        self.snapshot(&counters);
        self.on_record(PASSKEY_USED).await?;
        self.spend(asserted.present, &bound_to)?;
        Ok(FactorKind::Passkey)
    }
}

impl Factors for Presence {
    fn check<'a>(&'a self, evidence: Evidence, bound_to: Digest) -> BoxFuture<'a, Result<FactorKind, FactorRefusal>> {
        Box::pin(async move {
            match evidence {
                Evidence::Pin(pin) => self.check_pin(pin, bound_to).await,
                Evidence::Passkey(answer) => self.check_passkey(answer.get().as_bytes(), bound_to).await,
                Evidence::Signed(_) => Err(FactorRefusal::NotEnrolled),
            }
        })
    }
}
