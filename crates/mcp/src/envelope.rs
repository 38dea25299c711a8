//! A JSON-RPC message as received: its bytes, its kind, and the positions of its parts.

mod build;
mod error;

use std::ops::Range;

use briefcase_json::{JsonLimits, raw::Cursor};
use bytes::Bytes;

pub use build::{error_response, notification, request, response};
pub use error::{EnvelopeError, EnvelopeErrorKind};

use crate::{RequestId, RequestIdError};

/// The longest method name.
const MAX_METHOD_BYTES: usize = 256;

const NULL: &[u8] = b"null";

/// One JSON-RPC 2.0 message, kept byte for byte.
///
/// ```
/// use briefcase_mcp::{Envelope, EnvelopeKind};
/// let message = Envelope::parse(r#"{"jsonrpc":"2.0","id":7,"method":"ping","x-new":true}"#.into()).unwrap();
/// assert!(matches!(message.kind(), EnvelopeKind::Request { method, .. } if &**method == "ping"));
/// ```
#[derive(Clone, Debug)]
pub struct Envelope {
    raw: Bytes,
    kind: EnvelopeKind,
    places: Places,
}

/// The kind of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// A request, which expects a response.
    Request {
        /// The sender's id.
        id: RequestId,
        /// The requested method.
        method: Box<str>,
    },
    /// A notification, which expects no response.
    Notification {
        /// The notification's method.
        method: Box<str>,
    },
    /// The result of a request.
    Response {
        /// The request's id.
        id: RequestId,
    },
    /// The failure of a request. The id is missing when the other side could not read it.
    ErrorResponse {
        /// The request's id.
        id: Option<RequestId>,
    },
}

#[derive(Clone, Debug, Default)]
struct Places {
    jsonrpc: Option<Range<usize>>,
    id: Option<Range<usize>>,
    method: Option<Range<usize>>,
    params: Option<Range<usize>>,
    result: Option<Range<usize>>,
    error: Option<Range<usize>>,
}

impl Envelope {
    /// Reads one message from an agent: strict JSON within [`JsonLimits::AGENT`].
    pub fn parse(raw: Bytes) -> Result<Self, EnvelopeError> {
        Self::parse_within(raw, &JsonLimits::AGENT)
    }

    /// Reads one message: strict JSON within `limits`. The limits are checked first. A byte order mark before the message is
    /// dropped, and a member that is `null` where the protocol has no null is taken as absent.
    pub fn parse_within(raw: Bytes, limits: &JsonLimits) -> Result<Self, EnvelopeError> {
        Self::read(without_mark(raw), limits, RequestId::from_json)
    }

    /// Reads one message of a server, without its framing, like [`Envelope::parse_within`]. The id of a response may be a
    /// number with an integer value, such as `3.0`.
    pub fn parse_relayed(raw: Bytes, limits: &JsonLimits) -> Result<Self, EnvelopeError> {
        Self::read(raw, limits, RequestId::echoed)
    }

    fn read(
        raw: Bytes,
        limits: &JsonLimits,
        response_id: fn(Bytes) -> Result<RequestId, RequestIdError>,
    ) -> Result<Self, EnvelopeError> {
        briefcase_json::scan(&raw, limits).map_err(|error| EnvelopeErrorKind::Json(error.to_string()).without_id())?;
        let mut cursor = Cursor::new(&raw);
        if cursor.peek() == Some(b'[') {
            return Err(EnvelopeErrorKind::Batch.without_id());
        }
        let places = Places::find(&raw, &mut cursor)?;
        let kind = places.kind(&raw, response_id)?;
        Ok(Self { raw, kind, places })
    }

    /// The message as it was received.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Returns the received bytes.
    #[must_use]
    pub fn into_raw(self) -> Bytes {
        self.raw
    }

    /// The message's kind.
    #[must_use]
    pub const fn kind(&self) -> &EnvelopeKind {
        &self.kind
    }

    /// The id of a request or response.
    #[must_use]
    pub const fn id(&self) -> Option<&RequestId> {
        match &self.kind {
            EnvelopeKind::Request { id, .. } | EnvelopeKind::Response { id } => Some(id),
            EnvelopeKind::ErrorResponse { id } => id.as_ref(),
            EnvelopeKind::Notification { .. } => None,
        }
    }

    /// The method of a request or notification.
    #[must_use]
    pub const fn method(&self) -> Option<&str> {
        match &self.kind {
            EnvelopeKind::Request { method, .. } | EnvelopeKind::Notification { method } => Some(method),
            EnvelopeKind::Response { .. } | EnvelopeKind::ErrorResponse { .. } => None,
        }
    }

    /// The `params` object as JSON text.
    #[must_use]
    pub fn params(&self) -> Option<Bytes> {
        self.part(self.places.params.as_ref()).filter(|params| params != NULL)
    }

    /// The `result` object as JSON text.
    #[must_use]
    pub fn result(&self) -> Option<Bytes> {
        self.part(self.places.result.as_ref())
    }

    /// The `error` object as JSON text.
    #[must_use]
    pub fn error(&self) -> Option<Bytes> {
        self.part(self.places.error.as_ref())
    }

    /// Returns the same message with another id. All other bytes stay unchanged. A message without an id is returned as
    /// it is.
    #[must_use]
    pub fn with_id(&self, id: &RequestId) -> Bytes {
        self.spliced(self.places.id.as_ref(), id.as_json())
    }

