//! XChaCha20-Poly1305 that commits to key, nonce and associated data. The crate docs describe the construction.

use briefcase_types::{Digest, Entropy};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce, aead::AeadInOut as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{VaultError, framing::framed, key};
use key::VaultKey;

const NONCE: usize = 24;
const COMMITMENT: usize = 32;
/// The length of a sealed text beyond its plaintext.
pub(crate) const OVERHEAD: usize = NONCE + COMMITMENT + 16;

/// Seals `plaintext`. The copy made for encryption is overwritten in place, so only the sealed bytes remain.
pub(crate) fn seal(key: &VaultKey, aad: &[u8], plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    seal_with(key, &nonce, aad, plaintext)
}

/// Opens the output of [`seal`] with the same key and associated data.
pub(crate) fn open(key: &VaultKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(VaultError::DoesNotOpen)?;
    let (commitment, body) = rest.split_first_chunk::<COMMITMENT>().ok_or(VaultError::DoesNotOpen)?;
    let (cipher, expected) = bound(key, nonce, aad)?;
    if !bool::from(expected.ct_eq(commitment)) {
        return Err(VaultError::DoesNotOpen);
    }
    let mut text = Zeroizing::new(body.to_vec());
    cipher.decrypt_in_place(&XNonce::from(*nonce), aad, &mut *text).map_err(|_| VaultError::DoesNotOpen)?;
    Ok(text)
}

/// Seals like [`seal`] with a given nonce, for streams with counted nonces.
pub(crate) fn seal_with(
    key: &VaultKey,
    nonce: &[u8; NONCE],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, VaultError> {
    let (cipher, commitment) = bound(key, nonce, aad)?;
    let mut text = Vec::with_capacity(plaintext.len().saturating_add(16));
    text.extend_from_slice(plaintext);
    cipher
        .encrypt_in_place(&XNonce::from(*nonce), aad, &mut text)
        .map_err(|_| VaultError::TooLarge(plaintext.len()))?;
    Ok([nonce.as_slice(), &commitment, &text].concat())
}

/// The cipher for this key, nonce and associated data, and the commitment to all three.
fn bound(key: &VaultKey, nonce: &[u8], aad: &[u8]) -> Result<(XChaCha20Poly1305, [u8; COMMITMENT]), VaultError> {
    let mut derived = Zeroizing::new([0; 64]);
    let info = framed("briefcase/vault/1/aead", &[Digest::sha256(aad).as_bytes()]);
    key::expand(&[key.bytes()], nonce, &info, derived.as_mut_slice())?;
    let (inner, rest) = derived.split_first_chunk::<32>().ok_or(VaultError::DoesNotOpen)?;
    let commitment = rest.try_into().map_err(|_| VaultError::DoesNotOpen)?;
    Ok((XChaCha20Poly1305::new(inner.into()), commitment))
}
