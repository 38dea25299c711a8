//! Receipts: lists, and single receipts with their proofs.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use briefcase_api::{Proof, ReceiptDetail, ReceiptPage, ReceiptQuery, ReceiptRow};
use briefcase_receipts::{Kind, merkle::leaf_hash};
use briefcase_store::{Reader, ReceiptFilter, StoreError, StoredReceipt};
use briefcase_types::{CallId, ReceiptIndex};
use serde_json::Value;

use crate::{
    error::{ApiError, ApiResult},
    state::AdminState,
};

/// The distance, in receipts, within which the other receipts of a call are searched.
const RELATED_RANGE: u64 = 2_048;

/// `GET /v1/receipts`: a page, newest first.
pub async fn list(State(admin): State<Arc<AdminState>>, Query(query): Query<ReceiptQuery>) -> ApiResult<ReceiptPage> {
    let briefcase = admin.briefcase()?;
    let limit = usize::try_from(query.limit.unwrap_or(50).clamp(1, 1000)).unwrap_or(50);
    let filter = ReceiptFilter {
        agent: query
            .agent
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| ApiError::invalid(format!("{error}.")))?,
        server: query
            .server
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| ApiError::invalid(format!("{error}.")))?,
        tool: query.tool,
        kind: query.kind,
        code: query.code,
        from: query.since,
        ..ReceiptFilter::default()
    };
    let before = query.before.map(ReceiptIndex);
    let found =
        briefcase.reader().spawn(move |reader| Ok((reader.search(&filter, before, limit)?, reader.size()?))).await;
    let (page, size) = found.map_err(|error| failure(&error))?;
    let next = page.next.map(|index| index.0);
    Ok(Json(ReceiptPage { receipts: page.found.iter().map(row).collect(), size, next }))
}

/// `GET /v1/receipts/{id}`: one receipt with its opening, its proof and the other receipts of its call.
pub async fn detail(State(admin): State<Arc<AdminState>>, Path(id): Path<ReceiptIndex>) -> ApiResult<ReceiptDetail> {
    let briefcase = admin.briefcase()?;
    let found = briefcase.reader().spawn(move |reader| {
        let proof = reader.prove(id)?;
        let text = reader.proof_text(id)?;
        let opening = match reader.opening(id) {
            Ok(opening) => opening.expose(|raw| serde_json::from_slice::<Value>(raw).ok()),
            Err(_) => None,
        };
        let related = related(reader, &proof.stored)?;
        Ok(ReceiptDetail {
            id,
            receipt: json(&proof.stored),
            opening,
            related: related.iter().map(row).collect(),
            proof: Proof {
                leaf: leaf_hash(&proof.stored.body),
                path: proof.inclusion.path.clone(),
                checkpoint: proof.head.note().to_owned(),
                text,
            },
        })
    });
    found.await.map(Json).map_err(|error| failure(&error))
}

/// A receipt as a row of a list.
pub fn row(stored: &StoredReceipt) -> ReceiptRow {
    ReceiptRow { id: stored.index, receipt: json(stored) }
}

fn json(stored: &StoredReceipt) -> Value {
    serde_json::from_slice(&stored.body).unwrap_or_default()
}

/// The other receipts of the same call, near the receipt.
pub fn related(reader: &Reader, stored: &StoredReceipt) -> Result<Vec<StoredReceipt>, StoreError> {
    let Some(call) = call_of(&stored.receipt.kind) else { return Ok(Vec::new()) };
    let from = stored.index.0.saturating_sub(RELATED_RANGE);
    let near = reader.range(from..stored.index.0.saturating_add(RELATED_RANGE))?;
    let same = |other: &StoredReceipt| other.index != stored.index && call_of(&other.receipt.kind) == Some(call);
    Ok(near.into_iter().filter(same).collect())
}

fn call_of(kind: &Kind) -> Option<CallId> {
    match kind {
        Kind::Intent(intent) => Some(intent.call),
        Kind::Outcome(outcome) => Some(outcome.call),
        Kind::Refusal(refused) => Some(refused.call),
        Kind::Reconcile(orphan) => Some(orphan.call),
        Kind::Approval(step) => step.call,
        _ => None,
    }
}

/// Translates an error of the store.
pub fn failure(error: &StoreError) -> ApiError {
    match error {
        StoreError::Absent(what) => ApiError::not_found(what, "briefcase receipts list"),
        other => {
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", other.to_string(), "Run `briefcase fsck`.")
        }
    }
}
