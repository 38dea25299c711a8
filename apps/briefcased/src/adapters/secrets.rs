//! Secrets by name: sealed in the store, and opened only inside the closure that uses them.

use std::sync::Arc;

use briefcase_engine::active_authority::AuthorityHandle;
use briefcase_ports::{NotReady, SecretSource};
use briefcase_store::Reader;
use briefcase_types::{Digest, Entropy, SecretBytes, SecretName};
use briefcase_vault::{RecordAddress, SealedRecord, Unlocked, VaultError};
use bytes::Bytes;

/// The secrets of an unlocked briefcase.
pub struct Secrets {
    unlocked: Arc<Unlocked>,
    reader: Reader,
    authority: AuthorityHandle,
}

/// The digest by which the authority document names a sealed record.
#[must_use]
pub fn record_digest(sealed: &[u8]) -> Digest {
    Digest::labelled("briefcase/sealed-secret/1", &[sealed])
}

/// The place at which the vault seals a version of a secret.
pub fn address(name: &SecretName, version: u64) -> RecordAddress<'_> {
    RecordAddress { kind: "secret", id: name.as_str(), audience: "servers", version }
}

impl Secrets {
    /// Reads the sealed secrets of a store, opens them with its vault, and accepts the records that the authority names.
    pub const fn new(unlocked: Arc<Unlocked>, reader: Reader, authority: AuthorityHandle) -> Self {
        Self { unlocked, reader, authority }
    }

    /// Seals a new value as the given version.
    ///
    /// # Errors
    /// The vault cannot seal.
    pub fn seal(
        &self,
        name: &SecretName,
        version: u64,
        value: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Result<Bytes, VaultError> {
        let sealed = self.unlocked.seal(address(name, version), value, entropy)?;
        Ok(Bytes::copy_from_slice(sealed.as_bytes()))
    }
}

impl SecretSource for Secrets {
    /// Only the newest record that the authority in force names is shown.
    fn with_secret(&self, name: &SecretName, visit: &mut dyn FnMut(&str)) -> Result<(), NotReady> {
        let authority = self.authority.current();
        let missing = || {
            NotReady(format!(
                "the secret `{name}` is not in the vault: put it there with `briefcase secret set {name}`"
            ))
        };
        let entry = authority.document().secrets.get(name).ok_or_else(missing)?;
        let stored = self.reader.secret(name).map_err(|error| NotReady(error.to_string()))?.ok_or_else(missing)?;
        let damaged =
            || NotReady(format!("the secret `{name}` was edited or replaced outside of the briefcase: set it again"));
        if record_digest(&stored) != entry.record {
            return Err(damaged());
        }
        let opened = self
            .unlocked
            .open(address(name, entry.version), &SealedRecord::from_bytes(stored))
            .map_err(|_| damaged())?;
        opened.expose(|bytes| std::str::from_utf8(bytes).map(&mut *visit)).map_err(|_| damaged())
    }
}
