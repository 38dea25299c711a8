//! This party's prekeys: the secret halves of its published bundles.
//!
//! Accepting a message returns a state without the used one-time prekey. A last-resort prekey is reusable, so its
//! agreements are remembered for its lifetime. A repeated first message is therefore rejected.

use briefcase_types::Entropy;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    AgreementSecret, KEM_SEED, Kem, KemPublic, KemSecret, KemShared, LocalIdentity, PrekeyBundle, RatchetError, Sign,
    Step,
    bundle::BundleContent,
    codec::{ByteReader, ByteWriter},
    message::Agreement,
};

/// The maximum number of stored one-time prekeys.
pub const MAX_ONE_TIME: usize = 200;
/// The maximum number of remembered last-resort agreements. At the limit, the prekeys must be rotated.
const MAX_SEEN: usize = 4096;
/// The current signed prekey, and the previous one for messages in transit.
const MAX_GENERATIONS: usize = 2;
const MAX_NAME: usize = 128;
const LABEL: &str = "Briefcase_Prekeys";
const VERSION: u8 = 1;

const FULL: RatchetError = RatchetError::Exhausted("the limit of one-time prekeys is reached");
const ROTATE: RatchetError = RatchetError::Exhausted("the last-resort prekey was used too often: rotate the prekeys");

/// The source of the last-resort KEM key.
pub enum LastResort {
    /// Generated here and stored with the prekeys.
    Made,
    /// Held elsewhere. [`Kem::decapsulate`] gets its name.
    Held {
        /// The key's name, at most 128 bytes.
        key: String,
        /// The public key.
        public: KemPublic,
    },
}

/// The bundles to publish after storing the prekeys.
pub struct PublishedPrekeys {
    /// The bundles to give out once each.
    pub bundles: Vec<PrekeyBundle>,
    /// The bundle for when the others are used up.
    pub last_resort: PrekeyBundle,
}

/// The secret halves of the published bundles. Store them encrypted.
pub struct Prekeys {
    next_id: u32,
    /// The generations, oldest first; never empty.
    generations: Vec<Generation>,
    one_time: Vec<OneTime>,
}

struct Generation {
    id: u32,
    signed: AgreementSecret,
    kem: KemHome,
    bundle: PrekeyBundle,
    /// The digests of agreements that used the last resort.
    seen: Vec<[u8; 16]>,
}

enum KemHome {
    Here(KemSecret),
    Elsewhere(String),
}

struct OneTime {
    id: u32,
    generation: u32,
    agreement: AgreementSecret,
    kem: KemSecret,
}

/// The keys that a first message names.
pub(crate) struct RequestedKeys<'a> {
    pub signed: &'a AgreementSecret,
    pub one_time: Option<&'a AgreementSecret>,
    kem: RequestedKem<'a>,
}

enum RequestedKem<'a> {
    Here(&'a KemSecret),
    Elsewhere(&'a str, &'a KemPublic),
}

impl RequestedKeys<'_> {
    /// The public KEM key, and the secret of the ciphertext.
    pub async fn decapsulate(
        &self,
        holder: &impl Kem,
        ciphertext: &[u8],
    ) -> Result<(Vec<u8>, KemShared), RatchetError> {
        match &self.kem {
            RequestedKem::Here(secret) => Ok((secret.public().to_bytes(), secret.decapsulate(ciphertext)?)),
            RequestedKem::Elsewhere(key, public) => Ok((public.to_bytes(), holder.decapsulate(key, ciphertext).await?)),
        }
    }
}

