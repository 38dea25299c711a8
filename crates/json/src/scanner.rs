//! The JSON grammar (RFC 8259), read from left to right within limits.
//!
//! Invariant: every byte is read a bounded number of times, and only the open member names are kept. So [`JsonLimits`]
//! bounds the cost of a hostile document before anything is built from it.

use std::borrow::Cow;

use crate::{
    error::{JsonError, Reason},
    limits::{DEPTH_MAX, JsonLimits},
    tree_builder::{RawString, TreeBuilder},
};

/// Reads one whole document.
pub(crate) fn document<S: TreeBuilder>(bytes: &[u8], limits: &JsonLimits) -> Result<S::Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError { reason: Reason::Size, at: limits.bytes });
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| JsonError { reason: Reason::Encoding, at: error.valid_up_to() })?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError { reason: Reason::Encoding, at: 0 });
    }
    let mut scanner = Scanner { text, at: 0, limits, depth: 0, keys: 0, values: 0, names: Vec::new() };
    scanner.space();
    let value = scanner.value::<S>()?;
    scanner.space();
    if scanner.peek().is_some() { scanner.fail(Reason::Trailing) } else { Ok(value) }
}

/// A member name of an object that is still open.
struct Name<'a> {
    text: Cow<'a, str>,
    at: usize,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    limits: &'a JsonLimits,
    depth: usize,
    keys: usize,
    values: usize,
    /// The names of all open objects, outermost first.
    names: Vec<Name<'a>>,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, reason: Reason) -> Result<T, JsonError> {
        Err(JsonError { reason, at: self.at })
    }

    /// Skips `byte` if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { self.fail(Reason::Syntax) }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn value<S: TreeBuilder>(&mut self) -> Result<S::Value, JsonError> {
        self.values += 1;
        if self.values > self.limits.values {
            return self.fail(Reason::Values);
        }
        match self.peek() {
            Some(b'"') => self.string().map(S::string),
            Some(b'{') => self.nested(Self::object::<S>),
            Some(b'[') => self.nested(Self::array::<S>),
            Some(b'-' | b'0'..=b'9') => self.number::<S>(),
            Some(b't') => self.word("true").map(|()| S::bool(true)),
            Some(b'f') => self.word("false").map(|()| S::bool(false)),
            Some(b'n') => self.word("null").map(|()| S::null()),
            _ => self.fail(Reason::Syntax),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fail(Reason::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads an array or object one level deeper. Skips its opening bracket.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, JsonError>) -> Result<T, JsonError> {
        self.depth += 1;
        if self.depth > self.limits.depth.min(DEPTH_MAX) {
            return self.fail(Reason::Depth);
        }
        self.at += 1;
        self.space();
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array<S: TreeBuilder>(&mut self) -> Result<S::Value, JsonError> {
        let mut array = S::Array::default();
        if self.eat(b']') {
            return Ok(S::array(array));
        }
        loop {
            let value = self.value::<S>()?;
            S::push(&mut array, value);
            self.space();
            if !self.eat(b',') {
                break;
            }
            self.space();
        }
        self.expect(b']')?;
        Ok(S::array(array))
    }

    fn object<S: TreeBuilder>(&mut self) -> Result<S::Value, JsonError> {
        let (mut object, first) = (S::Object::default(), self.names.len());
        if self.eat(b'}') {
            return Ok(S::object(object));
        }
        loop {
            let at = self.at;
            let name = self.name()?.decode();
            self.names.push(Name { text: name.clone(), at });
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value::<S>()?;
            S::insert(&mut object, &name, value);
            self.space();
            if !self.eat(b',') {
                break;
            }
            self.space();
        }
        self.expect(b'}')?;
        self.close_names(first)?;
        Ok(S::object(object))
    }

    fn name(&mut self) -> Result<RawString<'a>, JsonError> {
        if self.peek() != Some(b'"') {
            return self.fail(Reason::Syntax);
        }
        self.keys += 1;
        if self.keys > self.limits.keys {
            return self.fail(Reason::Keys);
        }
        self.string()
    }

    /// Rejects repeated names in the object that ends here (from `first` on), and removes its names. Names are compared
    /// with their escapes resolved. Shorter names are compared first, which settles most comparisons at once.
    fn close_names(&mut self, first: usize) -> Result<(), JsonError> {
        let names = self.names.get_mut(first..).unwrap_or_default();
        names.sort_unstable_by(|a, b| (a.text.len(), &a.text).cmp(&(b.text.len(), &b.text)));
        let repeated = names.windows(2).filter_map(|pair| match pair {
            [a, b] if a.text == b.text => Some(a.at.max(b.at)),
            _ => None,
        });
        if let Some(at) = repeated.min() {
            return Err(JsonError { reason: Reason::DuplicateKey, at });
        }
        self.names.truncate(first);
        Ok(())
    }

    /// Reads a string literal and checks every escape.
    fn string(&mut self) -> Result<RawString<'a>, JsonError> {
        self.at += 1;
        let (start, mut escaped) = (self.at, false);
        loop {
            self.at += plain_length(self.rest());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail(Reason::Syntax),
            }
        }
        let literal = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(RawString { literal, escaped })
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.rest().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let start = self.at;
                let lone = JsonError { reason: Reason::Surrogate, at: start };
                match self.unit()? {
                    0xd800..=0xdbff if self.rest().starts_with(b"\\u") => match self.unit()? {
                        0xdc00..=0xdfff => Ok(()),
                        _ => Err(lone),
                    },
                    0xd800..=0xdfff => Err(lone),
                    _ => Ok(()),
                }
            }
            _ => self.fail(Reason::Syntax),
        }
    }

    /// Reads `\uXXXX`.
    fn unit(&mut self) -> Result<u16, JsonError> {
        let unit = self.rest().get(2..6).and_then(|hex| {
            hex.iter().try_fold(0, |unit: u16, digit| {
                let digit = char::from(*digit).to_digit(16)?;
                Some((unit << 4) | u16::try_from(digit).ok()?)
            })
        });
        let Some(unit) = unit else { return self.fail(Reason::Syntax) };
        self.at += 6;
        Ok(unit)
    }

    fn number<S: TreeBuilder>(&mut self) -> Result<S::Value, JsonError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits(start)?;
        }
        if self.eat(b'.') {
            self.digits(start)?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _sign = self.eat(b'+') || self.eat(b'-');
            self.digits(start)?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        S::number(text).map_err(|reason| JsonError { reason, at: start })
    }

    /// Reads one or more digits of the number that starts at `start`.
    fn digits(&mut self, start: usize) -> Result<(), JsonError> {
        let first = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
            if self.at - start > self.limits.number {
                return Err(JsonError { reason: Reason::NumberLength, at: start });
            }
        }
        if self.at == first { self.fail(Reason::Syntax) } else { Ok(()) }
    }
}

/// The number of bytes before the next quote, backslash or control character. Checks eight bytes at a time.
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // Sets the high bit of the lowest byte that is below `limit` (others above it may be set wrongly).
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let (words, tail) = bytes.as_chunks::<8>();
    for (count, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = below(word, 0x20) | quote | backslash;
        if found != 0 {
            return count * 8 + usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
        }
    }
    let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
    words.len() * 8 + tail.iter().take_while(|byte| plain(byte)).count()
}
