//! Secrets at rest, and the keys that seal all other state.
//!
//! A vault has one random 256-bit **root key** that is never stored in clear. `vault.json` holds **slots**, each of which wraps
//! the root key on its own: under a passphrase (argon2id), under a generated unlock key (HKDF only: it has 256 bits
//! already), or under a secret in the OS keyring *combined* with a PIN (the keyring alone can be read by every process
//! of the user). From the root key HKDF labels derive the keys for records, documents, commitments and backups.
//!
//! Invariants:
//! - Keys are reachable only through [`Unlocked`], which takes an open slot. Dropping the value wipes the keys.
//! - Every ciphertext is committed to its key, nonce and associated data ([`aead`](self) construction below), and its
//!   associated data name the vault, the record, its kind, its audience and its versions: bytes moved to another place
//!   do not open there.
//! - Opening fails with one error, [`VaultError::DoesNotOpen`], for every cause: an attacker learns nothing from the
//!   error.
//! - `vault.json` as a whole is authenticated under the root key: a slot added, removed, relabelled or weakened without
//!   the root key makes every unlock fail.
//! - The root key does not change: removing a slot does not revoke an old copy of `vault.json` together with its
//!   passphrase. [`Vault::revision`] lets the caller detect an older file.
//!
//! # The committing AEAD
//! `key', tag = HKDF-SHA256(ikm = key, salt = nonce, info = label ‖ SHA-256(aad))`; the sealed form is
//! `nonce(24) ‖ tag(32) ‖ XChaCha20-Poly1305(key', nonce, aad, plaintext)`. The tag is compared in constant time before
//! anything is decrypted, so that one ciphertext cannot open under two keys (partitioning oracles).
//!
//! # Misuse that the types forbid
//! Keys cannot be printed, copied or written out:
//! ```compile_fail,E0277
//! fn print(keys: &briefcase_vault::Unlocked) -> String { format!("{keys:?}") }
//! ```
//! ```compile_fail,E0599
//! fn copy(keys: &briefcase_vault::Unlocked) -> briefcase_vault::Unlocked { keys.clone() }
//! ```
//! ```compile_fail,E0277
//! fn print(key: &briefcase_vault::UnlockKey) -> String { format!("{key:?}") }
//! ```
//! ```compile_fail,E0599
//! fn copy(key: &briefcase_vault::UnlockKey) -> briefcase_vault::UnlockKey { key.clone() }
//! ```
//! ```compile_fail,E0277
//! fn print(key: &briefcase_vault::LogKey) -> String { format!("{key:?}") }
//! ```
//! ```compile_fail,E0277
//! fn write_out<T: serde::Serialize>(_: &T) {}
//! fn secret(keys: &briefcase_vault::Unlocked) { write_out(keys) }
//! ```
//! A slot cannot be added while the vault is locked, because doing so takes the keys:
//! ```compile_fail,E0061
//! fn add(vault: &mut briefcase_vault::Vault, new: briefcase_vault::NewSlot<'_>, entropy: &dyn briefcase_types::Entropy) {
//!     vault.add_slot(new, "label", entropy);
//! }
//! ```

mod aead;
pub mod backup;
mod base32;
mod error;
mod framing;
mod kdf;
mod key;
mod key_store;
mod log_key;
mod protection;
mod record;
mod sealer;
mod slot;
mod slot_file;
mod stored_bytes;
mod unlock_key;
mod unlocked;
mod vault;
mod vault_id;

pub use error::VaultError;
pub use kdf::KdfCost;
#[cfg(target_os = "linux")]
pub use key_store::KernelKeyring;
pub use key_store::{KeyStore, KeyStoreError, Lifetime, MemoryKeyStore};
pub use log_key::LogKey;
pub use protection::Credential;
pub use record::{RecordAddress, SealedRecord};
pub use sealer::{CommitmentMac, Purpose, Sealer};
pub use slot::{NewSlot, SlotId, SlotInfo, SlotKind};
pub use slot_file::SlotFile;
pub use unlock_key::{UnlockKey, UnlockKeyError};
pub use unlocked::Unlocked;
pub use vault::{StagedVault, Vault};
pub use vault_id::VaultId;
