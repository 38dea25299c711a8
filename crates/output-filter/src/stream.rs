//! Redaction of bytes that arrive in pieces: a child's error output, a streamed body.
//!
//! Invariant: the output does not depend on how the input was cut. Bytes that may begin a secret are held back until
//! more bytes arrive or the stream ends. A stream finds the encodings of single characters and codes, with up to three layers
//! of escapes. It does not decode whole words, such as compressed data: a word may be longer than what is held back.

use super::{Redactor, redactor};

/// Redacts a stream of bytes.
#[derive(Debug)]
pub struct StreamRedactor<'a> {
    redactor: &'a Redactor,
    held: Vec<u8>,
    count: u64,
}

impl<'a> StreamRedactor<'a> {
    /// Begins a stream.
    #[must_use]
    pub const fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, held: Vec::new(), count: 0 }
    }

    /// Takes a piece and returns the bytes that can be passed on.
    #[must_use]
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        if self.redactor.is_empty() {
            return piece.to_vec();
        }
        self.held.extend_from_slice(piece);
        let ranges = self.redactor.find_near(&self.held);
        let mut cut = self.held.len().saturating_sub(self.redactor.reach());
        // A secret that crosses the cut stays whole: it is redacted and passed on with the next piece.
        if let Some(range) = ranges.iter().find(|range| range.start < cut && cut < range.end) {
            cut = range.start;
        }
        let kept = self.held.split_off(cut);
        let ready = std::mem::replace(&mut self.held, kept);
        self.redacted(ready)
    }

    /// Ends the stream and returns the remaining bytes.
    #[must_use]
    pub fn finish(mut self) -> (Vec<u8>, u64) {
        let rest = std::mem::take(&mut self.held);
        let rest = self.redacted(rest);
        (rest, self.count)
    }

    fn redacted(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        match redactor::replaced(&bytes, &self.redactor.find_near(&bytes)) {
            Some((redacted, count)) => {
                self.count = self.count.saturating_add(count);
                redacted
            }
            None => bytes,
        }
    }
}
