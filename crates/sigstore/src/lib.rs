//! Offline verification of Sigstore bundles, with one fixed set of checks.
//!
//! A bundle carries a signature, the short-lived certificate that names the signer, and the proof that both were
//! logged.
//!
//! Invariant: a [`VerifiedBundle`] exists only if all of these hold. The signature covers exactly the given artifact.
//! The certificate chains to the trusted root, carries a certificate-log timestamp, and was valid when a trusted clock
//! or log saw the signature. It names exactly the expected identity **and** issuer. A trusted log proves the entry. No
//! option weakens these checks.
//!
//! `sigstore-verify` makes the checks. RustCrypto does the cryptography, through [`provider`], so the command line and
//! the browser run the same code. Only bundles of media type v0.3 are accepted: older ones may lack the inclusion
//! proof.
//!
//! The dependency compares logged times with the machine's clock, to reject times in the future. In the browser the
//! caller supplies that clock. A caller with a better clock compares [`VerifiedBundle::signed_at`].

mod error;
mod provider;

pub use error::SigstoreError;
use sigstore_verify::{
    IdentityMatcher, VerificationPolicy, VerificationResult, Verifier, trust_root,
    types::{Bundle, Sha256Hash, SignatureContent},
};

/// The longest accepted bundle or trusted root.
const TEXT_MAX: usize = 1 << 20;

/// The media types of a bundle v0.3.
const MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];

/// The trusted certificate authorities, logs and timestamp authorities.
pub struct TrustedRoot(Verifier);

impl TrustedRoot {
    /// Reads a trusted root (`trusted_root.json`).
    ///
    /// # Errors
    /// [`SigstoreError::TrustedRoot`] when the JSON is malformed, or a key or certificate in it is unusable.
    pub fn parse(json: &[u8]) -> Result<Self, SigstoreError> {
        provider::install();
        let bad = |error: &dyn std::fmt::Display| SigstoreError::TrustedRoot(error.to_string());
        let root = trust_root::TrustedRoot::from_json(text(json).ok_or_else(|| bad(&"not text, or too long"))?);
        Ok(Self(Verifier::new(&root.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?))
    }
}

impl std::fmt::Debug for TrustedRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TrustedRoot")
    }
}

/// The expected signer: the certificate's subject alternative name, and the issuer of the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerIdentity {
    /// An address or URI, such as a workflow's `https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1`.
    pub identity: String,
    /// The OpenID issuer, such as `https://token.actions.githubusercontent.com`.
    pub issuer: String,
}

/// The kind of content that a bundle signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// The artifact's bytes.
    Bytes,
    /// A statement that names the artifact by its digest (in-toto in a DSSE envelope). Its claims are not checked.
    Statement,
}

/// A bundle that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    signer: SignerIdentity,
    signed: SignedContent,
    signed_at: u64,
}

impl VerifiedBundle {
    /// The signer's identity.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// The kind of signed content.
    #[must_use]
    pub const fn signed(&self) -> SignedContent {
        self.signed
    }

    /// The earliest signing time that a trusted clock or log proves, in seconds since 1970.
    #[must_use]
    pub const fn signed_at(&self) -> u64 {
        self.signed_at
    }
}

/// The expected artifact: its bytes, or their SHA-256 digest.
#[derive(Clone, Copy, Debug)]
pub enum Artifact<'a> {
    /// The bytes.
    Bytes(&'a [u8]),
    /// Their digest.
    Sha256([u8; 32]),
}

impl<'a> From<&'a [u8]> for Artifact<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Verifies that `signer` signed `artifact`.
///
/// # Errors
/// [`SigstoreError`] from the first check that fails.
pub fn verify(
    bundle: &[u8],
    artifact: Artifact<'_>,
    root: &TrustedRoot,
    signer: &SignerIdentity,
) -> Result<VerifiedBundle, SigstoreError> {
    let bundle = read(bundle)?;
    let signed = match bundle.content {
        SignatureContent::MessageSignature(_) => SignedContent::Bytes,
        SignatureContent::DsseEnvelope(_) => SignedContent::Statement,
        _ => return Err(SigstoreError::Malformed("its signature type is unknown".into())),
    };
    let identity = IdentityMatcher::Exact(signer.identity.clone());
    let policy = VerificationPolicy::new(identity, &*signer.issuer);
    let result = match artifact {
        Artifact::Bytes(bytes) => root.0.verify(bytes, &bundle, &policy),
        Artifact::Sha256(digest) => root.0.verify(Sha256Hash::new(digest), &bundle, &policy),
    }?;
    complete(&result)?;
    Ok(VerifiedBundle { signer: signer.clone(), signed, signed_at: earliest(&result)? })
}

/// Reads a bundle. Rejects one with fewer proofs than v0.3 requires, before any part is used.
fn read(bundle: &[u8]) -> Result<Bundle, SigstoreError> {
    let malformed = |why: &dyn std::fmt::Display| SigstoreError::Malformed(why.to_string());
    let text = text(bundle).ok_or_else(|| malformed(&"not text, or too long"))?;
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| malformed(&error))?;
    let kind = json.get("mediaType").and_then(serde_json::Value::as_str).unwrap_or_default();
    if !MEDIA_TYPES.contains(&kind) {
        return Err(SigstoreError::MediaType(kind.chars().take(100).collect()));
    }
    let proof = |entry: &serde_json::Value| {
        entry.pointer("/inclusionProof/checkpoint/envelope").and_then(serde_json::Value::as_str).is_some()
    };
    let entries = json.pointer("/verificationMaterial/tlogEntries").and_then(serde_json::Value::as_array);
    if !entries.is_some_and(|entries| !entries.is_empty() && entries.iter().all(proof)) {
        return Err(SigstoreError::NoProof);
    }
    Bundle::from_json(text).map_err(|error| malformed(&error))
}

/// Requires the dependency to report every check as done.
fn complete(result: &VerificationResult) -> Result<(), SigstoreError> {
    if !result.certificate_verified() || !result.sct_verified() {
        return Err(SigstoreError::Certificate("it was not checked".into()));
    }
    if !result.identity_policy_checked() {
        return Err(SigstoreError::Identity("it was not checked".into()));
    }
    if result.tlog_verified() { Ok(()) } else { Err(SigstoreError::NoProof) }
}

fn earliest(result: &VerificationResult) -> Result<u64, SigstoreError> {
    let first = result.verified_timestamps().iter().map(|time| time.as_second()).min();
    first
        .and_then(|second| u64::try_from(second).ok())
        .ok_or_else(|| SigstoreError::Time("no timestamp is verified".into()))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= TEXT_MAX)
}
