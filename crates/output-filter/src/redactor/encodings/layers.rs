//! Encodings of whole words or lists: base64, base32, base58, base85, hex, lists of codes, compressed data. A decoded word
//! that is text is searched again, so encodings may be nested.
//!
//! A word that decodes to neither text nor compressed data is skipped: the literal forms find a secret in it.

use std::ops::Range;

use miniz_oxide::inflate;

use super::{escapes, radix, view::DecodedView};

/// The minimum length of an encoded word.
const WORD_MIN: usize = 16;
/// The first part of a word, which tells whether to decode the rest.
const HEAD: usize = 96;
/// The maximum length of a word of base58: decoding takes time in proportion to its square.
const BASE58_MAX: usize = 200;
/// The minimum number of codes in a list, and the maximum distance between two of them.
const CODES_MIN: usize = 8;
const GAP_MAX: usize = 6;

/// The first bytes of gzip.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// The maximum number of places in one text where compressed data may begin.
const STARTS_MAX: usize = 4;

/// Decodes the words of one encoding.
type Decoder = fn(&[u8], usize) -> Option<DecodedView>;

/// Returns the decoded words of every encoding. `room` limits the size of decompressed data.
pub(in crate::redactor) fn decoded(source: &[u8], room: usize) -> impl Iterator<Item = DecodedView> + '_ {
    let decoders: [Decoder; 5] = [base64, words, lists, base85, characters];
    decoders.into_iter().filter_map(move |decoder| decoder(source, room))
}

/// Returns decoded bytes if they are text, or compressed data that opens.
fn useful(decoded: Vec<u8>, room: usize) -> Option<Vec<u8>> {
    if is_text(&decoded) { Some(decoded) } else { inflated(&decoded, room) }
}

/// Returns whether the first bytes may begin text or compressed data. Raw deflate has no signature, but three types of
/// blocks.
fn promising(head: &[u8]) -> bool {
    is_text(head) || head.starts_with(&GZIP) || head.first().is_some_and(|first| first >> 1 & 3 != 3)
}

/// Returns whether most bytes are printable. Zero bytes do not count: UTF-16 has many.
fn is_text(bytes: &[u8]) -> bool {
    let (mut printable, mut other) = (0_usize, 0_usize);
    for byte in bytes {
        match byte {
            0 => {}
            b' '..=b'~' | b'\n' | b'\r' | b'\t' => printable = printable.saturating_add(1),
            _ => other = other.saturating_add(1),
        }
    }
    printable >= 6 && other.saturating_mul(6) <= printable
}

/// Decompresses gzip, zlib or raw deflate. Returns what came out before an error, if it is more than a few bytes.
fn inflated(bytes: &[u8], room: usize) -> Option<Vec<u8>> {
    let open = |body: &[u8], zlib: bool| {
        let result = if zlib {
            inflate::decompress_to_vec_zlib_with_limit(body, room)
        } else {
            inflate::decompress_to_vec_with_limit(body, room)
        };
        let out = result.unwrap_or_else(|error| error.output);
        (out.len() >= CODES_MIN).then_some(out)
    };
    match bytes {
        [0x1f, 0x8b, 8, flags, ..] => open(gzip_body(bytes, *flags)?, false),
        [method, flags, ..]
            if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31) =>
        {
            open(bytes, true)
        }
        _ if bytes.len() >= CODES_MIN => open(bytes, false).filter(|out| is_text(out)),
        _ => None,
    }
}

/// Returns the compressed data after a gzip header.
fn gzip_body(bytes: &[u8], flags: u8) -> Option<&[u8]> {
    let mut rest = bytes.get(10..)?;
    if flags & 4 != 0 {
        let length = usize::from(*rest.first()?) | usize::from(*rest.get(1)?) << 8;
        rest = rest.get(length.saturating_add(2)..)?;
    }
    for bit in [8, 16] {
        if flags & bit != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end.saturating_add(1)..)?;
        }
    }
    if flags & 2 != 0 { rest.get(2..) } else { Some(rest) }
}

