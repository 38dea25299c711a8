//! JSON-RPC errors.

use bytes::Bytes;

/// A JSON-RPC error object, relayed.
#[derive(Clone, Debug)]
pub struct RpcError {
    /// `code`.
    pub code: i64,
    /// `message`.
    pub message: String,
    /// `data`, raw.
    pub data: Option<Bytes>,
}
