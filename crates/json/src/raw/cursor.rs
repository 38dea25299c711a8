//! Walks one level of JSON text.

use std::ops::Range;

use crate::scanner::plain_length;

/// A position in JSON text that has passed [`scan`](crate::scan).
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

/// One member of an object: the ranges of its key (with quotes) and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key, with its quotes.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of the text.
    #[must_use]
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The number of bytes before the cursor.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// Skips white space and returns the next byte without taking it.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// Takes `expected` if it is next.
    pub fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        self.at += usize::from(found);
        found
    }

    /// The next member of the object around the cursor, or `None` at its end.
    pub fn member(&mut self) -> Option<Member> {
        Some(Member { key: self.key()?, value: self.member_value()? })
    }

    /// The key (with quotes) of the next member, or `None` at the object's end.
    pub fn key(&mut self) -> Option<Range<usize>> {
        self.take(b',');
        if self.peek() == Some(b'"') { self.value() } else { None }
    }

    /// The value of the member whose key was taken last.
    pub fn member_value(&mut self) -> Option<Range<usize>> {
        if !self.take(b':') {
            return None;
        }
        self.peek();
        self.value()
    }

    /// The next element of the array around the cursor, or `None` at its end.
    pub fn element(&mut self) -> Option<Range<usize>> {
        self.take(b',');
        self.peek();
        self.value()
    }

    /// Skips one value and returns its range.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.text.get(start)? {
            b'"' => self.string(),
            b'{' | b'[' => self.nested(),
            _ => self.scalar(),
        }
        (self.at > start).then_some(start..self.at)
    }

    /// Skips a string literal, or the rest of the text when the literal has no end.
    fn string(&mut self) {
        self.at += 1;
        while let Some(rest) = self.text.get(self.at..) {
            self.at += plain_length(rest);
            match self.text.get(self.at) {
                None => return,
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                Some(b'\\') => self.at = self.text.len().min(self.at + 2),
                Some(_) => self.at += 1,
            }
        }
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
