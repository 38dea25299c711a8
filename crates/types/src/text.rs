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
/// zero-width and other format characters, variation selectors, tag characters and line separators.
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
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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
    fn printable_shows_hidden_characters() {
        assert_eq!(printable("a\u{202e}b\r\n\t\u{1b}]8"), "a\\u{202e}b\\u{d}\n\t\\u{1b}]8");
        assert_eq!(printable("naïve 日本 🙂"), "naïve 日本 🙂");
    }
}
