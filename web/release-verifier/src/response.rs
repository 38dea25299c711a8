//! Responses as JSON; `types.ts` has the same shapes as types.

#[cfg(target_arch = "wasm32")]
use briefcase_release::ReleaseError;
use briefcase_release::{Release, ReleaseStatus, TrustedManifest, VerifiedRelease, hex};
use serde_json::{Value, json};

pub fn manifest(trusted: &TrustedManifest) -> String {
    let manifest = trusted.manifest();
    let witnesses = trusted.witnessed().cosigned().iter().map(|(name, _)| &**name);
    json!({
        "current": release(&manifest.current),
        "allowed": manifest.allowed.iter().map(release).collect::<Vec<_>>(),
        "expires": manifest.expires,
        "loggedAt": trusted.logged_at(),
        "index": trusted.index(),
        "signer": { "identity": trusted.signer().identity, "issuer": trusted.signer().issuer },
        "witnesses": witnesses.collect::<Vec<_>>(),
    })
    .to_string()
}

pub fn module(verified: &VerifiedRelease<'_>) -> String {
    let seen = verified.seen();
    let status = match verified.status() {
        ReleaseStatus::Current => "current",
        _ => "allowed",
    };
    json!({
        "release": release(verified.release()),
        "status": status,
        "seen": { "version": seen.version, "floor": seen.floor, "index": seen.index },
    })
    .to_string()
}

/// The response of a successful check without data.
pub const EMPTY: &str = "{}";

/// Formats a refusal; only the exports need it.
#[cfg(target_arch = "wasm32")]
pub fn refusal(error: &ReleaseError) -> String {
    json!({ "layer": error.layer().name(), "code": error.code(), "message": error.to_string() }).to_string()
}

fn release(release: &Release) -> Value {
    json!({
        "version": release.version,
        "commit": release.commit,
        "schema": release.schema,
        "sha256": hex(&release.sha256),
        "page": hex(&release.page),
        "headers": hex(&release.headers),
    })
}