impl Prekeys {
    /// Makes an identity's first prekeys.
    ///
    /// # Errors
    /// [`RatchetError::Exhausted`] above [`MAX_ONE_TIME`], [`RatchetError::Holder`] when the key's holder fails.
    pub async fn make<H: Sign>(
        identity: &LocalIdentity<H>,
        one_time: usize,
        last_resort: LastResort,
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, PublishedPrekeys>, RatchetError> {
        Self { next_id: 1, generations: Vec::new(), one_time: Vec::new() }
            .rotate(identity, one_time, last_resort, entropy)
            .await
    }

    /// Makes a new signed prekey and last resort, and more one-time prekeys. The previous generation stays for messages
    /// in transit; older ones are erased.
    ///
    /// # Errors
    /// As [`Prekeys::make`].
    pub async fn rotate<H: Sign>(
        &self,
        identity: &LocalIdentity<H>,
        one_time: usize,
        last_resort: LastResort,
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, PublishedPrekeys>, RatchetError> {
        let mut next = self.duplicate();
        let id = next.new_id()?;
        let signed = AgreementSecret::generate(entropy);
        let (kem, public) = match last_resort {
            LastResort::Made => {
                let secret = KemSecret::generate(entropy);
                let public = secret.public();
                (KemHome::Here(secret), public)
            }
            LastResort::Held { key, public } if key.len() <= MAX_NAME => (KemHome::Elsewhere(key), public),
            LastResort::Held { .. } => return Err(RatchetError::Malformed("the name of the key")),
        };
        let content =
            BundleContent { card: identity.card().clone(), signed: (id, signed.public()), one_time: None, kem: public };
        let bundle = PrekeyBundle::make(content, identity).await?;
        next.generations.push(Generation { id, signed, kem, bundle, seen: Vec::new() });
        if next.generations.len() > MAX_GENERATIONS {
            next.generations.remove(0);
        }
        next.one_time.retain(|key| next.generations.iter().any(|generation| generation.id == key.generation));
        next.refilled(identity, one_time, entropy).await
    }

    /// Makes more one-time prekeys under the current signed prekey.
    ///
    /// # Errors
    /// As [`Prekeys::make`].
    pub async fn refill<H: Sign>(
        &self,
        identity: &LocalIdentity<H>,
        one_time: usize,
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, PublishedPrekeys>, RatchetError> {
        self.duplicate().refilled(identity, one_time, entropy).await
    }

    async fn refilled<H: Sign>(
        mut self,
        identity: &LocalIdentity<H>,
        count: usize,
        entropy: &dyn Entropy,
    ) -> Result<Step<Self, PublishedPrekeys>, RatchetError> {
        if self.one_time.len().saturating_add(count) > MAX_ONE_TIME {
            return Err(FULL);
        }
        let last_resort = self.generations.last().ok_or(RatchetError::StateCorrupt)?.bundle.clone();
        if last_resort.card() != identity.card() {
            return Err(RatchetError::Malformed("the identity (the prekeys belong to another one)"));
        }
        let mut bundles = Vec::with_capacity(count);
        for _ in 0..count {
            let id = self.new_id()?;
            let (agreement, kem) = (AgreementSecret::generate(entropy), KemSecret::generate(entropy));
            let content = BundleContent {
                one_time: Some((id, agreement.public())),
                kem: kem.public(),
                ..last_resort.content.clone()
            };
            let generation = content.signed.0;
            bundles.push(PrekeyBundle::make(content, identity).await?);
            self.one_time.push(OneTime { id, generation, agreement, kem });
        }
        Ok(Step::new(self, PublishedPrekeys { bundles, last_resort }))
    }

    /// The number of unused one-time prekeys.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.one_time.len()
    }

    pub(crate) fn find(&self, agreement: &Agreement) -> Result<RequestedKeys<'_>, RatchetError> {
        let generation = self.generation(agreement.signed)?;
        let Some(id) = agreement.one_time else {
            if generation.seen.contains(&short(agreement)) {
                return Err(RatchetError::Replayed);
            }
            let kem = match &generation.kem {
                KemHome::Here(secret) => RequestedKem::Here(secret),
                KemHome::Elsewhere(key) => RequestedKem::Elsewhere(key, &generation.bundle.content.kem),
            };
            return Ok(RequestedKeys { signed: &generation.signed, one_time: None, kem });
        };
        let mut keys = self.one_time.iter();
        let key = keys.find(|key| key.id == id && key.generation == generation.id);
        let key = key.ok_or(RatchetError::UnknownPrekey)?;
        Ok(RequestedKeys {
            signed: &generation.signed,
            one_time: Some(&key.agreement),
            kem: RequestedKem::Here(&key.kem),
        })
    }

    /// The prekeys after an agreement: its one-time keys are removed, or its use of the last resort is recorded.
    pub(crate) fn without(&self, agreement: &Agreement) -> Result<Self, RatchetError> {
        let mut next = self.duplicate();
        if let Some(id) = agreement.one_time {
            next.one_time.retain(|key| key.id != id);
            return Ok(next);
        }
        let mut generations = next.generations.iter_mut();
        let generation =
            generations.find(|generation| generation.id == agreement.signed).ok_or(RatchetError::UnknownPrekey)?;
        if generation.seen.len() >= MAX_SEEN {
            return Err(ROTATE);
        }
        generation.seen.push(short(agreement));
        Ok(next)
    }

    fn generation(&self, id: u32) -> Result<&Generation, RatchetError> {
        self.generations.iter().find(|generation| generation.id == id).ok_or(RatchetError::UnknownPrekey)
    }

    fn new_id(&mut self) -> Result<u32, RatchetError> {
        let id = self.next_id;
        self.next_id = id.checked_add(1).ok_or(RatchetError::Exhausted("prekey ids are used up"))?;
        Ok(id)
    }

    fn duplicate(&self) -> Self {
        let one_time = |key: &OneTime| OneTime {
            id: key.id,
            generation: key.generation,
            agreement: key.agreement.duplicate(),
            kem: key.kem.duplicate(),
        };
        Self {
            next_id: self.next_id,
            generations: self.generations.iter().map(Generation::duplicate).collect(),
            one_time: self.one_time.iter().map(one_time).collect(),
        }
    }

    /// The bytes to store encrypted.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let each = |generation: &Generation| 4096 + generation.seen.len() * 16;
        let size = 64 + self.generations.iter().map(each).sum::<usize>() + self.one_time.len() * 104;
        let mut writer = ByteWriter::with_capacity(size);
        writer.byte(VERSION).u32(self.next_id).count(self.generations.len());
        for generation in &self.generations {
            generation.write(&mut writer);
        }
        writer.count(self.one_time.len());
        for key in &self.one_time {
            writer.u32(key.id).u32(key.generation).put(key.agreement.as_bytes());
            key.kem.expose(|seed| {
                writer.put(seed);
            });
        }
        writer.sealed(LABEL)
    }

