//! Exceptions: the places where a deceptive character has a legitimate use.
//!
//! Each rule depends on the neighbours of the character, never on the meaning of the text. A rule allows one character,
//! not a run: a run of invisible characters only carries hidden data.

/// A text with its direction.
pub(super) struct UnicodeContext<'a> {
    text: &'a [char],
    right_to_left: bool,
}

/// The flags of England, Scotland and Wales in tag characters: the only ones in use.
const TAG_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// The maximum distance of an empty Braille pattern from one with dots: the width of a plot.
const BRAILLE_MAX: usize = 256;

impl<'a> UnicodeContext<'a> {
    pub(super) fn new(text: &'a [char]) -> Self {
        Self { text, right_to_left: text.iter().any(|character| is_right_to_left(*character)) }
    }

    /// Returns whether the character at `at` has a legitimate use there.
    pub(super) fn allows(&self, at: usize) -> bool {
        let Some(character) = self.text.get(at).copied() else { return false };
        let (before, after) = (self.before(at), self.after(at));
        match character {
            '\r' => self.text.get(at..).is_some_and(ends_line),
            '\u{feff}' => at == 0,
            '\u{ad}' => self.splits_word(at),
            '\u{200b}' => before.is_some_and(is_unspaced) && after.is_some_and(is_unspaced),
            '\u{200c}' => {
                before.is_some_and(is_joining) && after.is_some_and(|next| is_joining(next) || is_space(next))
            }
            '\u{200d}' => self.joins(before, after),
            '\u{200e}' | '\u{200f}' | '\u{61c}' => self.right_to_left && !is_mark(before) && !is_mark(after),
            '\u{2066}'..='\u{2069}' => self.isolates(at),
            '\u{fe00}'..='\u{fe0d}' => before.is_some_and(takes_standard_variant) && !after.is_some_and(is_variation),
            '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(takes_presentation) && !after.is_some_and(is_variation),
            '\u{e0100}'..='\u{e01ef}' => before.is_some_and(is_ideograph) && !after.is_some_and(is_variation),
            '\u{180b}'..='\u{180d}' | '\u{180f}' => before.is_some_and(is_mongolian),
            '\u{34f}' => before.is_some_and(is_hebrew) || after.is_some_and(is_combining),
            '\u{115f}' | '\u{1160}' => before.is_some_and(is_jamo) || after.is_some_and(is_jamo),
            '\u{2800}' => self.draws_in_braille(at),
            '\u{e0020}'..='\u{e007f}' => self.spells_flag(at),
            _ => false,
        }
    }

    fn before(&self, at: usize) -> Option<char> {
        self.text.get(at.checked_sub(1)?).copied()
    }

    fn after(&self, at: usize) -> Option<char> {
        self.text.get(at.checked_add(1)?).copied()
    }

    /// A soft hyphen needs two letters on either side, as in hyphenation.
    fn splits_word(&self, at: usize) -> bool {
        let letters = |range: Option<&[char]>| {
            range.is_some_and(|letters| letters.len() == 2 && letters.iter().all(|letter| letter.is_alphabetic()))
        };
        let left = at.checked_sub(2).and_then(|from| self.text.get(from..at));
        letters(left) && letters(self.text.get(at.saturating_add(1)..at.saturating_add(3)))
    }

    /// A joiner joins two emoji, or letters of a script that joins.
    fn joins(&self, before: Option<char>, after: Option<char>) -> bool {
        let emoji = before.is_some_and(|left| is_emoji(left) || is_modifier(left) || left == '\u{fe0f}')
            && after.is_some_and(is_emoji);
        let script = before.is_some_and(is_joining) && after.is_none_or(|right| is_joining(right) || is_space(right));
        emoji || script
    }

