//! The record: lists, details with proofs, and the log in its standard layout.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use briefcase_api::{Proof, ReceiptDetail, ReceiptPage, ReceiptQuery, ReceiptRow};
use briefcase_receipts::{Kind, merkle::leaf_hash};
use briefcase_store::{Reader, ReceiptFilter, StoreError, StoredReceipt};
use briefcase_types::{CallId, ReceiptIndex};
use serde_json::Value;

use crate::admin::{
    answer::{Answer, Failure},
    state::Admin,
};

/// How far around a receipt the others of its call are looked for.
const AROUND: u64 = 2_048;

/// `GET /v1/receipts`
pub async fn list(State(admin): State<Arc<Admin>>, Query(query): Query<ReceiptQuery>) -> Answer<ReceiptPage> {
    let open = admin.open()?;
    let limit = usize::try_from(query.limit.unwrap_or(50).clamp(1, 1000)).unwrap_or(50);
    let filter = ReceiptFilter {
        agent: query
            .agent
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| Failure::invalid(format!("{error}.")))?,
        server: query
            .server
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| Failure::invalid(format!("{error}.")))?,
        tool: query.tool,
        kind: query.kind,
        code: query.code,
        from: query.since,
        ..ReceiptFilter::default()
    };
    let before = query.before.map(ReceiptIndex);
    let found = open.reader.spawn(move |reader| Ok((reader.search(&filter, before, limit)?, reader.size()?))).await;
    let (page, size) = found.map_err(|error| failure(&error))?;
    let next = page.next.map(|index| index.0);
    Ok(Json(ReceiptPage { receipts: page.found.iter().map(row).collect(), size, next }))
}

/// `GET /v1/receipts/{r}`
pub async fn detail(State(admin): State<Arc<Admin>>, Path(id): Path<ReceiptIndex>) -> Answer<ReceiptDetail> {
    let open = admin.open()?;
    let found = open.reader.spawn(move |reader| {
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

/// `GET /v1/log/checkpoint`
pub async fn checkpoint(State(admin): State<Arc<Admin>>) -> Result<Response, Failure> {
    let open = admin.open()?;
    let head = open.reader.spawn(Reader::head).await.map_err(|error| failure(&error))?;
    Ok(text(head.note().to_owned()))
}

/// `GET /v1/log/key`
pub async fn key(State(admin): State<Arc<Admin>>) -> Result<Response, Failure> {
    let open = admin.open()?;
    let head = open.reader.spawn(Reader::head).await.map_err(|error| failure(&error))?;
    Ok(text(open.log_key.verifier_key(head.checkpoint().origin.as_str())))
}

/// `GET /v1/log/tile/{*path}`
pub async fn tile(State(admin): State<Arc<Admin>>, Path(path): Path<String>) -> Result<Response, Failure> {
    let open = admin.open()?;
    let bytes = open.reader.spawn(move |reader| reader.tile(&format!("tile/{path}"))).await;
    let bytes = bytes.map_err(|error| failure(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

/// A receipt in a list.
pub fn row(stored: &StoredReceipt) -> ReceiptRow {
    ReceiptRow { id: stored.index, receipt: json(stored) }
}

fn json(stored: &StoredReceipt) -> Value {
    serde_json::from_slice(&stored.body).unwrap_or_default()
}

/// The other receipts of the same call, near the receipt.
pub fn related(reader: &Reader, stored: &StoredReceipt) -> Result<Vec<StoredReceipt>, StoreError> {
    let Some(call) = call_of(&stored.receipt.kind) else { return Ok(Vec::new()) };
    let from = stored.index.0.saturating_sub(AROUND);
    let near = reader.range(from..stored.index.0.saturating_add(AROUND))?;
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

/// The store's errors in the contract's words.
pub fn failure(error: &StoreError) -> Failure {
    match error {
        StoreError::Absent(what) => Failure::not_found(what, "briefcase receipts list"),
        other => {
            Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "unavailable", other.to_string(), "Run `briefcase fsck`.")
        }
    }
}
