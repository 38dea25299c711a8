//! The forms in which a secret may come back, and a view of text with its escapes undone.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// A secret shorter than this is only looked for as it is: its encodings are too short to be told from ordinary text.
const ENCODED_MIN: usize = 8;

/// Every form of a secret that is looked for literally. Escapes (URL, JSON, HTML, `\x`) are undone by [`View`] instead,
/// because they can be mixed; upper and lower case are matched alike.
pub(super) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    if secret.len() < ENCODED_MIN {
        return forms;
    }
    let text = String::from_utf8_lossy(secret);
    forms.push(text.chars().rev().collect::<String>().into_bytes());
    forms.push(text.replace(' ', "+").into_bytes());
    // What UTF-16, either way round, has between the secret's first and last byte.
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

/// The characters of base64 that depend on the secret alone when it stands `shift` bytes (modulo 3) into a larger text,
/// in both alphabets.
fn base64_within(secret: &[u8], shift: usize) -> Vec<Vec<u8>> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(secret);
    let encoded = STANDARD_NO_PAD.encode(&padded).into_bytes();
    // A character holds 6 bits: those that mix in a foreign bit before or after the secret are left out.
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

/// Bytes with escapes undone, and where each came from.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// One more than `bytes`: byte `i` came from `offsets[i]..offsets[i + 1]`.
    offsets: Vec<usize>,
}

impl View {
    /// The view with one layer of escapes undone; `None` when there is none.
    pub(super) fn unescaped(source: &[u8]) -> Option<Self> {
        if !source.iter().any(|byte| matches!(byte, b'%' | b'&' | b'\\')) {
            return None;
        }
        Some(Self::build(source, |rest| match rest.first() {
            Some(b'%') => percent(rest),
            Some(b'&') => entity(rest),
            Some(b'\\') => backslash(rest),
            _ => None,
        }))
    }

    /// The view without line breaks and what indents the next line, as wrapped base64 or hex has them.
    pub(super) fn unwrapped(source: &[u8]) -> Option<Self> {
        if !source.contains(&b'\n') {
            return None;
        }
        Some(Self::build(source, |rest| {
            let blank = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t')).count();
            let breaks = rest.iter().take(blank).any(|byte| *byte == b'\n');
            breaks.then(|| (Unit::default(), blank))
        }))
    }

    /// The same view, seen from the source of `outer`.
    pub(super) fn within(mut self, outer: &Self) -> Self {
        for offset in &mut self.offsets {
            *offset = outer.source(*offset);
        }
        self
    }

    /// Where in the source the byte at `place` of the view begins.
    pub(super) fn source(&self, place: usize) -> usize {
        self.offsets.get(place).or(self.offsets.last()).copied().unwrap_or_default()
    }

    fn build(source: &[u8], undo: impl Fn(&[u8]) -> Option<(Unit, usize)>) -> Self {
        let mut view = Self { bytes: Vec::with_capacity(source.len()), offsets: Vec::with_capacity(source.len()) };
        let mut at = 0;
        while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
            let (unit, used) = undo(rest).unwrap_or_else(|| (Unit::byte(rest.first().copied().unwrap_or_default()), 1));
            for byte in unit.bytes.iter().take(unit.length) {
                view.bytes.push(*byte);
                view.offsets.push(at);
            }
            at = at.saturating_add(used.max(1));
        }
        view.offsets.push(source.len());
        view
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
