//! One way to ask whether a Sigstore bundle is good, offline.
//!
//! A bundle carries a signature, the short-lived certificate that names the signer, and the proof that both were logged.
//! The invariant: a [`VerifiedBundle`] exists only if the signature is over exactly the artifact given, the certificate chains
//! to the trusted root and was valid when a trusted clock or log saw the signature, it carries a certificate-log
//! timestamp, it names exactly the expected identity **and** issuer, and the entry is proved to be in a trusted log.
//! There is no way to ask for less.
//!
//! The checks are those of `sigstore-verify`; the cryptography is RustCrypto's, through [`provider`], so that daemon,
//! command line and browser verify with the same code. Only bundles of media type v0.3 are read: older ones may lack the
//! inclusion proof.
//!
//! The dependency compares a logged time with the machine's clock to refuse times in the future; in the browser that
//! clock is the one that the caller passes in. Whoever has a better notion of time compares [`VerifiedBundle::signed_at`].

mod error;
mod provider;

pub use error::SigstoreError;
use sigstore_verify::{
    IdentityMatcher, VerificationPolicy, VerificationResult, Verifier, trust_root,
    types::{Bundle, Sha256Hash, SignatureContent},
};

/// Longest bundle or trusted root that is read.
const TEXT_MAX: usize = 1 << 20;

/// The media types of a bundle v0.3.
const MEDIA_TYPES: [&str; 2] =
    ["application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle+json;version=0.3"];

/// The certificate authorities, logs and clocks that are believed.
pub struct TrustedRoot(Verifier);

impl TrustedRoot {
    /// Reads a trusted root (`trusted_root.json`).
    ///
    /// # Errors
    /// [`SigstoreError::TrustedRoot`] when it is none, or one of its keys or certificates cannot be used.
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

/// Who has to have signed: the certificate's subject alternative name and the issuer of the identity behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerIdentity {
    /// An address or URI, such as a workflow's `https://github.com/owner/name/.github/workflows/release.yml@refs/tags/v1`.
    pub identity: String,
    /// The OpenID issuer, such as `https://token.actions.githubusercontent.com`.
    pub issuer: String,
}

/// What was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedContent {
    /// The artifact's bytes.
    Bytes,
    /// A statement that names the artifact by its digest (in-toto in a DSSE envelope). What it says of it was not judged.
    Statement,
}

/// A bundle that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    signer: SignerIdentity,
    signed: SignedContent,
    signed_at: u64,
}

impl VerifiedBundle {
    /// Who signed.
    #[must_use]
    pub const fn signer(&self) -> &SignerIdentity {
        &self.signer
    }

    /// What was signed.
    #[must_use]
    pub const fn signed(&self) -> SignedContent {
        self.signed
    }

    /// The earliest time at which a trusted clock or log saw the signature, in seconds since 1970.
    #[must_use]
    pub const fn signed_at(&self) -> u64 {
        self.signed_at
    }
}

/// What has to have been signed: the bytes, or their SHA-256 where they are not at hand.
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
/// [`SigstoreError`] with the first thing that does not hold.
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
        _ => return Err(SigstoreError::Malformed("its signature is of an unknown kind".into())),
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

/// Reads a bundle and refuses one that proves less than v0.3 has to, before anything in it is used.
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

/// The dependency's own account of what it checked: all of it, or nothing counts.
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
    first.and_then(|second| u64::try_from(second).ok()).ok_or_else(|| SigstoreError::Time("there is none".into()))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= TEXT_MAX)
}
