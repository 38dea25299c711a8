//! JSON-RPC responses.

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

/// The result or error of a JSON-RPC response.
#[derive(Clone, Debug)]
pub enum Reply {
    /// `result`, raw.
    Result(Bytes),
    /// `error`. It is a response like any other.
    Error(RpcError),
}
