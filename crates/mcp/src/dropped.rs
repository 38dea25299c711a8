//! A message that is too long to be kept. It is read to its end, and only its id is remembered.

use bytes::Bytes;

use crate::RequestId;

/// The longest text of an id or of a member name that is remembered.
const MAX_TOKEN_BYTES: usize = 1024;

/// What is known of a dropped message: its length, its id, and whether it names a method. The reader takes the message in
/// pieces and keeps none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DroppedMessage {
    bytes: u64,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// Whether the next string at the top level is a member's name.
    at_key: bool,
    /// Whether the top-level member being read is the id.
    in_id: bool,
    token: Vec<u8>,
    id: Option<Vec<u8>>,
    has_method: bool,
    /// Whether the object is complete, or the text is no object. Nothing after that counts.
    is_over: bool,
}

impl DroppedMessage {
    /// The length so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The id of the message, if it has one that is readable.
    #[must_use]
    pub fn id(&self) -> Option<RequestId> {
        RequestId::echoed(Bytes::copy_from_slice(self.id.as_deref()?)).ok()
    }

    /// Whether the message is a request or a notification.
    #[must_use]
    pub const fn has_method(&self) -> bool {
        self.has_method
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let mut rest = piece;
        while let Some((byte, after)) = rest.split_first().filter(|_| !self.is_over) {
            rest = after;
            if self.in_string {
                self.in_string(*byte);
                if !self.keeps() && !self.escaped && self.in_string {
                    // Nothing counts before the string's end.
                    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len());
                    rest = rest.get(end..).unwrap_or_default();
                }
            } else {
                self.between(*byte);
            }
        }
    }

    /// Whether the text being read is a member's name or the id.
    fn keeps(&self) -> bool {
        self.depth == 1 && (self.at_key || self.in_id)
    }

    fn keep(&mut self, byte: u8) {
        if self.keeps() && self.token.len() <= MAX_TOKEN_BYTES {
            self.token.push(byte);
        }
    }

    fn in_string(&mut self, byte: u8) {
        self.keep(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            other if self.depth == 0 && !matches!(other, b'{' | b' ' | b'\t' | b'\n' | b'\r') => self.is_over = true,
            b'"' => {
                if self.at_key {
                    self.token.clear();
                }
                self.keep(byte);
                self.in_string = true;
            }
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.at_key = self.depth == 1;
            }
            b'}' | b']' => {
                self.end_member();
                self.depth = self.depth.saturating_sub(1);
                self.is_over = self.depth == 0;
            }
            b':' if self.depth == 1 => self.start_value(),
            b',' if self.depth == 1 => {
                self.end_member();
                self.at_key = true;
            }
            b' ' | b'\t' | b'\n' | b'\r' => {}
            other => self.keep(other),
        }
    }

    fn start_value(&mut self) {
        let name = serde_json::from_slice::<String>(&self.token).unwrap_or_default();
        self.in_id = name == "id";
        self.has_method |= name == "method";
        self.token.clear();
        self.at_key = false;
    }

    fn end_member(&mut self) {
        if self.depth == 1 && self.in_id && self.id.is_none() {
            self.id = Some(std::mem::take(&mut self.token));
        }
        if self.depth == 1 {
            self.in_id = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, cut: usize) -> DroppedMessage {
        let mut dropped = DroppedMessage::default();
        text.as_bytes().chunks(cut).for_each(|piece| dropped.push(piece));
        dropped
    }

    #[test]
    fn the_id_is_found_wherever_it_stands() {
        for (text, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"result":{"id":8}}"#, Some("7")),
            (r#"{"result":{"content":[{"id":1,"text":"\"id\":2,}{"}]},"jsonrpc":"2.0","id":"a b"}"#, Some("\"a b\"")),
            (r#" { "result" : [[1,2],{"x":"\\"}] , "\u0069d" : 12 } "#, Some("12")),
            (r#"{"result":"\\\"","id":3.0,"jsonrpc":"2.0"}"#, Some("3")),
            (r#"{"result":{"id":9},"x":"id"}"#, None),
            (r#"{"id":null,"error":{}}"#, None),
            (r#"{"id":{"a":1},"error":{}}"#, None),
            (r#"{"jsonrpc":"2.0","id":4,"result":{"half"#, Some("4")),
            ("[1,2,3]", None),
            ("}}}}id:1", None),
        ] {
            for cut in [1, 2, 3, 7, text.len()] {
                let found = read(text, cut);
                let shown = found.id().map(|id| String::from_utf8(id.as_json().to_vec()).unwrap());
                assert_eq!(shown.as_deref(), id, "{text} in pieces of {cut}");
                assert_eq!(found.bytes(), u64::try_from(text.len()).unwrap());
            }
        }
        assert!(read(r#"{"params":{"method":1},"id":1,"method":"ping"}"#, 5).has_method());
        assert!(!read(r#"{"result":{"method":1},"id":1}"#, 5).has_method());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_grow(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
            let mut dropped = DroppedMessage::default();
            pieces.iter().for_each(|piece| dropped.push(piece));
            prop_assert!(dropped.token.len() <= MAX_TOKEN_BYTES + 1);
            let _ = dropped.id();
        }
    }
}
