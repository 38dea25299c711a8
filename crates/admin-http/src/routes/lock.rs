//! Locking and unlocking.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use briefcase_api::{Confidential, Status, Unlock};

use super::status;
use crate::{
    UnlockError,
    error::{ApiError, ApiResult, uninterrupted},
    state::AdminState,
};

/// `POST /v1/unlock`
pub async fn unlock(State(admin): State<Arc<AdminState>>, Json(body): Json<Unlock<Confidential>>) -> ApiResult<Status> {
    let key = match body {
        Unlock::Passphrase(text) => Unlock::Passphrase(text.into_secret()),
        Unlock::UnlockKey(text) => Unlock::UnlockKey(text.into_secret()),
    };
    let lock = Arc::clone(&admin.parts.lock);
    // If unlocking stopped half-way, the next attempt would find the state in use.
    uninterrupted(async move { lock.unlock(key).await.map_err(not_unlocked) }).await?;
    Ok(status::status(State(admin)).await)
}

fn not_unlocked(error: UnlockError) -> ApiError {
    match error {
        UnlockError::MalformedKey(text) => {
            ApiError::new(StatusCode::BAD_REQUEST, "invalid", text, "Type the key as it was shown at set-up.")
        }
        UnlockError::NotSetUp(text) => {
            ApiError::new(StatusCode::CONFLICT, "not_set_up", text, "Run `briefcase setup`.")
        }
        UnlockError::WrongKey(_) => ApiError::new(
            StatusCode::FORBIDDEN,
            "wrong_key",
            "The vault does not open with this.",
            "Try again. If it never opens, restore a backup with `briefcased restore`.",
        ),
        UnlockError::Vault(text) => ApiError::new(StatusCode::CONFLICT, "vault", text, "Run `briefcase doctor`."),
        UnlockError::State(text) => ApiError::new(
            StatusCode::CONFLICT,
            "state",
            text,
            "Run `briefcase fsck`; restore a backup with `briefcased restore` if it finds damage.",
        ),
    }
}

/// `POST /v1/lock`: also ends the console's sessions.
pub async fn lock(State(admin): State<Arc<AdminState>>) -> Json<Status> {
    let lock = Arc::clone(&admin.parts.lock);
    let locked = uninterrupted(async move {
        lock.lock().await;
        Ok(())
    });
    // Locking cannot fail: the daemon logs what it could not close.
    let _ = locked.await;
    admin.console.clear();
    status::status(State(admin)).await
}
