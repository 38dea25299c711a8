//! The verifier's cryptography provider: RustCrypto, in pure Rust, the same natively and in WebAssembly.
//!
//! Supports hashes, ECDSA over P-256 and P-384, and Ed25519. The public instance uses no RSA and no ML-DSA. Unsupported
//! algorithms are not compiled in, so they cannot be misused.

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::{
    crypto::{CryptoProvider, Error, HashContext, KeyAlgorithm, SigningScheme, install_default_provider},
    types::HashAlgorithm,
};

/// Installs the process's provider. The first call counts; later calls have no effect.
pub fn install() {
    static RUST_CRYPTO: RustCrypto = RustCrypto;
    // Only this crate links the verifier, so an installed provider is always this one.
    let _there_already = install_default_provider(&RUST_CRYPTO);
}

#[derive(Debug)]
struct RustCrypto;

struct Hashing<D>(D);

impl<D: sha2::Digest + Send> HashContext for Hashing<D> {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for RustCrypto {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, Error> {
        match algorithm {
            HashAlgorithm::Sha2256 => Ok(Box::new(Hashing(Sha256::new()))),
            HashAlgorithm::Sha2384 => Ok(Box::new(Hashing(Sha384::new()))),
            HashAlgorithm::Sha2512 => Ok(Box::new(Hashing(Sha512::new()))),
            other => Err(Error::UnsupportedAlgorithm(other.to_string())),
        }
    }

    fn verify_raw(&self, scheme: SigningScheme, key: &[u8], data: &[u8], signature: &[u8]) -> Result<(), Error> {
        if scheme == SigningScheme::Ed25519 {
            return ed25519(key, data, signature).ok_or_else(invalid);
        }
        let algorithm = scheme.hash_algorithm().ok_or_else(|| unsupported(scheme))?;
        let mut hash = self.hash(algorithm)?;
        hash.update(data);
        self.verify_prehashed(scheme, key, &hash.finalize(), signature)
    }

    fn verify_prehashed(&self, scheme: SigningScheme, key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), Error> {
        match scheme.key_algorithm() {
            KeyAlgorithm::EcdsaP256 => p256(key, hash, signature).ok_or_else(invalid),
            KeyAlgorithm::EcdsaP384 => p384(key, hash, signature).ok_or_else(invalid),
            _ => Err(unsupported(scheme)),
        }
    }
}

fn invalid() -> Error {
    Error::Verification("the signature is invalid".into())
}

fn unsupported(scheme: SigningScheme) -> Error {
    Error::UnsupportedAlgorithm(format!("{scheme:?}"))
}

fn p256(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &p256::ecdsa::Signature::from_der(signature).ok()?).ok()
}

fn p384(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &p384::ecdsa::Signature::from_der(signature).ok()?).ok()
}

fn ed25519(key: &[u8], data: &[u8], signature: &[u8]) -> Option<()> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    key.verify_strict(data, &ed25519_dalek::Signature::from_slice(signature).ok()?).ok()
}
