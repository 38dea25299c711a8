//! Locking and unlocking.

use std::sync::Arc;

use axum::{Extension, Json, extract::State, http::StatusCode};
use briefcase_api::{Confidential, Status, Unlock};
use briefcase_ports::{Entry, Urgency};
use briefcase_receipts::{Kind, Notice, Receipt, Text, Word};

use super::status;
use crate::{
    UnlockError,
    connections::ConnectionHandle,
    error::{ApiError, ApiResult, uninterrupted},
    state::AdminState,
    unlock_pace::TooManyWait,
};

/// `POST /v1/unlock`
pub async fn unlock(
    State(admin): State<Arc<AdminState>>,
    Extension(connection): Extension<ConnectionHandle>,
    Json(body): Json<Unlock<Confidential>>,
) -> ApiResult<Status> {
    let key = match body {
        Unlock::Passphrase(text) => Unlock::Passphrase(text.into_secret()),
        Unlock::UnlockKey(text) => Unlock::UnlockKey(text.into_secret()),
    };
    let process = connection.process().unwrap_or_default();
    let shared = Arc::clone(&admin);
    // A client that goes away while it waits has made no attempt.
    let turn = admin.unlock_pace.turn(process).await.map_err(|wait| too_many_wait(&wait))?;
    // From here on the attempt counts, whether or not the client waits for the result. If unlocking stopped half-way, the next
    // attempt would find the state in use.
    let attempt = uninterrupted(async move {
        match shared.parts.lock.unlock(key).await {
            Ok(()) => Ok(turn.succeeded()),
            Err(error) => {
                if matches!(error, UnlockError::WrongKey(_)) {
                    turn.failed();
                }
                Err(not_unlocked(error))
            }
        }
    });
    let failures = attempt.await?;
    if failures > 0 {
        record_failures(&admin, failures).await?;
    }
    Ok(status::status(State(admin)).await)
}

/// Records the failed attempts since the last successful one.
async fn record_failures(admin: &AdminState, failures: u32) -> Result<(), ApiError> {
    let briefcase = admin.briefcase()?;
    let detail = Some(Text::lossy(&format!("{failures} attempts with a wrong passphrase or key")));
    let notice = Notice { what: Word::lossy("unlock_failed"), agent: None, server: None, detail };
    let receipt = Receipt { at: briefcase.engine.now(), kind: Kind::Notice(notice) };
    briefcase.engine.record(Entry { receipt, opening: None }, Urgency::Now).await?;
    Ok(())
}

fn too_many_wait(wait: &TooManyWait) -> ApiError {
    let next =
        "Try again; `briefcase unlock` does so by itself. Each wrong passphrase makes all attempts wait, at most 60 s.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", format!("Not checked: {wait}."), next)
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
