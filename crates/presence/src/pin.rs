//! The stored form of a PIN, and the memory-hard comparison.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::{Entropy, SecretString, UnixMillis};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{EnrolmentPermit, FactorId, WeakPin, pin_strength};

const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// A PIN's stored form: argon2id costs, salt and hash. It belongs in sealed storage, because a reader can guess offline.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "StoredPin", into = "StoredPin")]
pub struct PinFactor {
    id: FactorId,
    enrolled_at: UnixMillis,
    cost: Cost,
    salt: [u8; 16],
    hash: [u8; 32],
}

#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPin {
    id: FactorId,
    enrolled_at: UnixMillis,
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    hash: String,
}

/// The PIN was not enrolled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// The PIN is too weak.
    #[error(transparent)]
    Weak(#[from] WeakPin),
    /// argon2id could not run, in practice for lack of memory.
    #[error("the PIN cannot be hashed on this machine")]
    Hash,
}

/// The stored form is invalid or unsupported.
#[derive(Debug, thiserror::Error)]
#[error("not a stored PIN, or one with argon2id costs outside the accepted range")]
struct NotAStoredPin;

impl PinFactor {
    /// Hashes a new PIN. This takes about 0.2 s and 64 MiB: call it where blocking is allowed (`spawn_blocking`).
    ///
    /// # Errors
    /// The PIN is too short, too long or among the first guesses.
    pub fn enrol(
        _permit: EnrolmentPermit,
        pin: &SecretString,
        entropy: &dyn Entropy,
        now: UnixMillis,
    ) -> Result<Self, EnrolError> {
        pin.expose(pin_strength::check)?;
        let cost = Cost { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        let hash = *stretch(cost, &salt, pin).ok_or(EnrolError::Hash)?;
        Ok(Self { id: FactorId::random(entropy), enrolled_at: now, cost, salt, hash })
    }

    /// The factor's id.
    #[must_use]
    pub const fn id(&self) -> FactorId {
        self.id
    }

    /// The time of the enrolment.
    #[must_use]
    pub const fn enrolled_at(&self) -> UnixMillis {
        self.enrolled_at
    }

    fn fits(&self, pin: &SecretString) -> bool {
        stretch(self.cost, &self.salt, pin).is_some_and(|hash| hash.ct_eq(&self.hash).into())
    }
}

/// The factor that the PIN matches. The check costs the same when no PIN is enrolled.
pub(crate) fn matching(factor: Option<&PinFactor>, pin: &SecretString) -> Option<FactorId> {
    match factor {
        Some(factor) => factor.fits(pin).then_some(factor.id),
        None => {
            let cost = Cost { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES };
            let _hash = stretch(cost, &[0; 16], pin);
            None
        }
    }
}

fn stretch(cost: Cost, salt: &[u8; 16], pin: &SecretString) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
    let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
    let mut out = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hashed = pin.expose(|pin| {
        argon.hash_password_into_with_memory(pin.as_bytes(), salt, out.as_mut_slice(), memory.as_mut_slice())
    });
    hashed.ok().map(|()| out)
}

impl From<PinFactor> for StoredPin {
    fn from(factor: PinFactor) -> Self {
        Self {
            id: factor.id,
            enrolled_at: factor.enrolled_at,
            algorithm: "argon2id-19".to_owned(),
            memory_kib: factor.cost.memory_kib,
            passes: factor.cost.passes,
            lanes: factor.cost.lanes,
            salt: URL_SAFE_NO_PAD.encode(factor.salt),
            hash: URL_SAFE_NO_PAD.encode(factor.hash),
        }
    }
}

impl TryFrom<StoredPin> for PinFactor {
    type Error = NotAStoredPin;

    fn try_from(stored: StoredPin) -> Result<Self, Self::Error> {
        let cost = Cost { memory_kib: stored.memory_kib, passes: stored.passes, lanes: stored.lanes };
        if stored.algorithm != "argon2id-19" || !cost.accepted() {
            return Err(NotAStoredPin);
        }
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAStoredPin);
        let salt = bytes(&stored.salt)?.try_into().map_err(|_| NotAStoredPin)?;
        let hash = bytes(&stored.hash)?.try_into().map_err(|_| NotAStoredPin)?;
        Ok(Self { id: stored.id, enrolled_at: stored.enrolled_at, cost, salt, hash })
    }
}

impl Cost {
    /// A floor so that a changed file cannot make guessing cheap, a ceiling so that it cannot stall the daemon.
    fn accepted(self) -> bool {
        (19 * 1024..=512 * 1024).contains(&self.memory_kib)
            && (2..=10).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }
}

impl Drop for PinFactor {
    fn drop(&mut self) {
        self.hash.zeroize();
    }
}
