//! The kind of a message, found without reading all of it.

use briefcase_json::raw::Cursor;
use bytes::Bytes;

use crate::RequestId;

/// The kind of a message, as far as delivery needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A request or a notification.
    RequestOrNotification,
    /// A response with a result.
    Result,
    /// An error response, with its code.
    Error(i64),
}

impl MessageKind {
    /// Peeks at a message that the daemon has checked. Stops at the deciding member, so large results cost nothing.
    #[must_use]
    pub fn peek(message: &[u8]) -> Self {
        let mut cursor = Cursor::new(message);
        cursor.take(b'{');
        while let Some(key) = cursor.key() {
            match message.get(key).unwrap_or_default() {
                b"\"method\"" => return Self::RequestOrNotification,
                b"\"result\"" => return Self::Result,
                b"\"error\"" => {
                    let place = cursor.member_value().unwrap_or_default();
                    return Self::Error(code(message.get(place).unwrap_or_default()));
                }
                _ => {
                    cursor.member_value();
                }
            }
        }
        Self::RequestOrNotification
    }

    /// Whether the message completes a request.
    #[must_use]
    pub const fn is_response(self) -> bool {
        !matches!(self, Self::RequestOrNotification)
    }
}

/// The id of a request that the daemon has checked; `None` for a notification.
#[must_use]
pub fn request_id(message: &[u8]) -> Option<RequestId> {
    let mut cursor = Cursor::new(message);
    cursor.take(b'{');
    while let Some(key) = cursor.key() {
        let is_id = message.get(key).unwrap_or_default() == b"\"id\"";
        let place = cursor.member_value()?;
        if is_id {
            return RequestId::from_json(Bytes::copy_from_slice(message.get(place)?)).ok();
        }
    }
    None
}

fn code(error: &[u8]) -> i64 {
    #[derive(serde::Deserialize)]
    struct Code {
        code: i64,
    }
    serde_json::from_slice::<Code>(error).map_or(0, |error| error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deciding_member_is_found_anywhere() {
        let cases: [(&str, MessageKind); 6] = [
            (r#"{"jsonrpc":"2.0","id":1,"result":{"method":"x"}}"#, MessageKind::Result),
            (r#" { "result" : [ ] , "id":1}"#, MessageKind::Result),
            (r#"{"id":"}{","error":{"code":-32601,"message":"result"},"jsonrpc":"2.0"}"#, MessageKind::Error(-32601)),
            (
                r#"{"jsonrpc":"2.0","x":{"result":1},"method":"notifications/progress"}"#,
                MessageKind::RequestOrNotification,
            ),
            ("", MessageKind::RequestOrNotification),
            (r#"{"error":"#, MessageKind::Error(0)),
        ];
        for (message, expected) in cases {
            assert_eq!(MessageKind::peek(message.as_bytes()), expected, "{message}");
        }
        assert!(
            MessageKind::Error(1).is_response()
                && MessageKind::Result.is_response()
                && !MessageKind::RequestOrNotification.is_response()
        );
    }
}
