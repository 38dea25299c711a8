//! Error responses of the admin API: a status, a stable code, and the next step.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use briefcase_api::Problem;
use briefcase_engine::{active_authority::ActiveAuthorityError, approvals::DecisionError, change::ChangeError};
use briefcase_policy::authority::AuthorityError;
use briefcase_ports::{FactorRefusal, JournalError};

/// An error response.
#[derive(Debug)]
pub struct ApiError(pub StatusCode, pub Problem);

/// The result of a handler.
pub type ApiResult<T> = Result<Json<T>, ApiError>;

/// Runs work to its end even when the client disconnects: the future of the request itself is dropped then.
///
/// # Errors
/// As the work, or `unavailable` when it panics.
pub async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

impl ApiError {
    /// Makes an error.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self(status, Problem::new(code, message, next_step))
    }

    /// `invalid`: the request has no meaning.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message, "Correct the request; `--help` shows its form.")
    }

    /// `not_found`: `what` does not exist; `list` is the command that lists what does.
    pub fn not_found(what: &str, list: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no {what}."),
            format!("List them with `{list}`."),
        )
    }

    /// `locked`: the briefcase is locked.
    pub fn locked() -> Self {
        Self::new(StatusCode::LOCKED, "locked", "The briefcase is locked.", "Unlock it with `briefcase unlock`.")
    }

    /// `unavailable`: the daemon failed.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        let text = error.to_string();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", text, "Run `briefcase doctor`.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<DecisionError> for ApiError {
    fn from(error: DecisionError) -> Self {
        let text = error.to_string();
        match error {
            DecisionError::NotFound => Self::new(
                StatusCode::NOT_FOUND,
                "no_such_question",
                text,
                "List pending approval requests with `briefcase approvals`.",
            ),
            DecisionError::DigestMismatch => Self::new(
                StatusCode::CONFLICT,
                "not_what_was_shown",
                text,
                "Review the approval request again, then decide.",
            ),
            _ => Self::new(StatusCode::BAD_REQUEST, "scope_not_offered", text, "Allow it once, or deny it."),
        }
    }
}

impl From<FactorRefusal> for ApiError {
    fn from(error: FactorRefusal) -> Self {
        let text = error.to_string();
        let (code, next) = match error {
            FactorRefusal::WrongPin { .. } => ("wrong_pin", "Type the PIN again."),
            FactorRefusal::LockedOut { .. } => {
                ("locked_out", "Wait, or use a passkey in the console: `briefcase console`.")
            }
            FactorRefusal::NotEnrolled => ("factor_required", "Add a factor with `briefcase factor add`."),
            FactorRefusal::Unrecorded(_) => ("unavailable", "Free disk space or repair the state folder."),
            _ => ("passkey_refused", "Try again; the challenge may have expired."),
        };
        Self::new(StatusCode::FORBIDDEN, code, text, next)
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        let text = format!("Nothing was changed: {error}.");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            text,
            "Run `briefcase doctor`, then restart `briefcased`.",
        )
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Factor(refusal) => refusal.into(),
            ChangeError::Decision(reason) => reason.into(),
            ChangeError::Journal(reason) => reason.into(),
            ChangeError::Stale => Self::new(
                StatusCode::CONFLICT,
                "conflict",
                error.to_string(),
                "Review the change again, then confirm it.",
            ),
            ChangeError::ActiveAuthority(ActiveAuthorityError::Authority(AuthorityError::Unknown { kind, name })) => {
                Self::not_found(&format!("{kind} `{name}`"), listed_by(kind))
            }
            other => Self::invalid(other.to_string()),
        }
    }
}

/// The command that lists the entries of a kind in the authority document.
fn listed_by(kind: &str) -> &'static str {
    match kind {
        "agent" => "briefcase agent list",
        "server" => "briefcase server list",
        "tool" => "briefcase tools",
        "secret" => "briefcase secret list",
        "grant" => "briefcase grants list",
        "factor" => "briefcase factor list",
        _ => "briefcase budget list",
    }
}
