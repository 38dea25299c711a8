//! What a message is, told at a glance.

use briefcase_json::raw::Cursor;

/// What a message is, as far as delivering it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// A request or a notification.
    Asking,
    /// A response with a result.
    Result,
    /// An error response, with its code.
    Error(i64),
}

impl Glance {
    /// Looks at a message that has been checked before (what the daemon sends). Reads no further than the member that
    /// decides, so that large results cost nothing.
    #[must_use]
    pub fn at(message: &[u8]) -> Self {
        let mut cursor = Cursor::new(message);
        cursor.take(b'{');
        while let Some(key) = cursor.key() {
            match message.get(key).unwrap_or_default() {
                b"\"method\"" => return Self::Asking,
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
        Self::Asking
    }

    /// Whether the message ends a request.
    #[must_use]
    pub const fn is_response(self) -> bool {
        !matches!(self, Self::Asking)
    }
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
    fn the_deciding_member_is_found_wherever_it_stands() {
        let cases: [(&str, Glance); 6] = [
            (r#"{"jsonrpc":"2.0","id":1,"result":{"method":"x"}}"#, Glance::Result),
            (r#" { "result" : [ ] , "id":1}"#, Glance::Result),
            (r#"{"id":"}{","error":{"code":-32601,"message":"result"},"jsonrpc":"2.0"}"#, Glance::Error(-32601)),
            (r#"{"jsonrpc":"2.0","x":{"result":1},"method":"notifications/progress"}"#, Glance::Asking),
            ("", Glance::Asking),
            (r#"{"error":"#, Glance::Error(0)),
        ];
        for (message, expected) in cases {
            assert_eq!(Glance::at(message.as_bytes()), expected, "{message}");
        }
        assert!(Glance::Error(1).is_response() && Glance::Result.is_response() && !Glance::Asking.is_response());
    }
}
