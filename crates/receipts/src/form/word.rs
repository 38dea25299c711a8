//! The texts of receipts. Both types are safe to show anywhere: a receipt cannot carry a control character, a line
//! break or a long foreign text into a terminal or a log (attack 54, log injection).

use std::{borrow::Cow, fmt, str::FromStr};

use briefcase_types::text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const WORD_MAX: usize = 64;
const WORDS_MAX: usize = 16;
const TEXT_MAX: usize = 256;

/// A stable word: 1 to 64 of `A-Z a-z 0-9 _ . : / -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Cow<'static, str>);

/// The text is not a [`Word`] or a [`Text`], or the list is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a word in a receipt is 1 to 64 of A-Z, a-z, 0-9, _, ., :, / and -; a text is at most 256 printable bytes")]
pub struct WordError;

impl Word {
    /// Converts any text: replaces characters that a word cannot have with `-`, and cuts at 64.
    pub fn lossy(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        if is_word(&text) {
            return Self(text);
        }
        let kept = text.chars().take(WORD_MAX).map(|letter| if is_word_char(letter) { letter } else { '-' });
        let word: String = kept.collect();
        Self(if word.is_empty() { Cow::Borrowed("-") } else { Cow::Owned(word) })
    }

    /// The word as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_word_char(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | ':' | '/' | '-')
}

fn is_word(text: &str) -> bool {
    (1..=WORD_MAX).contains(&text.len()) && text.chars().all(is_word_char)
}

impl FromStr for Word {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        if is_word(text) { Ok(Self(Cow::Owned(text.to_owned()))) } else { Err(WordError) }
    }
}

/// A list of at most 16 words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<Word>);

impl Words {
    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &Word> {
        self.0.iter()
    }

    /// Returns whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Keeps the first 15 of more than 16 words. The last word then gives the number of omitted words, such as
/// `and-7-more`.
impl FromIterator<Word> for Words {
    fn from_iter<I: IntoIterator<Item = Word>>(words: I) -> Self {
        let mut kept: Vec<Word> = words.into_iter().collect();
        if kept.len() > WORDS_MAX {
            let missing = kept.len() - (WORDS_MAX - 1);
            kept.truncate(WORDS_MAX - 1);
            kept.push(Word::lossy(format!("and-{missing}-more")));
        }
        Self(kept)
    }
}

/// A name from a server or client, made safe to show: at most 256 bytes, without characters that hide or move text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Converts any text: writes deceptive characters as `\u{..}`, and cuts at 256 bytes.
    #[must_use]
    pub fn lossy(given: &str) -> Self {
        let one_line = text::printable(text::clip(given, TEXT_MAX)).replace('\n', "\\u{a}").replace('\t', "\\u{9}");
        Self(text::clip(&one_line, TEXT_MAX).into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = WordError;

    fn from_str(given: &str) -> Result<Self, WordError> {
        let hidden = |letter: char| matches!(letter, '\n' | '\t') || text::is_deceptive(letter);
        if given.len() > TEXT_MAX || given.chars().any(hidden) { Err(WordError) } else { Ok(Self(given.into())) }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Word);
as_text!(Text);

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<Word>::deserialize(deserializer)?;
        if words.len() > WORDS_MAX { Err(serde::de::Error::custom(WordError)) } else { Ok(Self(words)) }
    }
}
