//! The strings of a JSON text, changed in place. All bytes between them pass unchanged.

use std::borrow::Cow;

use briefcase_types::text;

use super::{FilterRefusal, Flag, Redactor, neutralise, patterns};
use crate::findings::FilterFindings;

/// Returns the JSON text with safe strings; `None` when no string had to change.
pub(super) fn rewrite(
    json: &[u8],
    redactor: &Redactor,
    found: &mut FilterFindings,
) -> Result<Option<Vec<u8>>, FilterRefusal> {
    let mut writer = Writer { json, out: None, done: 0 };
    let mut at = 0;
    let mut binary = false;
    while let Some(start) = position(json, at, b'"') {
        if redactor.looks_at_numbers() {
            numbers(&mut writer, at, start, redactor, found);
        }
        let token = Token::read(json, start)?;
        let is_name = followed_by_colon(json, token.end);
        let text = token.text(json)?;
        let kind = Kind { plain: token.plain, name: is_name, binary: binary && !is_name };
        if let Some(new) = safe(&text, kind, redactor, found) {
            writer.replace(start, token.end, |out| briefcase_json::write_string(&new, out));
        }
        binary = is_name && matches!(&*text, "data" | "blob");
        at = token.end;
    }
    if redactor.looks_at_numbers() {
        numbers(&mut writer, at, json.len(), redactor, found);
    }
    Ok(writer.finish())
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
fn safe(given: &str, kind: Kind, redactor: &Redactor, found: &mut FilterFindings) -> Option<String> {
    let mut new = exact(given, redactor, found);
    for _ in 0..ROUNDS_MAX {
        let Some(next) = round(new.as_deref().unwrap_or(given), kind, redactor, found) else { break };
        new = Some(next);
    }
    new
}

/// The kind of string.
#[derive(Clone, Copy)]
struct Kind {
    /// Printable ASCII only.
    plain: bool,
    /// A member's name.
    name: bool,
    /// Binary data as base64, in which the forms of credentials occur by chance.
    binary: bool,
}

fn round(text: &str, kind: Kind, redactor: &Redactor, found: &mut FilterFindings) -> Option<String> {
    let mut new = None;
    if let Some(visible) = (!kind.plain).then(|| neutralise(text)).flatten() {
        found.flags.insert(Flag::Neutralised);
        // A name keeps a trace of its hidden characters, so that two names never become one.
        let shown = if kind.name { text::printable(text) } else { visible.clone() };
        new = exact(&visible, redactor, found).or(Some(shown));
    }
    let credentials = if kind.binary { None } else { patterns::redact(new.as_deref().unwrap_or(text), found) };
    credentials.or(new)
}

fn exact(text: &str, redactor: &Redactor, found: &mut FilterFindings) -> Option<String> {
    let (redacted, count) = redactor.redact(text)?;
    found.flags.insert(Flag::SecretEchoed);
    found.redactions.exact = found.redactions.exact.saturating_add(count);
    Some(redacted)
}

/// Replaces numbers between two strings that are secrets.
fn numbers(writer: &mut Writer<'_>, from: usize, to: usize, redactor: &Redactor, found: &mut FilterFindings) {
    let digit = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let mut at = from;
    while at < to {
        let rest = writer.json.get(at..to).unwrap_or_default();
        let skipped = rest.iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let number = rest.get(skipped..).unwrap_or_default();
        let length = number.iter().take_while(|byte| digit(byte)).count();
        let (start, end) = (at.saturating_add(skipped), at.saturating_add(skipped).saturating_add(length));
        let hits = redactor.find(number.get(..length).unwrap_or_default());
        if !hits.is_empty() {
            found.flags.insert(Flag::SecretEchoed);
            found.redactions.exact = found.redactions.exact.saturating_add(1);
            // A sign before the digits belongs to the number.
            let start = if start > from && writer.json.get(start - 1) == Some(&b'-') { start - 1 } else { start };
            writer.replace(start, end, |out| briefcase_json::write_string(super::REDACTED, out));
        }
        at = end.max(at.saturating_add(1));
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