    /// Reads the output of [`Prekeys::to_bytes`].
    ///
    /// # Errors
    /// [`RatchetError::StateCorrupt`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::kept(bytes, LABEL, VERSION)?;
        let prekeys = Self::read(&mut reader).map_err(|_| RatchetError::StateCorrupt)?;
        reader.end().map_err(|_| RatchetError::StateCorrupt)?;
        Ok(prekeys)
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let next_id = reader.u32()?;
        let mut generations = Vec::new();
        for _ in 0..reader.count(MAX_GENERATIONS)? {
            generations.push(Generation::read(reader)?);
        }
        let mut one_time = Vec::new();
        for _ in 0..reader.count(MAX_ONE_TIME)? {
            one_time.push(OneTime {
                id: reader.u32()?,
                generation: reader.u32()?,
                agreement: AgreementSecret::from_bytes(&reader.array()?),
                kem: KemSecret::from_seed(&reader.array::<KEM_SEED>()?),
            });
        }
        Ok(Self { next_id, generations, one_time })
    }
}

impl Generation {
    fn write(&self, writer: &mut ByteWriter) {
        writer.u32(self.id).put(self.signed.as_bytes());
        match &self.kem {
            KemHome::Here(secret) => secret.expose(|seed| {
                writer.flag(true).put(seed);
            }),
            KemHome::Elsewhere(key) => {
                writer.flag(false).long(key.as_bytes());
            }
        }
        writer.long(&self.bundle.to_bytes()).count(self.seen.len());
        for seen in &self.seen {
            writer.put(seen);
        }
    }

    fn read(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        let id = reader.u32()?;
        let signed = AgreementSecret::from_bytes(&reader.array()?);
        let kem = if reader.flag()? {
            KemHome::Here(KemSecret::from_seed(&reader.array::<KEM_SEED>()?))
        } else {
            let key = std::str::from_utf8(reader.long(MAX_NAME)?).map_err(|_| reader.wrong())?;
            KemHome::Elsewhere(key.to_owned())
        };
        let bundle = PrekeyBundle::read_unchecked(reader.long(PrekeyBundle::MOST)?)?;
        let mut seen = Vec::new();
        for _ in 0..reader.count(MAX_SEEN)? {
            seen.push(reader.array()?);
        }
        Ok(Self { id, signed, kem, bundle, seen })
    }

    fn duplicate(&self) -> Self {
        Self {
            id: self.id,
            signed: self.signed.duplicate(),
            kem: match &self.kem {
                KemHome::Here(secret) => KemHome::Here(secret.duplicate()),
                KemHome::Elsewhere(key) => KemHome::Elsewhere(key.clone()),
            },
            bundle: self.bundle.clone(),
            seen: self.seen.clone(),
        }
    }
}

fn short(agreement: &Agreement) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(agreement.to_bytes()).into();
    digest.first_chunk().copied().unwrap_or_default()
}