/// Decodes text whose characters are the bytes of compressed data.
fn characters(source: &[u8], room: usize) -> Option<DecodedView> {
    let bytes = escapes::latin1(source)?;
    let gzip = bytes.windows(GZIP.len()).enumerate().filter(|(_, window)| *window == GZIP).map(|(place, _)| place);
    let out = std::iter::once(0)
        .chain(gzip.take(STARTS_MAX))
        .filter_map(|start| inflated(bytes.get(start..)?, room))
        .collect::<Vec<_>>()
        .concat();
    let mut view = DecodedView::default();
    if !out.is_empty() {
        view.apart(0..source.len(), &out);
    }
    view.filled()
}

/// Returns the maximal runs of bytes that `belongs` accepts.
fn runs<'a>(source: &'a [u8], belongs: impl Fn(u8) -> bool + 'a) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut at = 0;
    std::iter::from_fn(move || {
        let skipped = source.get(at..)?.iter().position(|byte| belongs(*byte))?;
        let start = at.saturating_add(skipped);
        let rest = source.get(start..)?;
        let end = rest.iter().position(|byte| !belongs(*byte)).map_or(source.len(), |length| start + length);
        at = end;
        Some(start..end)
    })
}

fn base64(source: &[u8], room: usize) -> Option<DecodedView> {
    let belongs = |byte: u8| radix::base64_value(byte).is_some();
    let mut view = DecodedView::default();
    let mut lines: Vec<Range<usize>> = Vec::new();
    for run in runs(source, belongs) {
        // A line break, and what begins the next line of a quotation, continue a word.
        let continues = lines.last().is_some_and(|line| wraps(source.get(line.end..run.start).unwrap_or_default()));
        if !continues {
            base64_word(source, &lines, room, &mut view);
            lines.clear();
        }
        if continues || run.len() >= WORD_MIN {
            lines.push(run);
        }
    }
    base64_word(source, &lines, room, &mut view);
    view.filled()
}

fn wraps(between: &[u8]) -> bool {
    between.len() <= 16
        && between.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
        && between.iter().all(|byte| matches!(byte, b'\n' | b'\r' | b' ' | b'\t' | b'>' | b'#' | b'*' | b'|'))
}

fn base64_word(source: &[u8], lines: &[Range<usize>], room: usize, view: &mut DecodedView) {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return };
    let decode = |lines: &[Range<usize>]| {
        let digits = || lines.iter().flat_map(|line| source.get(line.clone()).unwrap_or_default().iter().copied());
        let head = radix::from_bits(digits().take(HEAD), radix::base64_value, 6);
        promising(&head).then(|| radix::from_bits(digits(), radix::base64_value, 6)).and_then(|all| useful(all, room))
    };
    if let Some(text) = decode(lines) {
        return view.apart(first.start..last.end, &text);
    }
    for line in lines {
        if lines.len() > 1
            && let Some(text) = decode(std::slice::from_ref(line))
        {
            view.apart(line.clone(), &text);
            continue;
        }
        // A path, or words joined by dashes: each part may be a word of its own.
        let bytes = source.get(line.clone()).unwrap_or_default();
        for part in runs(bytes, |byte| byte.is_ascii_alphanumeric()).filter(|part| part.len() >= WORD_MIN) {
            let part = line.start.saturating_add(part.start)..line.start.saturating_add(part.end);
            if part != *line
                && let Some(text) = decode(std::slice::from_ref(&part))
            {
                view.apart(part, &text);
            }
        }
    }
}

/// Decodes words of base32 and base58.
fn words(source: &[u8], room: usize) -> Option<DecodedView> {
    let mut view = DecodedView::default();
    for run in runs(source, |byte| byte.is_ascii_alphanumeric()).filter(|run| run.len() >= WORD_MIN) {
        let word = source.get(run.clone()).unwrap_or_default();
        let any = |kind: fn(&u8) -> bool| word.iter().any(kind);
        let (upper, lower) = (any(u8::is_ascii_uppercase), any(u8::is_ascii_lowercase));
        if upper != lower && word.iter().all(|byte| radix::base32_value(*byte).is_some()) {
            let bytes = radix::from_bits(word.iter().copied(), radix::base32_value, 5);
            if let Some(text) = useful(bytes, room) {
                view.apart(run.clone(), &text);
            }
        }
        if upper && lower && any(u8::is_ascii_digit) && word.len() <= BASE58_MAX {
            let bytes = radix::from_base58(word).and_then(|bytes| useful(bytes, room));
            if let Some(text) = bytes {
                view.apart(run, &text);
            }
        }
    }
    view.filled()
}

