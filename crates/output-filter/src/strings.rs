//! The strings of a JSON text, changed in place. All bytes between them pass unchanged.

use std::{borrow::Cow, ops::Range};

use briefcase_types::text;

use super::{
    FilterRefusal, Flag, REDACTED, Redactor, neutralise, patterns,
    redactor::{self, Piece, PieceKind},
};
use crate::findings::FilterFindings;

/// The replacement of binary data with a secret: `[redacted]` as base64, so that the message stays well formed.
const REDACTED_BASE64: &str = "W3JlZGFjdGVkXQ==";

/// The changes to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changes {
    /// Secrets, texts with the form of a credential, and hidden characters.
    All,
    /// Secrets of the redactor.
    SecretsOnly,
}

/// Returns the JSON text with safe strings; `None` when no string had to change.
pub(super) fn rewrite(
    json: &[u8],
    redactor: &Redactor,
    changes: Changes,
    found: &mut FilterFindings,
) -> Result<Option<Vec<u8>>, FilterRefusal> {
    let literals = literals(json, redactor)?;
    let divided = if redactor.is_empty() { Some(Divided::new()) } else { redactor.find_across(&pieces(&literals)) };
    let divided = divided.ok_or(FilterRefusal::SecretInParts)?;
    let mut writer = Writer { json, out: None, done: 0 };
    for (index, literal) in literals.iter().enumerate() {
        let parts = divided.get(&index).map(Vec::as_slice).unwrap_or_default();
        if literal.kind == PieceKind::Numbers {
            numbers(&mut writer, literal, parts, redactor, found);
        } else if let Some(new) = safe(literal, parts, redactor, changes, found) {
            writer.replace(literal.start, literal.end, |out| briefcase_json::write_string(&new, out));
        }
    }
    Ok(writer.finish())
}

/// The parts of secrets that are split over several strings, by the string's index.
type Divided = std::collections::BTreeMap<usize, Vec<Range<usize>>>;

/// A string or number of the text.
struct Literal<'a> {
    start: usize,
    end: usize,
    text: Cow<'a, str>,
    kind: PieceKind,
    /// The index of the name whose value this is, directly or as an element of a list.
    name: Option<usize>,
    /// Whether the string is printable ASCII after escapes of quotes, slashes, line feeds and tabs are decoded.
    plain: bool,
    /// Binary data as base64, in which the forms of credentials occur by chance.
    binary: bool,
}

/// Reads the strings, and the numbers if there are secrets.
fn literals<'a>(json: &'a [u8], redactor: &Redactor) -> Result<Vec<Literal<'a>>, FilterRefusal> {
    let mut found = Vec::new();
    let mut names = Names::default();
    let mut at = 0;
    while let Some(start) = position(json, at, b'"') {
        between(json, at, start, redactor, &mut names, &mut found);
        let token = Token::read(json, start)?;
        let is_name = followed_by_colon(json, token.end);
        let text = token.text(json)?;
        let name = names.current().filter(|_| !is_name);
        let direct = name.filter(|index| index.saturating_add(1) == found.len()).and_then(|index| found.get(index));
        let binary = direct.is_some_and(|name: &Literal<'_>| matches!(&*name.text, "data" | "blob"));
        if is_name {
            names.set(found.len());
        }
        let kind = if is_name { PieceKind::Name } else { PieceKind::Text };
        found.push(Literal { start, end: token.end, text, kind, name, plain: token.plain, binary });
        at = token.end;
    }
    between(json, at, json.len(), redactor, &mut names, &mut found);
    Ok(found)
}

/// The member names around a place, one for each open object or list.
#[derive(Default)]
struct Names(Vec<Option<usize>>);

impl Names {
    fn current(&self) -> Option<usize> {
        self.0.last().copied().flatten()
    }

    fn set(&mut self, name: usize) {
        match self.0.last_mut() {
            Some(last) => *last = Some(name),
            None => self.0.push(Some(name)),
        }
    }
}

/// Reads the bytes between two strings: brackets, and numbers as one piece.
fn between<'a>(
    json: &'a [u8],
    from: usize,
    to: usize,
    redactor: &Redactor,
    names: &mut Names,
    found: &mut Vec<Literal<'a>>,
) {
    let bytes = json.get(from..to).unwrap_or_default();
    if !redactor.is_empty() && bytes.iter().any(u8::is_ascii_digit) {
        let text = std::str::from_utf8(bytes).map(Cow::Borrowed).unwrap_or_default();
        let (kind, name) = (PieceKind::Numbers, names.current());
        found.push(Literal { start: from, end: to, text, kind, name, plain: true, binary: false });
    }
    for byte in bytes {
        match byte {
            b'{' | b'[' => {
                let around = names.current();
                names.0.push(around);
            }
            b'}' | b']' => {
                names.0.pop();
            }
            _ => {}
        }
    }
}

fn pieces<'a>(literals: &'a [Literal<'_>]) -> Vec<Piece<'a>> {
    let group = |literal: &Literal<'_>| {
        literal.name.and_then(|index| literals.get(index)).map(|name| &*name.text).unwrap_or_default()
    };
    literals.iter().map(|literal| Piece { text: &literal.text, kind: literal.kind, group: group(literal) }).collect()
}

/// A string literal with its quotes.
struct Token {
    end: usize,
    start: usize,
    escaped: bool,
    /// Whether it is printable ASCII after escapes of quotes, slashes, line feeds and tabs are decoded.
    plain: bool,
}

