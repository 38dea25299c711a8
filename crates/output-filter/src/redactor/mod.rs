//! Redaction: replaces a secret that this server uses wherever it comes back, in any known encoding.
//!
//! Invariants:
//!
//! - The same redactor finds no form of a secret in the result of [`Redactor::redact`].
//! - Time and memory grow in proportion to the text. Decoded copies of a text are searched up to [`DEPTH_MAX`] layers deep
//!   and [`ROOM_FACTOR`] times the size of the text. A text that would need more is replaced as a whole.
//!
//! Secrets of fewer than 4 bytes cannot be told from ordinary text: they are not searched, but counted.
//!
//! This filter is no boundary. A server that has a secret can always invent an encoding that no filter knows. The boundary
//! is that a server gets no secret but its own, and that an isolated tool gets none at all.

mod across;
mod encodings;
mod fragments;

use std::ops::Range;

pub(crate) use across::{Piece, PieceKind};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use briefcase_types::SecretBytes;
use encodings::{escapes, forms, layers, squeeze, view::DecodedView};
use fragments::Fragments;
use serde_json::Value;

use super::REDACTED;

const SECRET_MIN: usize = 4;
/// The maximum size of all forms for an automaton built for speed instead of size (a few hundred bytes per byte).
const FAST_MAX: usize = 8192;
/// The maximum number of layers of encodings.
const DEPTH_MAX: usize = 4;
/// The maximum size of all decoded copies of a text, in multiples of its size, and beyond that in bytes.
const ROOM_FACTOR: usize = 16;
const ROOM_MIN: usize = 4 << 20;
/// The maximum number of layers of escapes in a stream.
const STREAM_DEPTH: usize = 3;

/// The secrets of one server's connection, compiled for the search.
#[derive(Default)]
pub struct Redactor {
    literal: Option<AhoCorasick>,
    /// The first pattern of `literal` whose matches end up to one group further out.
    mixed_from: usize,
    squeezed: Option<AhoCorasick>,
    /// The longest pattern of `squeezed`.
    squeezed_max: usize,
    fragments: Option<Fragments>,
    longest: usize,
    ignored: usize,
    digits: bool,
}

/// Collects secrets. Callers use it inside the closures that expose them: `secret.expose(|text|
/// builder.add(text.as_bytes()))`.
#[derive(Default)]
pub struct RedactorBuilder {
    literal: Vec<SecretBytes>,
    mixed: Vec<SecretBytes>,
    squeezed: Vec<SecretBytes>,
    divisible: Vec<SecretBytes>,
    longest: usize,
    ignored: usize,
    digits: bool,
}

impl RedactorBuilder {
    /// Adds a secret. Callers add the secret alone, without the text around it, such as `Bearer ` or the rest of a
    /// header template.
    pub fn add(&mut self, secret: &[u8]) {
        let secret = secret.trim_ascii();
        if secret.len() < SECRET_MIN {
            self.ignored = self.ignored.saturating_add(1);
            return;
        }
        self.longest = self.longest.max(secret.len());
        self.digits |= secret.iter().all(u8::is_ascii_digit);
        let forms = forms::forms(secret);
        let wiped = |forms: Vec<Vec<u8>>| forms.into_iter().map(SecretBytes::new);
        self.literal.extend(wiped(forms.literal));
        self.mixed.extend(wiped(forms.mixed));
        self.squeezed.extend(wiped(forms.squeezed));
        self.divisible.extend(wiped(forms.divisible));
    }

    /// Builds the redactor. Without secrets it finds nothing and costs nothing.
    ///
    /// Returns `None` when the forms exceed one automaton (more than 4 GiB of them). Redaction is then impossible, and
    /// every message must be rejected.
    #[must_use]
    pub fn build(self) -> Option<Redactor> {
        let Self { mut literal, mixed, squeezed, divisible, longest, ignored, digits } = self;
        if literal.is_empty() {
            return Some(Redactor { ignored, ..Redactor::default() });
        }
        let mixed_from = literal.len();
        literal.extend(mixed);
        let squeezed_max = squeezed.iter().map(|form| form.expose(<[u8]>::len)).max().unwrap_or_default();
        Some(Redactor {
            literal: Some(automaton(&literal, true)?),
            mixed_from,
            squeezed: if squeezed.is_empty() { None } else { Some(automaton(&squeezed, false)?) },
            squeezed_max,
            fragments: Fragments::new(&divisible)?,
            longest,
            ignored,
            digits,
        })
    }
}

