//! Characters that hide, reorder or overwrite, made visible or taken out, without touching what people write.
//!
//! | what | becomes |
//! |---|---|
//! | tag characters, zero-width characters, variation selectors, joiners, bidirectional controls without a purpose | nothing |
//! | escape sequences but plain colours and styles; other control characters | their control pictures, such as `␛` |
//! | a carriage return that would overwrite a line; line and paragraph separators | a line break |
//!
//! What they are for in real text stays: emoji sequences and flags, presentation selectors after characters that take
//! them, joiners in scripts that need them, direction marks in text that runs right to left, soft hyphens inside words, a
//! byte order mark at the start, CRLF, colours of a test run. See `legal` for each rule.

mod ansi;
mod unicode_exceptions;

use briefcase_types::text::is_deceptive;

/// More rounds than any text needs that was not built to need them.
const ROUNDS_MAX: usize = 4;

/// The text made safe to pass on, or `None` when it is so already. Safe means that neutralising it again changes nothing:
/// what is taken out can bring characters together that may not stand together, so it goes on until nothing changes.
#[must_use]
pub fn neutralise(text: &str) -> Option<String> {
    let mut safe = pass(text)?;
    for _ in 1..ROUNDS_MAX {
        match pass(&safe) {
            Some(safer) => safe = safer,
            None => return Some(safe),
        }
    }
    // Still not at rest: nothing of this text is worth telling apart.
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
        _ => {}
    }
}