impl Token {
    fn read(json: &[u8], start: usize) -> Result<Self, FilterRefusal> {
        let mut token = Self { end: 0, start, escaped: false, plain: true };
        let mut bytes = json.iter().enumerate().skip(start.saturating_add(1));
        while let Some((place, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    token.end = place.saturating_add(1);
                    return Ok(token);
                }
                b'\\' => {
                    token.escaped = true;
                    let escape = bytes.next().map(|(_, byte)| byte);
                    token.plain &= matches!(escape, Some(b'"' | b'\\' | b'/' | b'n' | b't'));
                }
                0x20..=0x7e => {}
                _ => token.plain = false,
            }
        }
        Err(FilterRefusal::NotJson)
    }

    fn text<'a>(&self, json: &'a [u8]) -> Result<Cow<'a, str>, FilterRefusal> {
        let whole = json.get(self.start..self.end).unwrap_or_default();
        if self.escaped {
            return serde_json::from_slice::<String>(whole).map(Cow::Owned).map_err(|_| FilterRefusal::NotJson);
        }
        let inner = whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default();
        std::str::from_utf8(inner).map(Cow::Borrowed).map_err(|_| FilterRefusal::NotJson)
    }
}

/// The maximum number of rounds for one string. Each round removes something, and ordinary text needs one.
const ROUNDS_MAX: usize = 4;

/// Returns a safe string; `None` when the given one is safe. Secrets are searched before and after hidden characters
/// are removed: before, because an encoding may use such characters; after, because they may split a secret. A
/// replacement can join two fragments into a new match, so redaction repeats until nothing changes.
fn safe(
    literal: &Literal<'_>,
    parts: &[Range<usize>],
    redactor: &Redactor,
    changes: Changes,
    found: &mut FilterFindings,
) -> Option<String> {
    let given = &*literal.text;
    let mut new = exact(given, parts, redactor, found);
    if new.is_some() && literal.binary && super::media::is_strict(given.as_bytes()) {
        return Some(REDACTED_BASE64.to_owned());
    }
    let rounds = if changes == Changes::All { ROUNDS_MAX } else { 0 };
    for _ in 0..rounds {
        let Some(next) = round(new.as_deref().unwrap_or(given), literal, redactor, found) else { break };
        new = Some(next);
    }
    new
}

fn round(text: &str, literal: &Literal<'_>, redactor: &Redactor, found: &mut FilterFindings) -> Option<String> {
    let mut new = None;
    if let Some(visible) = (!literal.plain).then(|| neutralise(text)).flatten() {
        found.flags.insert(Flag::Neutralised);
        // A name keeps a trace of its hidden characters, so that two names never become one.
        let shown = if literal.kind == PieceKind::Name { text::printable(text) } else { visible.clone() };
        new = exact(&visible, &[], redactor, found).or(Some(shown));
    }
    let credentials = if literal.binary { None } else { patterns::redact(new.as_deref().unwrap_or(text), found) };
    credentials.or(new)
}

/// Replaces secrets, and the given parts of secrets.
fn exact(text: &str, parts: &[Range<usize>], redactor: &Redactor, found: &mut FilterFindings) -> Option<String> {
    let mut ranges = redactor.find(text.as_bytes());
    if !parts.is_empty() {
        ranges.extend(parts.iter().cloned());
        ranges = redactor::merged(ranges);
    }
    let (redacted, count) = redactor::replaced(text.as_bytes(), &ranges)?;
    found.flags.insert(Flag::SecretEchoed);
    found.redactions.exact = found.redactions.exact.saturating_add(count);
    // Ranges end between characters: forms are whole texts, and escapes are ASCII.
    Some(String::from_utf8_lossy(&redacted).into_owned())
}

/// Replaces the numbers that are secrets or parts of one.
fn numbers(
    writer: &mut Writer<'_>,
    literal: &Literal<'_>,
    parts: &[Range<usize>],
    redactor: &Redactor,
    found: &mut FilterFindings,
) {
    if parts.is_empty() && !redactor.looks_at_numbers() {
        return;
    }
    let bytes = literal.text.as_bytes();
    let in_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let begins = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    let mut at = 0_usize;
    while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(begins)) {
        let start = at.saturating_add(skipped);
        let digits = bytes.get(start..).unwrap_or_default();
        let digits = digits.get(..digits.iter().take_while(|byte| in_number(byte)).count()).unwrap_or_default();
        let end = start.saturating_add(digits.len());
        let is_part = parts.iter().any(|part| part.start < end && start < part.end);
        if is_part || (redactor.looks_at_numbers() && !redactor.find(digits).is_empty()) {
            found.flags.insert(Flag::SecretEchoed);
            found.redactions.exact = found.redactions.exact.saturating_add(1);
            let place = literal.start.saturating_add(start)..literal.start.saturating_add(end);
            writer.replace(place.start, place.end, |out| briefcase_json::write_string(REDACTED, out));
        }
        at = end;
    }
}

fn position(json: &[u8], from: usize, wanted: u8) -> Option<usize> {
    json.get(from..)?.iter().position(|byte| *byte == wanted).map(|place| from.saturating_add(place))
}

fn followed_by_colon(json: &[u8], end: usize) -> bool {
    let rest = json.get(end..).unwrap_or_default();
    rest.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) == Some(&b':')
}

/// A writer that copies only after the first change.
struct Writer<'a> {
    json: &'a [u8],
    out: Option<Vec<u8>>,
    done: usize,
}

impl Writer<'_> {
    fn replace(&mut self, start: usize, end: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let out = self.out.get_or_insert_with(|| Vec::with_capacity(self.json.len()));
        out.extend_from_slice(self.json.get(self.done..start).unwrap_or_default());
        write(out);
        self.done = end;
    }

    fn finish(self) -> Option<Vec<u8>> {
        let mut out = self.out?;
        out.extend_from_slice(self.json.get(self.done..).unwrap_or_default());
        Some(out)
    }
}
