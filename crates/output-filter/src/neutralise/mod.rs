//! Makes characters that hide, reorder or overwrite text visible, or removes them. Ordinary text keeps its form.
//!
//! | characters | become |
//! |---|---|
//! | tag characters, zero-width characters, variation selectors, joiners, bidirectional controls without a purpose | nothing |
//! | escape sequences but plain colours and styles; other control characters | their control pictures, such as `␛` |
//! | characters that are drawn as a blank: Hangul fillers, the empty Braille pattern, invisible operators | their codes, such as `\u{2800}` |
//! | a carriage return that would overwrite a line; line and paragraph separators | a line break |
//!
//! Characters with a legitimate use stay: emoji sequences and flags, presentation selectors after characters that take
//! them, joiners in scripts that need them, direction marks in right-to-left text, soft hyphens inside words, a byte
//! order mark at the start, CRLF, colours of a test run. See `unicode_exceptions` for each rule.

mod ansi;
mod unicode_exceptions;

use briefcase_types::text::{is_blank, is_deceptive};

/// The maximum number of rounds. Only a text built for it needs more.
const ROUNDS_MAX: usize = 4;

/// Returns the safe text, or `None` when the given one is safe. Safe means that another round changes nothing: a
/// removal can bring characters together that may not be neighbours, so it repeats until nothing changes.
#[must_use]
pub fn neutralise(text: &str) -> Option<String> {
    let mut safe = pass(text)?;
    for _ in 1..ROUNDS_MAX {
        match pass(&safe) {
            Some(safer) => safe = safer,
            None => return Some(safe),
        }
    }
    // The text still changes after the last round, so all such characters are removed.
    if pass(&safe).is_some() {
        safe.retain(|character| !is_deceptive(character));
    }
    Some(safe)
}

fn pass(text: &str) -> Option<String> {
    if !text.chars().any(is_deceptive) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let around = unicode_exceptions::UnicodeContext::new(&characters);
    let mut colours = ansi::Colours::default();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        at = at.saturating_add(match colours.sequence(rest) {
            Some(length) => {
                out.extend(rest.iter().take(length));
                length
            }
            None => {
                let legal = !is_deceptive(*character) || around.allows(at);
                if legal {
                    out.push(*character);
                } else {
                    show(*character, &mut out);
                }
                1
            }
        });
    }
    (out != text).then_some(out)
}

fn show(character: char, out: &mut String) {
    match character {
        '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
        '\u{7f}' => out.push('\u{2421}'),
        '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(character))),
        '\u{80}'..='\u{9f}' => out.extend(character.escape_unicode()),
        blank if is_blank(blank) => out.extend(blank.escape_unicode()),
        _ => {}
    }
}
