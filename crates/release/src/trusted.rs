//! A trusted manifest, and the second half of verification: from the manifest to each part of a release.

use briefcase_sigstore::{SignerIdentity, VerifiedBundle};
use briefcase_tlog::WitnessedCheckpoint;
use briefcase_types::Digest;

use crate::{
    error::ReleaseError,
    headers::HeadersFile,
    hex,
    manifest::{Release, ReleaseManifest, ReleaseStatus},
    policy::RollbackState,
};

/// A manifest that is signed, logged, witnessed, not expired and not older than one used before.
#[derive(Clone, Debug)]
pub struct TrustedManifest {
    manifest: ReleaseManifest,
    signature: VerifiedBundle,
    witnessed: WitnessedCheckpoint,
    index: u64,
    seen: RollbackState,
}

impl TrustedManifest {
    pub(crate) const fn new(
        manifest: ReleaseManifest,
        signature: VerifiedBundle,
        witnessed: WitnessedCheckpoint,
        index: u64,
        seen: RollbackState,
    ) -> Self {
        Self { manifest, signature, witnessed, index, seen }
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &ReleaseManifest {
        &self.manifest
    }

    /// The identity that signed the manifest.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        self.signature.signer()
    }

    /// The time the signature was logged, in seconds since 1970.
    #[must_use]
    pub const fn logged_at(&self) -> u64 {
        self.signature.signed_at()
    }

    /// The release log's checkpoint with its cosignatures.
    #[must_use]
    pub const fn witnessed(&self) -> &WitnessedCheckpoint {
        &self.witnessed
    }

    /// The manifest's index in the release log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Verifies that these bytes are the module of a usable release.
    ///
    /// # Errors
    /// [`ReleaseError`] when the manifest does not list the module, deprecates it, or a newer release was used before.
    pub fn module(&self, bytes: &[u8]) -> Result<VerifiedRelease<'_>, ReleaseError> {
        self.release(&Digest::sha256(bytes))
    }

    /// Verifies a module by its digest.
    ///
    /// # Errors
    /// As [`TrustedManifest::module`].
    pub fn release(&self, module: &Digest) -> Result<VerifiedRelease<'_>, ReleaseError> {
        match self.manifest.find(module) {
            None => Err(ReleaseError::UnknownModule { digest: hex(module) }),
            Some((ReleaseStatus::Deprecated, release)) => Err(ReleaseError::Deprecated { version: release.version }),
            Some((_, release)) if release.version < self.seen.version => {
                Err(ReleaseError::OlderModule { seen: self.seen.version, now: release.version })
            }
            Some((status, release)) => Ok(VerifiedRelease { from: self, status, release }),
        }
    }
}

/// A module that belongs to a usable release.
#[derive(Clone, Debug)]
pub struct VerifiedRelease<'a> {
    from: &'a TrustedManifest,
    status: ReleaseStatus,
    release: &'a Release,
}

impl VerifiedRelease<'_> {
    /// The release.
    #[must_use]
    pub const fn release(&self) -> &Release {
        self.release
    }

    /// The list of the manifest that contains the release.
    #[must_use]
    pub const fn status(&self) -> ReleaseStatus {
        self.status
    }

    /// The manifest that lists the release.
    #[must_use]
    pub const fn manifest(&self) -> &TrustedManifest {
        self.from
    }

    /// The state to store. The verifier then rejects anything older.
    #[must_use]
    pub fn seen(&self) -> RollbackState {
        let before = self.from.seen;
        RollbackState {
            version: before.version.max(self.release.version),
            floor: before.floor.max(self.from.manifest.version_floor),
            index: before.index.max(self.from.index),
        }
    }

    /// Verifies the release's page.
    ///
    /// # Errors
    /// [`ReleaseError::Page`] when the page does not belong to the release.
    pub fn page(&self, bytes: &[u8]) -> Result<(), ReleaseError> {
        let same = Digest::sha256(bytes) == self.release.page;
        if same { Ok(()) } else { Err(ReleaseError::Page { version: self.release.version }) }
    }

    /// Verifies and reads the release's headers file.
    ///
    /// # Errors
    /// [`ReleaseError::HeadersFile`] when the file does not belong to the release, [`ReleaseError::HeadersForm`] when
    /// it is malformed.
    pub fn headers(&self, bytes: &[u8]) -> Result<HeadersFile, ReleaseError> {
        if Digest::sha256(bytes) != self.release.headers {
            return Err(ReleaseError::HeadersFile { version: self.release.version });
        }
        HeadersFile::parse(bytes)
    }
}
