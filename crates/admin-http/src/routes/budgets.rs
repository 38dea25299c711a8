//! Budgets.

use std::sync::Arc;

use axum::{Json, extract::State};
use briefcase_api::BudgetView;
use briefcase_policy::authority::{Budget, BudgetScope, Limit, Window};
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
    let usage = briefcase.engine.with_ledger(|ledger| ledger.usage(authority.budgets(), now));
    let views = usage.into_iter().map(|of_budget| {
        let used = of_budget.spent.saturating_add(of_budget.reserved);
        let (used_text, limit) = match of_budget.budget.limit {
            Limit::Calls(limit) => (format!("{used} calls"), limit),
            Limit::Money(limit) => (Money { micros: used, ..limit }.to_string(), limit.micros),
        };
        let permille = u128::from(used).saturating_mul(1000).checked_div(u128::from(limit)).unwrap_or(1000);
        BudgetView {
            scope: of_budget.budget.scope.to_string(),
            window: of_budget.budget.window.as_str().to_owned(),
            limit: of_budget.budget.limit.to_string(),
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
pub fn set(scope: BudgetScope, window: &str, limit: Option<String>) -> Result<Edit, ApiError> {
    let window: Window = window.parse().map_err(ApiError::invalid)?;
    Ok(match limit.map(|limit| limit.parse::<Limit>()).transpose().map_err(ApiError::invalid)? {
        Some(limit) => Edit::of(move |document| document.set_budget(Budget { scope, window, limit })),
        None => Edit::of(move |document| document.remove_budget(&scope, window)),
    })
}
