//! One request on its way through a transport, and the error object of its response.

use std::{sync::Arc, time::Duration};

use briefcase_mcp::RequestId;
use briefcase_ports::RpcError;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::request_context::RequestContext;

/// One request as a transport sends it.
pub(crate) struct RpcCall {
    pub(crate) method: &'static str,
    pub(crate) params: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) cancel: CancellationToken,
    /// Present for the request of a client.
    pub(crate) context: Option<Arc<RequestContext>>,
    /// Headers that repeat parts of the body (modern HTTP).
    pub(crate) headers: HeaderMap,
}

impl RpcCall {
    /// A request of Briefcase itself: no client waits for it.
    pub(crate) fn own(method: &'static str, params: Bytes, timeout: Duration) -> Self {
        Self { method, params, timeout, cancel: CancellationToken::new(), context: None, headers: HeaderMap::new() }
    }
}

/// Reads the error object of a response.
pub(crate) fn rpc_error(raw: &Bytes) -> RpcError {
    #[derive(Deserialize)]
    struct ErrorObject<'a> {
        code: i64,
        message: String,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    match serde_json::from_slice::<ErrorObject<'_>>(raw) {
        Ok(ErrorObject { code, message, data }) => {
            RpcError { code, message, data: data.map(|data| raw.slice_ref(data.get().as_bytes())) }
        }
        Err(_) => RpcError { code: -32603, message: "the server answered with a malformed error".into(), data: None },
    }
}

/// An id of a server for an error message: numbers and short plain words as they are, any other by its length.
pub(crate) fn shown_id(id: &RequestId) -> String {
    const SHORT: usize = 16;
    let raw = id.as_json();
    let plain = raw.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'"'));
    if plain && raw.len() <= SHORT {
        String::from_utf8_lossy(raw).into_owned()
    } else {
        format!("a text of {} bytes", raw.len())
    }
}
