//! Functions that cut and print untrusted text safely.

/// Returns the longest prefix of at most `bytes` bytes that ends between characters.
#[must_use]
pub fn clip(text: &str, bytes: usize) -> &str {
    let end = text.floor_char_boundary(bytes);
    text.get(..end).unwrap_or_default()
}

/// Replaces every character that can move a cursor, hide or reorder text by a visible `\u{..}` escape.
///
/// Terminals, logs and error messages use it. It covers C0 (but not newline and tab), DEL, C1, bidirectional controls,
/// zero-width and other format characters, variation selectors, tag characters, line separators, and characters that are
/// drawn as nothing or as a blank.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) { out.extend(character.escape_unicode()) } else { out.push(character) }
    }
    out
}

/// Whether a character changes the shown text without being visible itself.
#[must_use]
pub fn is_deceptive(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || is_blank(character)
}

/// Whether a character is drawn as a blank, or as nothing, although it counts as a letter or a symbol. Spaces are not: a
/// reader expects them to be blank.
#[must_use]
pub fn is_blank(character: char) -> bool {
    matches!(character,
        '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{2061}'..='\u{2065}' | '\u{2800}' | '\u{3164}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{13441}' | '\u{13442}' | '\u{16fe4}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clip_never_splits_a_character() {
        assert_eq!(clip("aé", 2), "a");
        assert_eq!(clip("aé", 3), "aé");
        assert_eq!(clip("é", 100), "é");
    }

    #[test]
    fn printable_shows_blank_characters() {
        for blank in
            "\u{2800}\u{3164}\u{115f}\u{1160}\u{ffa0}\u{2062}\u{2065}\u{17b4}\u{180e}\u{1d159}\u{16fe4}\u{fff3}".chars()
        {
            assert!(is_deceptive(blank), "{blank:?}");
            assert_eq!(printable(&format!("a{blank}b")), format!("a\\u{{{:x}}}b", u32::from(blank)));
        }
        assert_eq!(printable("a b\u{a0}c\u{3000}d"), "a b\u{a0}c\u{3000}d", "spaces are no secret");
    }

    #[test]
    fn printable_shows_hidden_characters() {
        assert_eq!(printable("a\u{202e}b\r\n\t\u{1b}]8"), "a\\u{202e}b\\u{d}\n\t\\u{1b}]8");
        assert_eq!(printable("naïve 日本 🙂"), "naïve 日本 🙂");
    }
}
