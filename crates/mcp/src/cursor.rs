//! Walks the top level of JSON text that a strict parser has already accepted.
//!
//! It trusts the grammar and nothing else: on text that was never checked it may stop early, but it always ends, never
//! panics and never leaves the text.

use std::ops::Range;

/// A place in JSON text.
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

/// One member of an object: where its key (with quotes) and its value stand.
pub(crate) struct Member {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is not white space, without taking it.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Takes `expected` if it is next.
    pub(crate) fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += 1;
        }
        found
    }

    /// The next member of the object that the cursor stands in; `None` at its end.
    pub(crate) fn member(&mut self) -> Option<Member> {
        Some(Member { key: self.key()?, value: self.rest_of_member()? })
    }

    /// The key (with quotes) of the next member.
    pub(crate) fn key(&mut self) -> Option<Range<usize>> {
        self.take(b',');
        if self.peek() == Some(b'"') { self.value() } else { None }
    }

    /// The value of the member whose key was taken last.
    pub(crate) fn rest_of_member(&mut self) -> Option<Range<usize>> {
        if !self.take(b':') {
            return None;
        }
        self.peek();
        self.value()
    }

    /// Passes one value and says where it stands.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.text.get(start)? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => self.scalar(),
        }
        (self.at > start).then_some(start..self.at)
    }

    fn string(&mut self) {
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        for (offset, byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    self.at += offset + 1;
                    return;
                }
                _ => {}
            }
        }
        self.at = self.text.len();
    }

    fn nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn scalar(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            if matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }
}
