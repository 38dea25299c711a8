//! The receipt log in the tiled layout of C2SP.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use briefcase_store::Reader;

use super::receipts;
use crate::{error::ApiError, state::AdminState};

/// `GET /v1/log/checkpoint`: the newest checkpoint.
pub async fn checkpoint(State(admin): State<Arc<AdminState>>) -> Result<Response, ApiError> {
    let briefcase = admin.briefcase()?;
    let head = briefcase.reader().spawn(Reader::head).await.map_err(|error| receipts::failure(&error))?;
    Ok(text(head.note().to_owned()))
}

/// `GET /v1/log/key`: the verifier key.
pub async fn key(State(admin): State<Arc<AdminState>>) -> Result<Response, ApiError> {
    let briefcase = admin.briefcase()?;
    let head = briefcase.reader().spawn(Reader::head).await.map_err(|error| receipts::failure(&error))?;
    Ok(text(briefcase.log_key.verifier_key(head.checkpoint().origin.as_str())))
}

/// `GET /v1/log/tile/{*path}`: a tile of the Merkle tree.
pub async fn tile(State(admin): State<Arc<AdminState>>, Path(path): Path<String>) -> Result<Response, ApiError> {
    let briefcase = admin.briefcase()?;
    let bytes = briefcase.reader().spawn(move |reader| reader.tile(&format!("tile/{path}"))).await;
    let bytes = bytes.map_err(|error| receipts::failure(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
