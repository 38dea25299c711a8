//! Escapes that stand for single characters: URL, JSON, JavaScript, HTML, quoted-printable. They can be mixed.

use super::view::DecodedView;

/// The maximum number of digits of a numeric entity. Leading zeros are legal.
const ENTITY_DIGITS_MAX: usize = 64;

/// Decodes one layer of escapes. Returns `None` for bytes without escapes.
pub(in crate::redactor) fn unescaped(source: &[u8]) -> Option<DecodedView> {
    let special = |byte: u8| matches!(byte, b'%' | b'&' | b'\\');
    decode(source, special, |rest| match rest.first() {
        Some(b'%') => percent(rest),
        Some(b'&') => entity(rest),
        Some(b'\\') => backslash(rest),
        _ => None,
    })
}

/// Decodes quoted-printable. Returns `None` for bytes without it.
pub(in crate::redactor) fn quoted_printable(source: &[u8]) -> Option<DecodedView> {
    decode(
        source,
        |byte| byte == b'=',
        |rest| match rest.get(1)? {
            b'\n' => Some((Unit::default(), 2)),
            b'\r' if rest.get(2) == Some(&b'\n') => Some((Unit::default(), 3)),
            _ => Some((Unit::byte(u8::try_from(number(rest.get(1..3)?, 16)?).ok()?), 3)),
        },
    )
}

/// Removes line breaks and the indentation of the next line, as in wrapped base85. Returns `None` for a single line.
pub(in crate::redactor) fn unwrapped(source: &[u8]) -> Option<DecodedView> {
    let special = |byte: u8| matches!(byte, b'\n' | b'\r');
    decode(source, special, |rest| {
        let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        Some((Unit::default(), blank))
    })
}

/// Decodes text whose characters stand for bytes, when some of them are control characters. Returns `None` for other text.
pub(in crate::redactor) fn latin1(source: &[u8]) -> Option<Vec<u8>> {
    // A character from U+0080 to U+00FF has one of two lead bytes.
    if !source.iter().any(|byte| matches!(byte, 0xc2 | 0xc3)) {
        return None;
    }
    let text = std::str::from_utf8(source).ok()?;
    let bytes: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    bytes.filter(|bytes| bytes.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 0x80..=0x9f)))
}

fn decode(
    source: &[u8],
    special: impl Fn(u8) -> bool,
    undo: impl Fn(&[u8]) -> Option<(Unit, usize)>,
) -> Option<DecodedView> {
    let mut view = DecodedView::default();
    let (mut at, mut copied, mut undone) = (0, 0, false);
    while let Some(found) = source.get(at..).and_then(|rest| rest.iter().position(|byte| special(*byte))) {
        let next = at.saturating_add(found);
        let Some((unit, used)) = undo(source.get(next..).unwrap_or_default()) else {
            at = next.saturating_add(1);
            continue;
        };
        if !undone {
            view.bytes.reserve(source.len());
            undone = true;
        }
        let end = next.saturating_add(used.max(1));
        view.copy(source, copied..next);
        view.decoded(next..end, unit.bytes.get(..unit.length).unwrap_or_default());
        (copied, at) = (end, end);
    }
    if !undone {
        return None;
    }
    view.copy(source, copied..source.len());
    Some(view)
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

/// Returns the number of leading digits.
fn digits(bytes: &[u8], radix: u32, max: usize) -> usize {
    bytes.iter().take(max).take_while(|byte| char::from(**byte).is_digit(radix)).count()
}

fn percent(rest: &[u8]) -> Option<(Unit, usize)> {
    if matches!(rest.get(1)?, b'u' | b'U') {
        return Some((Unit::code(number(rest.get(2..6)?, 16)?)?, 6));
    }
    let code = number(rest.get(1..3)?, 16)?;
    Some((Unit::byte(u8::try_from(code).ok()?), 3))
}

fn backslash(rest: &[u8]) -> Option<(Unit, usize)> {
    match rest.get(1)? {
        b'u' | b'x' if rest.get(2) == Some(&b'{') => {
            let body = rest.get(3..)?;
            let length = digits(body, 16, 8);
            let closed = body.get(length) == Some(&b'}');
            let unit = Unit::code(number(body.get(..length).filter(|digits| closed && !digits.is_empty())?, 16)?)?;
            Some((unit, length.saturating_add(4)))
        }
        b'U' if digits(rest.get(2..)?, 16, 8) == 8 => Some((Unit::code(number(rest.get(2..10)?, 16)?)?, 10)),
        b'u' | b'U' => Some((Unit::code(number(rest.get(2..6)?, 16)?)?, 6)),
        b'x' | b'X' => Some((Unit::byte(u8::try_from(number(rest.get(2..4)?, 16)?).ok()?), 4)),
        b'0'..=b'7' => {
            let length = digits(rest.get(1..)?, 8, 3);
            let code = number(rest.get(1..length.saturating_add(1))?, 8)?;
            Some((Unit::byte(u8::try_from(code).ok()?), length.saturating_add(1)))
        }
        b'n' => Some((Unit::byte(b'\n'), 2)),
        b't' => Some((Unit::byte(b'\t'), 2)),
        b'r' => Some((Unit::byte(b'\r'), 2)),
        other if other.is_ascii_punctuation() => Some((Unit::byte(*other), 2)),
        _ => None,
    }
}

/// The named entities of ASCII characters.
const NAMED: [(&[u8], u8); 36] = [
    (b"&amp;", b'&'),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&quot;", b'"'),
    (b"&apos;", b'\''),
    (b"&sol;", b'/'),
    (b"&plus;", b'+'),
    (b"&equals;", b'='),
    (b"&period;", b'.'),
    (b"&lowbar;", b'_'),
    (b"&UnderBar;", b'_'),
    (b"&hyphen;", b'-'),
    (b"&dash;", b'-'),
    (b"&num;", b'#'),
    (b"&excl;", b'!'),
    (b"&dollar;", b'$'),
    (b"&percnt;", b'%'),
    (b"&lpar;", b'('),
    (b"&rpar;", b')'),
    (b"&ast;", b'*'),
    (b"&comma;", b','),
    (b"&colon;", b':'),
    (b"&semi;", b';'),
    (b"&quest;", b'?'),
    (b"&commat;", b'@'),
    (b"&lsqb;", b'['),
    (b"&lbrack;", b'['),
    (b"&bsol;", b'\\'),
    (b"&rsqb;", b']'),
    (b"&rbrack;", b']'),
    (b"&Hat;", b'^'),
    (b"&grave;", b'`'),
    (b"&lcub;", b'{'),
    (b"&verbar;", b'|'),
    (b"&rcub;", b'}'),
    (b"&nbsp;", b' '),
];

fn entity(rest: &[u8]) -> Option<(Unit, usize)> {
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some((Unit::byte(*byte), name.len()));
    }
    let body = rest.strip_prefix(b"&#")?;
    let (body, radix, head) = match body.first()? {
        b'x' | b'X' => (body.get(1..)?, 16, 3_usize),
        _ => (body, 10, 2),
    };
    let length = digits(body, radix, ENTITY_DIGITS_MAX);
    let zeros = body.iter().take(length.saturating_sub(1)).take_while(|byte| **byte == b'0').count();
    let unit = Unit::code(number(body.get(zeros..length).filter(|digits| !digits.is_empty())?, radix)?)?;
    let closed = usize::from(body.get(length) == Some(&b';'));
    Some((unit, head.saturating_add(length).saturating_add(closed)))
}