    /// An isolate occurs in right-to-left text, is closed on its line, and contains text. A left-to-right isolate
    /// contains left-to-right text.
    fn isolates(&self, at: usize) -> bool {
        if !self.right_to_left {
            return false;
        }
        let line_start =
            self.text.iter().take(at).rposition(|character| *character == '\n').map_or(0, |place| place + 1);
        let line = self.text.iter().skip(line_start).take_while(|character| **character != '\n');
        let mut open: Vec<usize> = Vec::new();
        for (place, character) in line.enumerate().map(|(place, character)| (place + line_start, *character)) {
            match character {
                '\u{2066}'..='\u{2068}' => open.push(place),
                '\u{2069}' => {
                    let Some(start) = open.pop() else { continue };
                    if start == at || place == at {
                        let inside = self.text.get(start + 1..place).unwrap_or_default();
                        let turned = self.text.get(start) == Some(&'\u{2067}');
                        return !inside.is_empty() && (!turned || inside.iter().any(|inner| is_right_to_left(*inner)));
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// The empty Braille pattern is part of a run with dots, as in a plot.
    fn draws_in_braille(&self, at: usize) -> bool {
        let is_empty = |character: &&char| **character == '\u{2800}';
        let dots = |character: Option<&char>| matches!(character, Some('\u{2801}'..='\u{28ff}'));
        let left = self.text.get(..at).unwrap_or_default();
        let right = self.text.get(at..).unwrap_or_default();
        dots(left.iter().rev().take(BRAILLE_MAX).find(|character| !is_empty(character)))
            || dots(right.iter().take(BRAILLE_MAX).find(|character| !is_empty(character)))
    }

    /// The tag characters around `at` follow a black flag and spell a known flag.
    fn spells_flag(&self, at: usize) -> bool {
        let is_tag = |character: &char| matches!(character, '\u{e0020}'..='\u{e007f}');
        let head = self.text.iter().take(at).rposition(|character| !is_tag(character));
        let Some(head) = head.filter(|head| self.text.get(*head) == Some(&'\u{1f3f4}')) else { return false };
        let tags = self.text.iter().skip(head.saturating_add(1)).take_while(|character| is_tag(character));
        let spelled: String = tags.filter_map(|tag| char::from_u32(u32::from(*tag).saturating_sub(0xe0000))).collect();
        spelled.strip_suffix('\u{7f}').is_some_and(|name| TAG_FLAGS.contains(&name))
    }
}

/// Matches carriage returns up to a line feed.
fn ends_line(rest: &[char]) -> bool {
    rest.iter().find(|character| **character != '\r') == Some(&'\n')
}

fn is_mark(character: Option<char>) -> bool {
    matches!(character, Some('\u{200e}' | '\u{200f}' | '\u{61c}'))
}

fn is_space(character: char) -> bool {
    character.is_whitespace() || character.is_ascii_punctuation()
}

fn is_variation(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{5ff}' | '\u{600}'..='\u{61b}' | '\u{61d}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn is_hebrew(character: char) -> bool {
    matches!(character, '\u{591}'..='\u{5f4}')
}

fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}')
}

/// Matches scripts in which joiners change the form of letters: Arabic and related scripts, Syriac, N'Ko, those of
/// India and South-East Asia, Tibetan, Mongolian.
fn is_joining(character: char) -> bool {
    matches!(character,
        '\u{620}'..='\u{86f}' | '\u{8a0}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{17b3}'
        | '\u{17b6}'..='\u{180a}' | '\u{1810}'..='\u{18af}' | '\u{1900}'..='\u{1aff}' | '\u{1b00}'..='\u{1c4f}'
        | '\u{a8e0}'..='\u{a8ff}' | '\u{a980}'..='\u{a9df}' | '\u{aa60}'..='\u{aa7f}' | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{11000}'..='\u{11fff}')
}

/// Matches scripts without spaces between words, where a zero-width space marks a line-break opportunity: Thai, Lao,
/// Myanmar, Khmer, Tai.
fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' | '\u{17b6}'..='\u{17ff}'
        | '\u{1950}'..='\u{1aaf}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aadf}')
}

fn is_mongolian(character: char) -> bool {
    matches!(character, '\u{1820}'..='\u{18aa}')
}

fn is_jamo(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{115e}' | '\u{1161}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}' | '\u{d7b0}'..='\u{d7fb}')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Matches characters with standardized variants: ideographs, mathematical operators, East Asian punctuation, Myanmar,
/// Phags-pa.
fn takes_standard_variant(character: char) -> bool {
    is_ideograph(character)
        || matches!(character,
            '0' | '\u{1000}'..='\u{109f}' | '\u{2200}'..='\u{22ff}' | '\u{2a00}'..='\u{2aff}' | '\u{3001}' | '\u{3002}'
            | '\u{a840}'..='\u{a877}' | '\u{ff01}'..='\u{ff60}')
}

/// Matches characters with both a text and an emoji presentation.
fn takes_presentation(character: char) -> bool {
    is_emoji(character)
        || is_modifier(character)
        || matches!(character,
            '#' | '*' | '0'..='9' | '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
            | '\u{2190}'..='\u{21ff}' | '\u{2460}'..='\u{24ff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}')
}

fn is_emoji(character: char) -> bool {
    matches!(character,
        '\u{2194}'..='\u{2199}' | '\u{21a9}'..='\u{21aa}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}')
}

fn is_modifier(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}
