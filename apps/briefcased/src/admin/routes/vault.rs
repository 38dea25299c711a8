//! Unlocking, locking, backups, and what browsers need for passkeys.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use briefcase_api::{Backup, Bound, Confidential, PasskeyOffer, PasskeyOfferView, Status, Unlock, WebAuthnOptions};
use briefcase_types::Digest;
use briefcase_vault::{UnlockKey, VaultError, backup};

use super::views;
use crate::{
    admin::{
        answer::{Answer, Failure, uninterrupted},
        evidence::evidence,
        offers,
        state::Admin,
    },
    keep::identity,
    life::Key,
    open::{LOG_KEY_FILE, OpenError, VAULT_FILE},
};

/// `POST /v1/unlock`
pub async fn unlock(State(admin): State<Arc<Admin>>, Json(body): Json<Unlock<Confidential>>) -> Answer<Status> {
    let key = match body {
        Unlock::Passphrase(text) => Key::Passphrase(text.into_secret()),
        Unlock::UnlockKey(text) => {
            let key = UnlockKey::parse(&text.into_secret());
            Key::UnlockKey(key.map_err(|error| {
                Failure::new(
                    StatusCode::BAD_REQUEST,
                    "invalid",
                    error.to_string(),
                    "Type the key as it was shown at set-up.",
                )
            })?)
        }
    };
    let life = Arc::clone(&admin.life);
    // Half-way, with the client gone, the next one to try would find the state in use.
    uninterrupted(async move { life.unlock(key).await.map(drop).map_err(|error| not_opened(&error)) }).await?;
    Ok(views::status(State(admin)).await)
}

fn not_opened(error: &OpenError) -> Failure {
    let text = error.to_string();
    match error {
        OpenError::NotSetUp => Failure::new(StatusCode::CONFLICT, "not_set_up", text, "Run `briefcase setup`."),
        OpenError::Vault(VaultError::DoesNotOpen) => Failure::new(
            StatusCode::FORBIDDEN,
            "wrong_key",
            "The vault does not open with this.",
            "Try again. If it never opens, restore a backup with `briefcased restore`.",
        ),
        OpenError::Vault(_) => Failure::new(StatusCode::CONFLICT, "vault", text, "Run `briefcase doctor`."),
        _ => Failure::new(
            StatusCode::CONFLICT,
            "state",
            text,
            "Run `briefcase fsck`; restore a backup with `briefcased restore` if it finds damage.",
        ),
    }
}

/// `POST /v1/lock`
pub async fn lock(State(admin): State<Arc<Admin>>) -> Json<Status> {
    let locking = Arc::clone(&admin);
    let locked = uninterrupted(async move {
        locking.life.lock().await;
        Ok(())
    });
    // Locking cannot fail; what it could not close is in the log.
    let _ = locked.await;
    admin.console.clear();
    views::status(State(admin)).await
}

/// `POST /v1/challenge`
pub async fn challenge(State(admin): State<Arc<Admin>>, Json(body): Json<Bound>) -> Answer<WebAuthnOptions> {
    let open = admin.open()?;
    let options = open.presence.challenge(body.digest).await;
    let next = "Enrol one with `briefcase factor add passkey`, or decide at a terminal with `briefcase approvals`.";
    options
        .map(|options| Json(WebAuthnOptions(options)))
        .map_err(|error| Failure::new(StatusCode::CONFLICT, "factor_required", error.to_string(), next))
}

/// `POST /v1/passkey/begin`
pub async fn begin_passkey(State(admin): State<Arc<Admin>>) -> Answer<WebAuthnOptions> {
    let open = admin.open()?;
    let options = open.presence.begin_passkey().await.map_err(|error| Failure::invalid(format!("{error}.")))?;
    Ok(Json(WebAuthnOptions(options)))
}

/// `POST /v1/passkey/offer`
pub async fn offer_passkey(
    State(admin): State<Arc<Admin>>,
    Json(body): Json<PasskeyOffer>,
) -> Answer<PasskeyOfferView> {
    let open = admin.open()?;
    let label = briefcase_types::text::printable(briefcase_types::text::clip(&body.label, 64));
    let code = offers::code(&body.credential);
    admin.offers.put(label.clone(), body.credential, open.engine.now());
    Ok(Json(PasskeyOfferView { label, code }))
}

/// `GET /v1/passkey/offer`
pub async fn offered_passkey(State(admin): State<Arc<Admin>>) -> Answer<PasskeyOfferView> {
    let open = admin.open()?;
    let offer = admin.offers.peek(open.engine.now())?;
    Ok(Json(PasskeyOfferView { code: offers::code(&offer.credential), label: offer.label }))
}

/// What the evidence for a backup has to be made for.
#[must_use]
pub fn backup_digest() -> Digest {
    Digest::labelled("briefcase/backup/1", &[])
}

/// `POST /v1/backup`
pub async fn backup(
    State(admin): State<Arc<Admin>>,
    Json(body): Json<Backup<Confidential>>,
) -> Result<Response, Failure> {
    let open = admin.open()?;
    open.engine.check(evidence(body.evidence)?, backup_digest()).await?;
    let state = admin.life.around.paths.state.clone();
    let (passphrase, entropy, now) = (body.passphrase.into_secret(), Arc::clone(&open.entropy), open.engine.now());
    let work = move || -> Result<Vec<u8>, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let head = open.reader.head().map_err(|error| told(&error))?;
        let mut database = Vec::new();
        open.reader.backup(&mut database).map_err(|error| told(&error))?;
        let mut files: Vec<(String, Vec<u8>)> = vec![("briefcase.db".to_owned(), database)];
        for name in [VAULT_FILE, LOG_KEY_FILE, identity::FILE] {
            files.push((name.to_owned(), std::fs::read(state.join(name)).map_err(|error| told(&error))?));
        }
        let moment =
            backup::Moment { created: now, incarnation: open.identity.incarnation, head: head.note().to_owned() };
        let mut contents: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let mut sources: Vec<backup::BackupSource<'_>> = contents
            .iter_mut()
            .map(|(name, bytes)| {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                backup::BackupSource {
                    entry: backup::FileEntry { name: (*name).to_owned(), bytes: length },
                    content: bytes,
                }
            })
            .collect();
        let mut archive = Vec::new();
        let recipient =
            backup::Recipient::Passphrase { passphrase: &passphrase, cost: briefcase_vault::KdfCost::DEFAULT };
        backup::seal(&mut archive, recipient, moment, &mut sources, entropy.as_ref()).map_err(|error| told(&error))?;
        Ok(archive)
    };
    let archive = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::internal(&error))?;
    let archive = archive.map_err(|error| Failure::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], archive).into_response())
}