fn base85(source: &[u8], room: usize) -> Option<DecodedView> {
    let mut view = DecodedView::default();
    let visible = |byte: u8| byte.is_ascii_graphic();
    for run in runs(source, visible).filter(|run| run.len() >= WORD_MIN) {
        let word = source.get(run.clone()).unwrap_or_default();
        let word = word.strip_prefix(b"<~").unwrap_or(word);
        let word = word.strip_suffix(b"~>").unwrap_or(word);
        for alphabet in radix::BASE85 {
            let head = word.get(..word.len().min(HEAD / 5 * 5)).unwrap_or_default();
            let begins = radix::from_base85(head, alphabet).filter(|bytes| promising(bytes));
            let whole = begins.and_then(|_| radix::from_base85(word, alphabet));
            if let Some(text) = whole.and_then(|bytes| useful(bytes, room)) {
                view.apart(run.clone(), &text);
            }
        }
    }
    view.filled()
}

/// A list of codes in one notation, as it is read.
struct CodeList {
    read: fn(&[u8], &mut Vec<u8>) -> bool,
    source: Range<usize>,
    bytes: Vec<u8>,
}

impl CodeList {
    const fn new(read: fn(&[u8], &mut Vec<u8>) -> bool) -> Self {
        Self { read, source: 0..0, bytes: Vec::new() }
    }

    fn word(&mut self, word: &[u8], place: Range<usize>, room: usize, view: &mut DecodedView) {
        if place.start.saturating_sub(self.source.end) > GAP_MAX {
            self.end(room, view);
        }
        if !(self.read)(word, &mut self.bytes) {
            return self.end(room, view);
        }
        if self.source.is_empty() {
            self.source.start = place.start;
        }
        self.source.end = place.end;
    }

    fn end(&mut self, room: usize, view: &mut DecodedView) {
        let (bytes, source) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.source));
        if bytes.len() >= CODES_MIN
            && let Some(text) = useful(bytes, room)
        {
            view.apart(source, &text);
        }
    }
}

/// Decodes hex, and lists of decimal, octal and binary codes.
fn lists(source: &[u8], room: usize) -> Option<DecodedView> {
    let mut view = DecodedView::default();
    let mut lists = [CodeList::new(hex), CodeList::new(decimal), CodeList::new(octal), CodeList::new(binary)];
    for run in runs(source, |byte| byte.is_ascii_alphanumeric()) {
        let word = source.get(run.clone()).unwrap_or_default();
        for list in &mut lists {
            list.word(word, run.clone(), room, &mut view);
        }
    }
    for list in &mut lists {
        list.end(room, &mut view);
    }
    view.filled()
}

fn code(digits: &[u8], radix: u32) -> Option<u8> {
    u8::try_from(digits.iter().try_fold(0_u32, |value, digit| {
        Some(value.checked_mul(radix)?.saturating_add(char::from(*digit).to_digit(radix)?))
    })?)
    .ok()
}

fn hex(word: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = word.strip_prefix(b"0x").or_else(|| word.strip_prefix(b"x")).unwrap_or(word);
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return false;
    }
    out.extend(digits.chunks(2).filter_map(|pair| code(pair, 16)));
    true
}

fn decimal(word: &[u8], out: &mut Vec<u8>) -> bool {
    let value = (word.len() <= 3).then(|| code(word, 10)).flatten();
    out.extend(value);
    value.is_some()
}

fn octal(word: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = word.strip_prefix(b"0o").unwrap_or(word);
    let value = (2..=4).contains(&digits.len()).then(|| code(digits, 8)).flatten();
    out.extend(value);
    value.is_some()
}

fn binary(word: &[u8], out: &mut Vec<u8>) -> bool {
    let digits = word.strip_prefix(b"0b").unwrap_or(word);
    if digits.len() < 7 || !digits.iter().all(|digit| matches!(digit, b'0' | b'1')) {
        return false;
    }
    let size = if digits.len() == 7 { 7 } else { 8 };
    out.extend(digits.chunks(size).filter_map(|byte| code(byte, 2)));
    true
}
