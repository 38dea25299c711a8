//! Sealed documents: the authority document, openings of receipts, and ledger snapshots.

use briefcase_types::{Digest, Entropy};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{VaultError, VaultId, aead, framing::framed, key::VaultKey};

/// The purpose of a document. Each purpose has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// The authority document.
    Authority,
    /// The salts and values behind a receipt's commitments.
    ReceiptOpenings,
    /// Ledger snapshots.
    Ledger,
    /// Intents of reads that run beside their commit.
    Overlap,
}

/// Seals and opens documents of one purpose. The value holds a derived key: drop it when the vault is locked.
pub struct Sealer {
    key: VaultKey,
    vault: VaultId,
    purpose: Purpose,
}

/// HMAC-SHA256 under the vault's commitment key. Only this vault can compute the salts again.
pub struct CommitmentMac(VaultKey);

impl Purpose {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::ReceiptOpenings => "receipt-openings",
            Self::Ledger => "ledger",
            Self::Overlap => "overlap",
        }
    }
}

impl Sealer {
    pub(crate) const fn new(key: VaultKey, vault: VaultId, purpose: Purpose) -> Self {
        Self { key, vault, purpose }
    }

    /// Seals `document` for a place, such as a version or a receipt's index. It opens nowhere else.
    ///
    /// # Errors
    /// The document has more than 256 GiB.
    pub fn seal(&self, place: &[&[u8]], document: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
        aead::seal(&self.key, &self.aad(place), document, entropy)
    }

    /// Opens a document that was sealed for the same place.
    ///
    /// # Errors
    /// [`VaultError::DoesNotOpen`] in every case.
    pub fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        aead::open(&self.key, &self.aad(place), sealed)
    }

    fn aad(&self, place: &[&[u8]]) -> Vec<u8> {
        let head: [&[u8]; 2] = [self.vault.as_bytes(), self.purpose.label().as_bytes()];
        let parts: Vec<&[u8]> = head.into_iter().chain(place.iter().copied()).collect();
        framed("briefcase/vault/1/document", &parts)
    }
}

impl CommitmentMac {
    pub(crate) const fn new(key: VaultKey) -> Self {
        Self(key)
    }

    /// Computes `HMAC-SHA256(key, label ‖ 0 ‖ parts with their lengths)`.
    ///
    /// # Errors
    /// Never in practice: HMAC accepts a key of any length.
    pub fn mac(&self, label: &str, parts: &[&[u8]]) -> Result<Digest, VaultError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.bytes()).map_err(|_| VaultError::DoesNotOpen)?;
        mac.update(&framed(label, parts));
        Ok(Digest::from_bytes(mac.finalize().into_bytes().into()))
    }
}
