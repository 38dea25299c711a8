//! Errors as the admin contract words them: a status, a stable code, what to do next.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use briefcase_api::Problem;
use briefcase_engine::{active_authority::ActiveAuthorityError, approvals::DecisionError, change::ChangeError};
use briefcase_policy::authority::AuthorityError;
use briefcase_ports::{FactorRefusal, JournalError};

/// An error answer.
#[derive(Debug)]
pub struct ApiError(pub StatusCode, pub Problem);

/// What every handler gives.
pub type ApiResult<T> = Result<Json<T>, ApiError>;

/// Does work to its end even when the client hangs up in the middle: a request's own future is dropped then.
pub async fn uninterrupted<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::spawn(work).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

impl ApiError {
    /// A failure with a status.
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self(status, Problem::new(code, message, next_step))
    }

    /// The request makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message, "Correct the request; `--help` shows its form.")
    }

    /// Not found.
    pub fn not_found(what: &str, list: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no {what}."),
            format!("List them with `{list}`."),
        )
    }

    /// The vault is locked.
    pub fn locked() -> Self {
        Self::new(StatusCode::LOCKED, "locked", "The briefcase is locked.", "Unlock it with `briefcase unlock`.")
    }

    /// Something inside failed.
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
            DecisionError::DigestMismatch => {
                Self::new(StatusCode::CONFLICT, "not_what_was_shown", text, "Look at the question again, then decide.")
            }
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
            _ => ("passkey_refused", "Try again; the question may have been open for too long."),
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
                "Look at the change again, then confirm it.",
            ),
            ChangeError::ActiveAuthority(ActiveAuthorityError::Authority(AuthorityError::Unknown { kind, name })) => {
                Self::not_found(&format!("{kind} `{name}`"), listed_by(kind))
            }
            other => Self::invalid(other.to_string()),
        }
    }
}

/// The command that lists things of a kind that the authority document has.
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
