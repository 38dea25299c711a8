//! Bodies of requests and responses.

use briefcase_api::Evidence;
use briefcase_types::SecretString;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::ClientError;

/// The longest response that is held in memory.
const RESPONSE_MAX: usize = 64 * 1024 * 1024;
/// Room for a body from the start, so that growing leaves no copies behind.
const BODY_ROOM: usize = 128 * 1024;

/// Writes a body that is wiped when it has been sent.
pub fn json(body: &impl Serialize) -> Result<Bytes, ClientError> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(BODY_ROOM));
    serde_json::to_writer(&mut *buffer, body).map_err(ClientError::Encoding)?;
    Ok(Bytes::from_owner(buffer))
}

/// Reads a response that is one JSON document.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(ClientError::InvalidResponse)
}

/// Reads a response to its end.
pub async fn collect(body: Incoming) -> Result<Bytes, ClientError> {
    let limited = Limited::new(body, RESPONSE_MAX).collect().await;
    limited.map(Collected::to_bytes).map_err(|error| ClientError::Connection(error.to_string()))
}

/// Proof of presence by a PIN, for one request. The client wipes it after sending.
#[must_use]
pub fn pin_evidence(pin: &SecretString) -> Evidence {
    pin.expose(|pin| Evidence::Pin(pin.to_owned()))
}

/// Wipes a proof that was sent.
pub fn wipe(evidence: Evidence) {
    if let Evidence::Pin(pin) = evidence {
        drop(Zeroizing::new(pin));
    }
}
