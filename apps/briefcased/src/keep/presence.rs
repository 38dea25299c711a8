//! Factors as the engine asks for them: the presence crate's checks, with their counters kept durable and sealed.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, OnceLock, PoisonError, Weak},
};

use briefcase_engine::{
    Engine,
    ports::{BoxFuture, Evidence, FactorKind, FactorRefusal, Factors},
};
use briefcase_presence::{
    AttemptState, EnrolmentPermit, NotForThis, PasskeyError, PasskeyFactor, PinFactor, Present, RelyingParty,
};
use briefcase_types::{Clock, Digest, Entropy, SecretString};
use briefcase_vault::Sealer;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::sealed_file;

/// Name of the file in the state folder.
const FILE: &str = "attempts.sealed";
const PLACE: &[u8] = b"presence-counters/1";

/// Factor kinds in the authority document.
pub const PIN: &str = "pin";
/// See [`PIN`].
pub const PASSKEY: &str = "passkey";

/// What changes with every use of a factor.
#[derive(Default, Serialize, Deserialize)]
struct Counters {
    pin: AttemptState,
    /// Passkeys as their last use left them, by factor id.
    passkeys: BTreeMap<String, PasskeyFactor>,
}

/// Proof of presence for this briefcase.
pub struct Presence {
    relying_party: RelyingParty,
    counters: Mutex<Counters>,
    /// Changes that enrol a factor, and the permits that their evidence earned.
    enrolments: std::sync::Mutex<HashMap<Digest, Option<EnrolmentPermit>>>,
    sealer: Sealer,
    file: PathBuf,
    engine: OnceLock<Weak<Engine>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Presence could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// The counters cannot be read.
    #[error("the file {FILE} cannot be read: {0}")]
    File(#[from] std::io::Error),
    /// The counters were edited.
    #[error("the file {FILE} was edited or belongs to another vault; restore it from a backup")]
    Tampered,
    /// WebAuthn.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
}

impl Presence {
    /// Opens the counters of a state folder.
    pub fn open(
        state: &std::path::Path,
        console_port: u16,
        sealer: Sealer,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, PresenceError> {
        let file = state.join(FILE);
        let counters = match sealed_file::read(&file)? {
            None => Counters::default(),
            Some(sealed) => {
                let plain = sealer.open(&[PLACE], &sealed).map_err(|_| PresenceError::Tampered)?;
                serde_json::from_slice(&plain).map_err(|_| PresenceError::Tampered)?
            }
        };
        let relying_party = RelyingParty::new(console_port)?;
        Ok(Self {
            relying_party,
            counters: Mutex::new(counters),
            enrolments: std::sync::Mutex::default(),
            sealer,
            file,
            engine: OnceLock::new(),
            clock,
            entropy,
        })
    }

    /// Where the enrolled factors are read from. Until then every check fails.
    pub fn attach(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
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

    /// Announces that the evidence for this digest is to allow enrolling a factor.
    pub fn expect_enrolment(&self, change: Digest) {
        self.permits().insert(change, None);
    }

    /// The permit that the evidence for this digest earned; `None` when there was none.
    pub fn take_permit(&self, change: &Digest) -> Option<EnrolmentPermit> {
        self.permits().remove(change).flatten()
    }

    fn permits(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Option<EnrolmentPermit>>> {
        self.enrolments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends a proof for the digest it was given for; keeps the permit if the digest enrols a factor.
    fn spend(&self, proof: Present, bound_to: &Digest) -> Result<(), FactorRefusal> {
        let now = self.clock.now();
        let refused = |reason: NotForThis| FactorRefusal::Passkey(reason.to_string());
        match self.permits().get_mut(bound_to) {
            Some(permit) => *permit = Some(EnrolmentPermit::by(proof, bound_to, now).map_err(refused)?),
            None => {
                proof.spend(bound_to, now).map_err(refused)?;
            }
        }
        Ok(())
    }

    fn factors(&self, kind: &str) -> Vec<serde_json::Value> {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else { return Vec::new() };
        let standing = engine.standing();
        let of_kind = standing.authority().factors.iter().filter(|factor| factor.kind == kind);
        of_kind.map(|factor| factor.data.clone()).collect()
    }

    /// The enrolled passkeys, as their last use left them.
    fn passkeys(&self, counters: &Counters) -> Vec<PasskeyFactor> {
        let stored = self.factors(PASSKEY).into_iter().filter_map(|data| serde_json::from_value(data).ok());
        let newest = |factor: PasskeyFactor| counters.passkeys.get(&factor.id().to_string()).cloned().unwrap_or(factor);
        stored.map(newest).collect()
    }

    async fn save(&self, counters: &Counters) -> Result<(), FactorRefusal> {
        let unrecorded = |error: &dyn std::fmt::Display| FactorRefusal::Unrecorded(error.to_string());
        let plain = serde_json::to_vec(counters).map_err(|error| unrecorded(&error))?;
        let sealed = self.sealer.seal(&[PLACE], &plain, self.entropy.as_ref()).map_err(|error| unrecorded(&error))?;
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || sealed_file::write(&file, &sealed)).await;
        written.map_err(|error| unrecorded(&error))?.map_err(|error| unrecorded(&error))
    }

    async fn check_pin(&self, pin: SecretString, bound_to: Digest) -> Result<FactorKind, FactorRefusal> {
        let factor = self.factors(PIN).into_iter().find_map(|data| serde_json::from_value::<PinFactor>(data).ok());
        let mut counters = self.counters.lock().await;
        let begun =
            counters.pin.begin(self.clock.now()).map_err(|lock| FactorRefusal::LockedOut { until: lock.until })?;
        self.save(&counters).await?;
        let counted = begun.persist(|_| Ok::<(), FactorRefusal>(()))?;
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
        // Losing this write only makes the next wrong PIN count sooner.
        let _ = self.save(&counters).await;
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
        self.save(&counters).await?;
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
            }
        })
    }
}