/// Builds the automaton of these forms. The copies are wiped, except for those inside the automaton.
fn automaton(forms: &[SecretBytes], ignore_case: bool) -> Option<AhoCorasick> {
    let mut exposed: Vec<Vec<u8>> = forms.iter().map(|form| form.expose(<[u8]>::to_vec)).collect();
    let size: usize = exposed.iter().map(Vec::len).sum();
    let built = AhoCorasick::builder()
        .ascii_case_insensitive(ignore_case)
        .kind((size <= FAST_MAX).then_some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        .build(&exposed)
        .ok();
    exposed.drain(..).for_each(|form| drop(SecretBytes::new(form)));
    built
}

impl Redactor {
    /// Collects secrets.
    #[must_use]
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::default()
    }

    /// A redactor without secrets.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The number of secrets that are too short to search for.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// Replaces every secret and returns the number of replacements. Returns `None` when the text contains no secret.
    #[must_use]
    pub fn redact(&self, text: &str) -> Option<(String, u64)> {
        let (out, count) = self.redact_bytes(text.as_bytes())?;
        // Ranges end between characters: forms are whole texts, and escapes are ASCII.
        Some((String::from_utf8_lossy(&out).into_owned(), count))
    }

    /// Replaces secrets in bytes that need not be text. See [`Redactor::redact`].
    #[must_use]
    pub fn redact_bytes(&self, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
        replaced(bytes, &self.find(bytes))
    }

    /// Returns the places (JSON pointers) of secrets in outgoing arguments. A secret belongs in its declared place in
    /// the transport; anywhere else it is exfiltration (attack 18). An empty pointer stands for a secret in parts.
    #[must_use]
    pub fn find_in(&self, arguments: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(arguments, &mut String::new(), &mut found);
        if found.is_empty() && !self.is_empty() && self.divided(arguments) {
            found.push(String::new());
        }
        found
    }

    fn divided(&self, value: &Value) -> bool {
        let mut pieces = Vec::new();
        across::pieces_of(value, "", &mut pieces);
        let borrowed = pieces
            .iter()
            .map(|(kind, group, text): &(PieceKind, String, String)| Piece { text, kind: *kind, group })
            .collect::<Vec<_>>();
        self.find_across(&borrowed).is_none_or(|found| !found.is_empty())
    }

    fn walk(&self, value: &Value, path: &mut String, found: &mut Vec<String>) {
        let here = match value {
            Value::String(text) => self.holds(text.as_bytes()),
            Value::Number(number) => self.digits && self.holds(number.to_string().as_bytes()),
            _ => false,
        };
        if here {
            found.push(path.clone());
        }
        let mut below = |token: &str, value: &Value| {
            let mut inner = format!("{path}/{}", briefcase_json::pointer::token(token));
            if self.holds(token.as_bytes()) {
                found.push(format!("{path}/{REDACTED}"));
                inner = format!("{path}/{REDACTED}");
            }
            self.walk(value, &mut inner, found);
        };
        match value {
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| below(&index.to_string(), item)),
            Value::Object(members) => members.iter().for_each(|(name, member)| below(name, member)),
            _ => {}
        }
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        !self.find(bytes).is_empty()
    }

    /// Returns whether the redactor has any secret.
    pub(super) const fn is_empty(&self) -> bool {
        self.literal.is_none()
    }

    /// Returns whether a secret is a number. Numbers are then searched too.
    pub(super) const fn looks_at_numbers(&self) -> bool {
        self.digits
    }

    /// The longest text that can be one secret in one of its forms in a stream: escapes and separated codes take up to 24
    /// bytes per byte.
    pub(super) const fn reach(&self) -> usize {
        self.longest.saturating_mul(24)
    }

    /// Returns the ranges of the secrets, sorted and disjoint.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        if self.is_empty() || bytes.len() < SECRET_MIN {
            return Vec::new();
        }
        let mut ranges = Vec::new();
        let mut room = bytes.len().saturating_mul(ROOM_FACTOR).saturating_add(ROOM_MIN);
        if !self.explore(bytes, 0, &mut room, &mut |range| ranges.push(range)) {
            ranges.clear();
            ranges.push(0..bytes.len());
        }
        merged(ranges)
    }

    /// Returns the ranges of the secrets whose form is at most [`Self::reach`] bytes long and does not depend on the text
    /// further away. A stream can find them piece by piece.
    pub(super) fn find_near(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut ranges = Vec::new();
        self.near(bytes, 0, &mut |range| ranges.push(range));
        ranges.retain(|range| range.len() <= self.reach());
        merged(ranges)
    }

    fn near(&self, bytes: &[u8], depth: usize, add: &mut dyn FnMut(Range<usize>)) {
        self.search(bytes, false, add);
        let printable = (depth == 0).then(|| escapes::quoted_printable(bytes)).flatten();
        if let Some(view) = printable {
            self.search(&view.bytes, false, &mut |range| add(view.source(&range)));
        }
        let escaped = (depth < STREAM_DEPTH).then(|| escapes::unescaped(bytes)).flatten();
        if let Some(view) = escaped {
            self.near(&view.bytes, depth.saturating_add(1), &mut |range| add(view.source(&range)));
        }
    }

    /// Searches the bytes and everything that can be decoded from them. Returns false when that is too much.
    fn explore(&self, bytes: &[u8], depth: usize, room: &mut usize, add: &mut dyn FnMut(Range<usize>)) -> bool {
        self.search(bytes, true, add);
        if depth >= DEPTH_MAX {
            return true;
        }
        let mut deeper = |view: &DecodedView, room: &mut usize| {
            let Some(left) = room.checked_sub(view.bytes.len()) else { return false };
            *room = left;
            self.explore(&view.bytes, depth.saturating_add(1), room, &mut |range| add(view.source(&range)))
        };
        let shallow = depth <= 1;
        let whole = [escapes::unescaped(bytes), shallow.then(|| escapes::quoted_printable(bytes)).flatten()];
        if !whole.iter().flatten().all(|view| deeper(view, room)) {
            return false;
        }
        let available = *room;
        if !layers::decoded(bytes, available).all(|view| deeper(&view, room)) {
            return false;
        }
        let unwrapped = shallow.then(|| escapes::unwrapped(bytes)).flatten();
        if let Some(view) = unwrapped {
            self.search(&view.bytes, true, &mut |range| add(view.source(&range)));
        }
        true
    }

    /// Searches the bytes as they are.
    fn search(&self, bytes: &[u8], widen: bool, add: &mut dyn FnMut(Range<usize>)) {
        if let Some(literal) = &self.literal {
            for found in literal.find_iter(bytes) {
                let mixed = found.pattern().as_usize() >= self.mixed_from;
                add(if mixed && widen { widened(bytes, found.range()) } else { found.range() });
            }
        }
        if let Some(squeezed) = &self.squeezed {
            let text = squeeze::squeezed(bytes);
            let found: Vec<_> = squeezed.find_iter(&text).map(|found| found.range()).collect();
            if !found.is_empty() {
                squeeze::sources(bytes, &found).into_iter().for_each(add);
            }
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

/// Extends a range by up to one group of base85 on either side.
fn widened(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let visible = |byte: &&u8| byte.is_ascii_graphic();
    let before = bytes.get(..range.start).unwrap_or_default().iter().rev().take(5).take_while(visible).count();
    let after = bytes.get(range.end..).unwrap_or_default().iter().take(5).take_while(visible).count();
    range.start.saturating_sub(before)..range.end.saturating_add(after)
}

/// Replaces ranges. Returns `None` without ranges.
pub(super) fn replaced(bytes: &[u8], ranges: &[Range<usize>]) -> Option<(Vec<u8>, u64)> {
    if ranges.is_empty() {
        return None;
    }
    let (mut out, mut from, mut count) = (Vec::with_capacity(bytes.len()), 0, 0_u64);
    for range in ranges {
        out.extend_from_slice(bytes.get(from..range.start).unwrap_or_default());
        out.extend_from_slice(REDACTED.as_bytes());
        from = range.end;
        count = count.saturating_add(1);
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    Some((out, count))
}

/// Sorts ranges, and merges those that overlap.
pub(super) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges.into_iter().filter(|range| range.start < range.end) {
        match apart.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}
