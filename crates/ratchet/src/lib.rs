//! Sessions between two parties that need not be online at the same time: PQXDH (or X3DH) and the Double Ratchet,
//! implemented from Signal's published specifications.
//!
//! **A message is released together with the state that made it.** Every operation takes a state by reference and
//! returns a [`Step`]: the new state, and an output to release after storing the state. If the caller keeps the old
//! state, nothing is lost. If the caller releases without storing, two texts are still never encrypted under one key:
//! each message mixes a fresh salt into its key.
//!
//! # Parameters
//!
//! | what the specifications leave open | here |
//! |---|---|
//! | curve | X25519; a shared secret of all zero bytes is refused |
//! | hash | SHA-256 |
//! | `pqkem` (PQXDH, revision 3) | ML-KEM-1024, the standard form of the Kyber-1024 that the revision names |
//! | `info` | `Briefcase_PQXDH_CURVE25519_SHA-256_ML-KEM-1024`, `Briefcase_X3DH_CURVE25519_SHA-256` |
//! | `aead` | XChaCha20-Poly1305 for headers (random nonce), ChaCha20-Poly1305 for bodies (one key per message) |
//! | message key | `HKDF(salt, mk)`, salt 16 random bytes of the message |
//! | `MAX_SKIP` | [`MAX_SKIP`] per step, [`MAX_STORED`] in all, forgotten after [`MAX_AGE`] messages |
//! | associated data | SHA-256 over mode, both identities (both keys each), every public key and the ciphertext of the agreement |
//!
//! Differences from the specifications. An identity has two keys (Ed25519 signs, X25519 agrees), bound by a signature,
//! because WebCrypto has no key for both. One signature covers a whole bundle, so its parts cannot be mixed. Both
//! one-time keys of a bundle share an id. The ratchet after the agreement is the classical one. The agreement's KEM
//! protects recorded messages from a later quantum computer. Recovery after a theft of state is not protected from one.
//!
//! Long-term keys are behind [`Dh`], [`Kem`] and [`Sign`], which are async because a browser's keys are. With keys in
//! memory ([`SoftKeys`]) every future is ready at once, and [`now`] runs it.

mod bundle;
mod codec;
mod curve;
mod error;
mod handshake;
mod holder;
mod identity;
mod kdf;
mod kem;
mod message;
mod prekeys;
mod seal;
mod session;
mod skipped;
mod state;
mod step;

pub use bundle::PrekeyBundle;
pub use curve::{AgreementPublic, AgreementSecret, SharedSecret};
pub use error::RatchetError;
pub use handshake::{AcceptedSession, AgreementMode, HandshakeOptions, ResponderPolicy, accept, initiate};
pub use holder::{Dh, HolderError, Kem, Sign, SoftKeys, now};
pub use identity::{IdentityCard, LocalIdentity, SigningPublic, safety_number};
pub use kem::{KEM_CIPHERTEXT, KEM_PUBLIC, KEM_SEED, KemPublic, KemSecret, KemShared};
pub use message::MAX_PLAINTEXT;
pub use prekeys::{LastResort, MAX_ONE_TIME, Prekeys, PublishedPrekeys};
pub use session::RatchetSession;
pub use skipped::{MAX_AGE, MAX_SKIP, MAX_STORED};
pub use step::Step;
