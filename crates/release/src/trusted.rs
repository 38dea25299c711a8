//! A manifest that can be relied on, and the second half of the path: from it to a release, part by part.

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

/// A manifest that is signed, logged, witnessed, in force and not older than what was seen.
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

    /// What it says.
    #[must_use]
    pub const fn manifest(&self) -> &ReleaseManifest {
        &self.manifest
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        self.signature.signer()
    }

    /// When the signature was logged, in seconds since 1970.
    #[must_use]
    pub const fn logged_at(&self) -> u64 {
        self.signature.signed_at()
    }

    /// The head of the release log, and who cosigned it.
    #[must_use]
    pub const fn witnessed(&self) -> &WitnessedCheckpoint {
        &self.witnessed
    }

    /// Its place in the release log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Verifies that these bytes are a module that may be used.
    ///
    /// # Errors
    /// [`ReleaseError`] when the manifest does not name it, has taken it out of use, or a newer one was used before.
    pub fn module(&self, bytes: &[u8]) -> Result<VerifiedRelease<'_>, ReleaseError> {
        self.release(&Digest::sha256(bytes))
    }

    /// The same for whoever has hashed the module already.
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
            Some((standing, release)) => Ok(VerifiedRelease { from: self, standing, release }),
        }
    }
}

/// A module that is a release.
#[derive(Clone, Debug)]
pub struct VerifiedRelease<'a> {
    from: &'a TrustedManifest,
    standing: ReleaseStatus,
    release: &'a Release,
}

impl VerifiedRelease<'_> {
    /// Which release.
    #[must_use]
    pub const fn release(&self) -> &Release {
        self.release
    }

    /// Which list it is in.
    #[must_use]
    pub const fn standing(&self) -> ReleaseStatus {
        self.standing
    }

    /// The manifest that says so.
    #[must_use]
    pub const fn manifest(&self) -> &TrustedManifest {
        self.from
    }

    /// What to store: nothing older is a release for this verifier from now on.
    #[must_use]
    pub fn seen(&self) -> RollbackState {
        let before = self.from.seen;
        RollbackState {
            version: before.version.max(self.release.version),
            floor: before.floor.max(self.from.manifest.version_floor),
            index: before.index.max(self.from.index),
        }
    }

    /// Verifies that this is the release's page.
    ///
    /// # Errors
    /// [`ReleaseError::Page`] when it is another one.
    pub fn page(&self, bytes: &[u8]) -> Result<(), ReleaseError> {
        let same = Digest::sha256(bytes) == self.release.page;
        if same { Ok(()) } else { Err(ReleaseError::Page { version: self.release.version }) }
    }

    /// Verifies that this is the release's headers file, and reads it.
    ///
    /// # Errors
    /// [`ReleaseError::HeadersFile`] when it is another one, [`ReleaseError::HeadersForm`] when it cannot be read.
    pub fn headers(&self, bytes: &[u8]) -> Result<HeadersFile, ReleaseError> {
        if Digest::sha256(bytes) != self.release.headers {
            return Err(ReleaseError::HeadersFile { version: self.release.version });
        }
        HeadersFile::parse(bytes)
    }
}
