//! The encodings in which a secret may come back, and a view of text with its escapes decoded.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// A shorter secret is searched in plain form only: its encodings are too short to tell from ordinary text.
const ENCODED_MIN: usize = 8;

/// Returns every form of a secret to search literally. [`DecodedView`] decodes escapes (URL, JSON, HTML, `\x`) instead,
/// because they can be mixed. The search ignores case.
pub(super) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    if secret.len() < ENCODED_MIN {
        return forms;
    }
    let text = String::from_utf8_lossy(secret);
    forms.push(text.chars().rev().collect::<String>().into_bytes());
    forms.push(text.replace(' ', "+").into_bytes());
    // The bytes between the secret's first and last byte in UTF-16, in either byte order.
    let wide: Vec<u8> = secret.iter().flat_map(|byte| [0, *byte]).skip(1).collect();
    for bytes in [secret, &wide] {
        forms.push(hex(bytes, ""));
        forms.push(hex(bytes, ":"));
        forms.push(hex(bytes, " "));
        forms.extend((0..3).flat_map(|shift| base64_within(bytes, shift)));
    }
    forms.push(wide);
    forms.sort();
    forms.dedup();
    forms
}

fn hex(bytes: &[u8], separator: &str) -> Vec<u8> {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(separator).into_bytes()
}

/// Returns the base64 characters that depend on the secret alone, `shift` bytes (modulo 3) into a larger text, in both
/// alphabets.
fn base64_within(secret: &[u8], shift: usize) -> Vec<Vec<u8>> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(secret);
    let encoded = STANDARD_NO_PAD.encode(&padded).into_bytes();
    // A character encodes 6 bits. Characters that mix in a bit from before or after the secret are left out.
    let first = (shift * 8).div_ceil(6);
    let last = (padded.len() * 8) / 6;
    let Some(core) = encoded.get(first..last).filter(|core| core.len() >= ENCODED_MIN) else { return Vec::new() };
    let url_safe = core.iter().map(|byte| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    });
    vec![core.to_vec(), url_safe.collect()]
}

/// Bytes with decoded escapes, and their places in the source.
pub(super) struct DecodedView {
    pub(super) bytes: Vec<u8>,
    runs: Vec<Run>,
}

/// The source of a part of the view, up to the next run.
struct Run {
    view: usize,
    source: usize,
    /// Copied byte by byte; otherwise decoded from one escape at `source`.
    copied: bool,
}

impl DecodedView {
    /// Decodes one layer of escapes. Returns `None` for bytes without escapes.
    pub(super) fn unescaped(source: &[u8]) -> Option<Self> {
        let special = |byte: u8| matches!(byte, b'%' | b'&' | b'\\');
        Self::build(source, special, |rest| match rest.first() {
            Some(b'%') => percent(rest),
            Some(b'&') => entity(rest),
            Some(b'\\') => backslash(rest),
            _ => None,
        })
    }

    /// Removes line breaks and the indentation of the next line, as in wrapped base64 or hex. Returns `None` for a
    /// single line.
    pub(super) fn unwrapped(source: &[u8]) -> Option<Self> {
        let special = |byte: u8| matches!(byte, b'\n' | b'\r');
        Self::build(source, special, |rest| {
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            Some((Unit::default(), blank))
        })
    }

    /// Returns the start in the source of the byte at `place` of the view.
    pub(super) fn source(&self, place: usize) -> usize {
        let next = self.runs.partition_point(|run| run.view <= place);
        let run = next.checked_sub(1).and_then(|index| self.runs.get(index));
        run.map_or(
            0,
            |run| if run.copied { run.source.saturating_add(place.saturating_sub(run.view)) } else { run.source },
        )
    }

    fn build(
        source: &[u8],
        special: impl Fn(u8) -> bool,
        undo: impl Fn(&[u8]) -> Option<(Unit, usize)>,
    ) -> Option<Self> {
        let mut next = source.iter().position(|byte| special(*byte))?;
        let mut view = Self { bytes: Vec::with_capacity(source.len()), runs: Vec::new() };
        let mut copied = 0;
        loop {
            let rest = source.get(next..).unwrap_or_default();
            let used = match undo(rest) {
                Some((unit, used)) => {
                    view.copy(source, copied, next);
                    view.runs.push(Run { view: view.bytes.len(), source: next, copied: false });
                    view.bytes.extend(unit.bytes.iter().take(unit.length));
                    copied = next.saturating_add(used.max(1));
                    used.max(1)
                }
                None => 1,
            };
            let after = next.saturating_add(used);
            let found = source.get(after..).and_then(|rest| rest.iter().position(|byte| special(*byte)));
            let Some(found) = found else { break };
            next = after.saturating_add(found);
        }
        view.copy(source, copied, source.len());
        view.runs.push(Run { view: view.bytes.len(), source: source.len(), copied: true });
        Some(view)
    }

    fn copy(&mut self, source: &[u8], from: usize, to: usize) {
        self.runs.push(Run { view: self.bytes.len(), source: from, copied: true });
        self.bytes.extend_from_slice(source.get(from..to).unwrap_or_default());
    }
}

/// Up to four bytes: one character.
#[derive(Default)]
struct Unit {
    bytes: [u8; 4],
    length: usize,
}

impl Unit {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn code(code: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length })
    }
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| char::from(byte).is_digit(radix)).then(|| u32::from_str_radix(text, radix).ok())?
}

fn percent(rest: &[u8]) -> Option<(Unit, usize)> {
    let code = number(rest.get(1..3)?, 16)?;
    Some((Unit::byte(u8::try_from(code).ok()?), 3))
}

fn backslash(rest: &[u8]) -> Option<(Unit, usize)> {
    match rest.get(1)? {
        b'u' | b'U' => Some((Unit::code(number(rest.get(2..6)?, 16)?)?, 6)),
        b'x' | b'X' => Some((Unit::byte(u8::try_from(number(rest.get(2..4)?, 16)?).ok()?), 4)),
        b'n' => Some((Unit::byte(b'\n'), 2)),
        b't' => Some((Unit::byte(b'\t'), 2)),
        b'r' => Some((Unit::byte(b'\r'), 2)),
        other if other.is_ascii_punctuation() => Some((Unit::byte(*other), 2)),
        _ => None,
    }
}

fn entity(rest: &[u8]) -> Option<(Unit, usize)> {
    const NAMED: [(&[u8], u8); 9] = [
        (b"&amp;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&sol;", b'/'),
        (b"&plus;", b'+'),
        (b"&equals;", b'='),
        (b"&period;", b'.'),
    ];
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some((Unit::byte(*byte), name.len()));
    }
    let body = rest.strip_prefix(b"&#")?;
    let (body, radix, head) = match body.first()? {
        b'x' | b'X' => (body.get(1..)?, 16, 3),
        _ => (body, 10, 2),
    };
    let digits = body.iter().take(10).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let unit = Unit::code(number(body.get(..digits).filter(|digits| !digits.is_empty())?, radix)?)?;
    let closed = usize::from(body.get(digits) == Some(&b';'));
    Some((unit, head + digits + closed))
}
