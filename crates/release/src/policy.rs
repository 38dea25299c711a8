//! The verifier's policy: the expected signer, log and witnesses. It also holds the first half of verification: from
//! the three evidence files to a trusted manifest.

use briefcase_json::{JsonLimits, parse_relayed};
use briefcase_sigstore::{SignedContent, SignerIdentity, TrustedRoot};
use briefcase_tlog::LogProof;
use briefcase_types::UnixMillis;
use serde_json::Value;

use crate::{error::ReleaseError, manifest::ReleaseManifest, trusted::TrustedManifest};

/// The value of the member `form`.
const FORM: &str = "briefcase/release-policy@1";

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 16, keys: 10_000, values: 20_000, number: 20 };

/// The accepted clock difference, in seconds.
const SKEW: u64 = 300;

/// A verifier's policy.
#[derive(Debug)]
pub struct ReleasePolicy {
    /// The expected signer of manifests.
    pub signer: SignerIdentity,
    /// The certificate authorities and logs trusted for that signer.
    pub root: TrustedRoot,
    /// The expected release log and its witnesses.
    pub log: briefcase_tlog::LogPolicy,
}

/// The files fetched along with a module.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseEvidence<'a> {
    /// The manifest's bytes.
    pub manifest: &'a [u8],
    /// The Sigstore bundle for the manifest.
    pub bundle: &'a [u8],
    /// The log proof for the manifest.
    pub proof: &'a [u8],
}

/// The state that a verifier stores against rollbacks. A new verifier starts with the default. Values from its own
/// package (the release it was built with) are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollbackState {
    /// The highest release used.
    pub version: u64,
    /// The highest version floor of a manifest.
    pub floor: u64,
    /// The highest log index of a manifest.
    pub index: u64,
}

impl ReleasePolicy {
    /// Reads a policy: a JSON object with `form`, `identity`, `issuer`, `log` (a C2SP tlog-policy as text) and
    /// `trusted_root` (a Sigstore trusted root).
    ///
    /// # Errors
    /// [`ReleaseError::Policy`] when the policy is malformed, or lists witnesses but needs no cosignature.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReleaseError> {
        let wrong = |why: &dyn std::fmt::Display| ReleaseError::Policy(why.to_string());
        let Value::Object(mut members) = parse_relayed(bytes, &LIMITS).map_err(|error| wrong(&error))? else {
            return Err(wrong(&"it is not an object"));
        };
        let mut text = |name: &'static str| match members.remove(name) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            _ => Err(ReleaseError::Policy(format!("`{name}` is missing or not text"))),
        };
        if text("form")? != FORM {
            return Err(wrong(&format_args!("the member `form` must be `{FORM}`")));
        }
        let signer = SignerIdentity { identity: text("identity")?, issuer: text("issuer")? };
        let log: briefcase_tlog::LogPolicy = text("log")?.parse().map_err(|error| wrong(&error))?;
        let root = members.remove("trusted_root").ok_or_else(|| wrong(&"`trusted_root` is missing"))?;
        let root = TrustedRoot::parse(root.to_string().as_bytes()).map_err(|error| wrong(&error))?;
        if let Some(name) = members.keys().next() {
            return Err(wrong(&format_args!("`{name}` is unknown")));
        }
        if log.logs().is_empty() {
            return Err(wrong(&"it names no log"));
        }
        if log.allows_no_witness() && !log.witnesses().is_empty() {
            return Err(wrong(&"it lists witnesses but its quorum needs no cosignature"));
        }
        Ok(Self { signer, root, log })
    }

    /// Verifies the evidence: signature, log, witnesses, format, expiry and rollback.
    ///
    /// # Errors
    /// [`ReleaseError`] from the first layer that fails.
    pub fn manifest(
        &self,
        evidence: ReleaseEvidence<'_>,
        seen: RollbackState,
        now: UnixMillis,
    ) -> Result<TrustedManifest, ReleaseError> {
        let latest = (now.0 / 1000).saturating_add(SKEW);
        let signature =
            briefcase_sigstore::verify(evidence.bundle, evidence.manifest.into(), &self.root, &self.signer)?;
        if signature.signed() != SignedContent::Bytes {
            return Err(ReleaseError::Statement);
        }
        if signature.signed_at() > latest {
            return Err(ReleaseError::Future);
        }
        let proof = LogProof::parse(evidence.proof)?;
        let witnessed = proof.verify_by(evidence.manifest, &self.log, latest)?;
        let manifest = ReleaseManifest::parse(evidence.manifest)?;
        if manifest.ended(now) {
            return Err(ReleaseError::Expired { expires: manifest.expires });
        }
        for (what, seen, now) in [
            ("the index in the log", seen.index, proof.index),
            ("the version floor", seen.floor, manifest.version_floor),
            ("the current release", seen.version, manifest.current.version),
        ] {
            if now < seen {
                return Err(ReleaseError::OlderManifest { what, seen, now });
            }
        }
        Ok(TrustedManifest::new(manifest, signature, witnessed, proof.index, seen))
    }
}