    /// Returns the same message with other `params` (JSON text), which are added if missing. All other bytes stay
    /// unchanged.
    #[must_use]
    pub fn with_params(&self, params: &[u8]) -> Bytes {
        match (&self.places.params, &self.places.method) {
            (None, Some(method)) => build::insert_after(&self.raw, method.end, b",\"params\":", params),
            (place, _) => self.spliced(place.as_ref(), params),
        }
    }

    /// Returns the same message with another `result` (JSON text). All other bytes stay unchanged.
    #[must_use]
    pub fn with_result(&self, result: &[u8]) -> Bytes {
        self.spliced(self.places.result.as_ref(), result)
    }

    fn part(&self, place: Option<&Range<usize>>) -> Option<Bytes> {
        place.map(|place| self.raw.slice(place.clone()))
    }

    fn spliced(&self, place: Option<&Range<usize>>, part: &[u8]) -> Bytes {
        place.map_or_else(|| self.raw.clone(), |place| build::replace(&self.raw, place, part))
    }
}

impl Places {
    fn find(raw: &[u8], cursor: &mut Cursor<'_>) -> Result<Self, EnvelopeError> {
        if !cursor.take(b'{') {
            return Err(EnvelopeErrorKind::NotAnObject.without_id());
        }
        let mut places = Self::default();
        while let Some(member) = cursor.member() {
            let key = raw.get(member.key).unwrap_or_default();
            let Some(place) = places.slot(key) else { continue };
            if place.replace(member.value).is_some() {
                return Err(EnvelopeErrorKind::Duplicate.without_id());
            }
        }
        Ok(places)
    }

    /// The slot for a member that routing needs. Keys compare by value: `"\u0069d"` is `id`.
    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<Range<usize>>> {
        let decoded;
        let key = if key.contains(&b'\\') {
            decoded = serde_json::from_slice::<String>(key).unwrap_or_default();
            decoded.as_bytes()
        } else {
            key.get(1..key.len().saturating_sub(1)).unwrap_or_default()
        };
        match key {
            b"jsonrpc" => Some(&mut self.jsonrpc),
            b"id" => Some(&mut self.id),
            b"method" => Some(&mut self.method),
            b"params" => Some(&mut self.params),
            b"result" => Some(&mut self.result),
            b"error" => Some(&mut self.error),
            _ => None,
        }
    }

    fn kind(
        &self,
        raw: &Bytes,
        response_id: fn(Bytes) -> Result<RequestId, RequestIdError>,
    ) -> Result<EnvelopeKind, EnvelopeError> {
        let text = |place: &Option<Range<usize>>| place.clone().map(|place| raw.slice(place));
        let read = if self.method.is_none() { response_id } else { RequestId::from_json };
        let id = match text(&self.id) {
            // JSON-RPC's form for an error about a request whose id could not be read.
            Some(raw) if raw == "null" && self.method.is_none() && self.error.is_some() => None,
            Some(raw) => Some(read(raw).map_err(|_| EnvelopeErrorKind::Id.without_id())?),
            None => None,
        };
        self.classify(text(&self.method), id.clone(), &text).map_err(|fault| fault.about(id))
    }

    fn classify(
        &self,
        method: Option<Bytes>,
        id: Option<RequestId>,
        text: &dyn Fn(&Option<Range<usize>>) -> Option<Bytes>,
    ) -> Result<EnvelopeKind, EnvelopeErrorKind> {
        let is_null = |place: &Option<Range<usize>>| text(place).is_some_and(|part| part == NULL);
        let is_object = |place: &Option<Range<usize>>| text(place).is_none_or(|part| part.first() == Some(&b'{'));
        if text(&self.jsonrpc).is_none_or(|version| version != r#""2.0""#) {
            return Err(EnvelopeErrorKind::Version);
        }
        let error = self.error.as_ref().filter(|_| !(self.result.is_some() && is_null(&self.error)));
        let result = self.result.as_ref().filter(|_| !(error.is_some() && is_null(&self.result)));
        match (method, id, result, error) {
            (Some(_), _, None, None) if !is_object(&self.params) && !is_null(&self.params) => {
                Err(EnvelopeErrorKind::Params)
            }
            (Some(name), Some(id), None, None) => Ok(EnvelopeKind::Request { id, method: method_name(&name)? }),
            (Some(name), None, None, None) => Ok(EnvelopeKind::Notification { method: method_name(&name)? }),
            (None, Some(id), Some(_), None) => Ok(EnvelopeKind::Response { id }),
            (None, id, None, Some(_)) if is_object(&self.error) => Ok(EnvelopeKind::ErrorResponse { id }),
            _ => Err(EnvelopeErrorKind::Shape),
        }
    }
}

/// Drops a UTF-8 byte order mark, which some programs write before their first message.
fn without_mark(raw: Bytes) -> Bytes {
    if raw.starts_with(b"\xef\xbb\xbf") { raw.slice(3..) } else { raw }
}

fn method_name(raw: &[u8]) -> Result<Box<str>, EnvelopeErrorKind> {
    let name = serde_json::from_slice::<Box<str>>(raw).map_err(|_| EnvelopeErrorKind::Method)?;
    if name.is_empty() || name.len() > MAX_METHOD_BYTES { Err(EnvelopeErrorKind::Method) } else { Ok(name) }
}

#[cfg(test)]
mod tests;
