//! Text without everything but letters and digits, in lower case.
//!
//! Whatever separates the characters of a secret, or the codes of its characters, is gone: blanks, dashes, line breaks,
//! zero-width characters, quotes, JSON syntax. Letters that look like ASCII become ASCII.

use std::ops::Range;

use crate::look_alikes;

/// The lower-case letter or digit of each ASCII byte; 0 for the others.
const KEPT: [u8; 128] = kept();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a constant of 128 entries, checked at compile time"
)]
const fn kept() -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
}

fn ascii(byte: u8) -> Option<u8> {
    KEPT.get(usize::from(byte)).copied().filter(|kept| *kept != 0)
}

/// Returns the letters and digits.
pub(in crate::redactor) fn squeezed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    squeeze_into(bytes, &mut out);
    out
}

/// Appends the letters and digits.
pub(in crate::redactor) fn squeeze_into(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.is_ascii() {
        out.extend(bytes.iter().filter_map(|byte| ascii(*byte)));
    } else {
        out.extend(units(bytes).map(|(_, kept)| kept));
    }
}

/// Returns the kept characters with their sources.
fn units(bytes: &[u8]) -> impl Iterator<Item = (Range<usize>, u8)> + '_ {
    let mut from = 0_usize;
    let chunks = bytes.utf8_chunks().map(move |chunk| {
        let start = from;
        from = from.saturating_add(chunk.valid().len()).saturating_add(chunk.invalid().len());
        (start, chunk.valid())
    });
    chunks.flat_map(|(start, text)| {
        text.char_indices().filter_map(move |(place, character)| {
            let kept = match u8::try_from(character) {
                Ok(byte) if byte.is_ascii() => ascii(byte)?,
                _ => look_alikes::ascii(character).and_then(ascii)?,
            };
            let place = start.saturating_add(place);
            Some((place..place.saturating_add(character.len_utf8()), kept))
        })
    })
}

/// Returns the sources of ranges of the squeezed text. The ranges are sorted and disjoint.
pub(in crate::redactor) fn sources(bytes: &[u8], ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut found = Vec::with_capacity(ranges.len());
    let mut wanted = ranges.iter().filter(|range| !range.is_empty());
    let (mut next, mut start) = (wanted.next(), 0);
    for (place, (source, _)) in units(bytes).enumerate() {
        let Some(range) = next else { break };
        if place == range.start {
            start = source.start;
        }
        if place.saturating_add(1) == range.end {
            found.push(start..source.end);
            next = wanted.next();
        }
    }
    found
}
