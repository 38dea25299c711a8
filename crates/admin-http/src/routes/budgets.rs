//! Budgets.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::BudgetView;
use briefcase_policy::authority::{Budget, Limit, Scope, Window};
use briefcase_types::Money;

use crate::{
    edit::Edit,
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// `GET /v1/budgets`
pub async fn list(State(admin): State<Arc<AdminState>>) -> ApiResult<Vec<BudgetView>> {
    let briefcase = admin.briefcase()?;
    let (authority, now) = (briefcase.engine.authority(), briefcase.engine.now());
    let standings = briefcase.engine.with_ledger(|ledger| ledger.standings(authority.budgets(), now));
    let views = standings.into_iter().map(|standing| {
        let used = standing.spent.saturating_add(standing.reserved);
        let (used_text, limit) = match standing.budget.limit {
            Limit::Calls(limit) => (format!("{used} calls"), limit),
            Limit::Money(limit) => (Money { micros: used, ..limit }.to_string(), limit.micros),
        };
        let permille = u128::from(used).saturating_mul(1000).checked_div(u128::from(limit)).unwrap_or(1000);
        BudgetView {
            scope: standing.budget.scope.to_string(),
            window: standing.budget.window.as_str().to_owned(),
            limit: standing.budget.limit.to_string(),
            used: used_text,
            permille: permille.try_into().unwrap_or(u64::MAX),
        }
    });
    Ok(Json(views.collect()))
}

/// Sets a budget, or removes it when there is no limit.
///
/// # Errors
/// `invalid`: the window or the limit cannot be parsed.
pub fn set(scope: Scope, window: &str, limit: Option<String>) -> Result<Edit, ApiError> {
    let window: Window = window.parse().map_err(ApiError::invalid)?;
    Ok(match limit.map(|limit| limit.parse::<Limit>()).transpose().map_err(ApiError::invalid)? {
        Some(limit) => Edit::of(move |document| document.set_budget(Budget { scope, window, limit })),
        None => Edit::of(move |document| document.remove_budget(&scope, window)),
    })
}
