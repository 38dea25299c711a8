//! Exact-match redaction: replaces a secret that this server uses wherever it comes back, in any known encoding.
//!
//! Invariant: the same redactor finds no form of a secret in the result of [`Redactor::redact`]. Secrets of fewer than
//! 4 bytes cannot be told from ordinary text: they are not searched, but counted.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use briefcase_types::SecretBytes;
use serde_json::Value;

use super::{
    REDACTED,
    encodings::{self, DecodedView},
};

const SECRET_MIN: usize = 4;
/// The maximum size of all forms for an automaton built for speed instead of size (a few hundred bytes per byte).
const FAST_MAX: usize = 4096;

/// The secrets of one server's connection, compiled for the search.
#[derive(Default)]
pub struct Redactor {
    forms: Option<AhoCorasick>,
    longest: usize,
    ignored: usize,
    digits: bool,
}

/// Collects secrets. Callers use it inside the closures that expose them: `secret.expose(|text|
/// builder.add(text.as_bytes()))`.
#[derive(Default)]
pub struct RedactorBuilder {
    forms: Vec<SecretBytes>,
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
        self.forms.extend(encodings::forms(secret).into_iter().map(SecretBytes::new));
    }

    /// Builds the redactor. Without secrets it finds nothing and costs nothing.
    ///
    /// Returns `None` when the forms exceed one automaton (more than 4 GiB of them). Redaction is then impossible, and
    /// every message must be rejected.
    #[must_use]
    pub fn build(self) -> Option<Redactor> {
        let Self { forms, longest, ignored, digits } = self;
        if forms.is_empty() {
            return Some(Redactor { ignored, ..Redactor::default() });
        }
        let mut exposed: Vec<Vec<u8>> = forms.iter().map(|form| form.expose(<[u8]>::to_vec)).collect();
        let size: usize = exposed.iter().map(Vec::len).sum();
        let built = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind((size <= FAST_MAX).then_some(AhoCorasickKind::DFA))
            .match_kind(MatchKind::LeftmostLongest)
            .build(&exposed)
            .ok();
        // Wiped, except for the copies inside the automaton.
        exposed.drain(..).for_each(|form| drop(SecretBytes::new(form)));
        Some(Redactor { forms: Some(built?), longest, ignored, digits })
    }
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
        let ranges = self.find(bytes);
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

    /// Returns the places (JSON pointers) of secrets in outgoing arguments. A secret belongs in its declared place in
    /// the transport; anywhere else it is exfiltration (attack 18).
    #[must_use]
    pub fn find_in(&self, arguments: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(arguments, &mut String::new(), &mut found);
        found
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
            let mut inner = format!("{path}/{}", token.replace('~', "~0").replace('/', "~1"));
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
        self.forms.is_none()
    }

    /// Returns whether a secret is a number. Numbers are then searched too.
    pub(super) const fn looks_at_numbers(&self) -> bool {
        self.digits
    }

    /// The longest text that can be one secret in one of its forms: escapes take up to 12 bytes per byte (an escaped
    /// escape, or both bytes of UTF-16 in base64 with line breaks).
    pub(super) const fn reach(&self) -> usize {
        self.longest.saturating_mul(12)
    }

    /// Returns the ranges of the secrets, sorted and disjoint.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let Some(forms) = &self.forms else { return Vec::new() };
        let mut ranges: Vec<_> = forms.find_iter(bytes).map(|found| found.range()).collect();
        let mut look = |view: &DecodedView, source: &dyn Fn(usize) -> usize| {
            ranges.extend(forms.find_iter(&view.bytes).map(|found| source(found.start())..source(found.end())));
        };
        if let Some(view) = DecodedView::unwrapped(bytes) {
            look(&view, &|place| view.source(place));
        }
        if let Some(once) = DecodedView::unescaped(bytes) {
            look(&once, &|place| once.source(place));
            for deeper in
                [DecodedView::unescaped(&once.bytes), DecodedView::unwrapped(&once.bytes)].into_iter().flatten()
            {
                look(&deeper, &|place| once.source(deeper.source(place)));
            }
        }
        merged(ranges)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(..)")
    }
}

/// Sorts ranges, and merges those that touch or overlap.
fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
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
