//! The least strength of a PIN.
//!
//! The attempt limit stops most guessing. These rules keep the first five guesses from succeeding.

use std::collections::BTreeSet;

const LEAST_CHARACTERS: usize = 6;
const MOST_CHARACTERS: usize = 128;
/// Frequent PINs that no rule below rejects.
const FREQUENT: [&str; 18] = [
    "112233",
    "123321",
    "131313",
    "147258",
    "159357",
    "159753",
    "142536",
    "147258369",
    "741852",
    "789456",
    "1q2w3e",
    "1q2w3e4r",
    "abc123",
    "briefcase",
    "password",
    "passw0rd",
    "qwerty",
    "qwertz",
];

/// A new PIN is too weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakPin {
    /// Fewer than six characters.
    #[error("a PIN has at least 6 characters")]
    TooShort,
    /// More than 128 characters.
    #[error("a PIN has at most 128 characters")]
    TooLong,
    /// The PIN is among the first guesses.
    #[error("this PIN is among the first anybody would try; choose one without a pattern")]
    Guessable,
}

pub(crate) fn check(pin: &str) -> Result<(), WeakPin> {
    let characters: Vec<char> = pin.chars().collect();
    match characters.len() {
        length if length < LEAST_CHARACTERS => Err(WeakPin::TooShort),
        length if length > MOST_CHARACTERS => Err(WeakPin::TooLong),
        _ if guessable(pin, &characters) => Err(WeakPin::Guessable),
        _ => Ok(()),
    }
}

fn guessable(pin: &str, characters: &[char]) -> bool {
    let few_kinds = characters.iter().collect::<BTreeSet<_>>().len() < 3;
    let frequent = FREQUENT.iter().any(|frequent| pin.eq_ignore_ascii_case(frequent));
    few_kinds || frequent || is_run(characters) || is_repetition(characters)
}

/// Whether each character is one step from the one before, always in the same direction (`123456`, `fedcba`, `890123`).
fn is_run(characters: &[char]) -> bool {
    let steps = |forward: bool| {
        characters.windows(2).all(|pair| match (pair, forward) {
            ([from, to], true) | ([to, from], false) => follows(*from, *to),
            _ => false,
        })
    };
    steps(true) || steps(false)
}

fn follows(from: char, to: char) -> bool {
    (from == '9' && to == '0') || u32::from(from).checked_add(1) == Some(u32::from(to))
}

/// Whether one block of at most half the length repeats (`123123`, `ab1ab1`).
fn is_repetition(characters: &[char]) -> bool {
    (1..=characters.len() / 2).any(|block| {
        characters.len().is_multiple_of(block) && characters.iter().skip(block).zip(characters).all(|(a, b)| a == b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guesses_are_refused_and_others_are_not() {
        for weak in [
            "000000",
            "111111",
            "123456",
            "234567",
            "654321",
            "567890",
            "098765",
            "121212",
            "112211",
            "123123",
            "abcabc",
            "abcdef",
            "Password",
            "QWERTY",
            "123321",
            "112233",
            "1234567890",
        ] {
            assert_eq!(check(weak), Err(WeakPin::Guessable), "{weak}");
        }
        assert_eq!(check("84216"), Err(WeakPin::TooShort));
        assert_eq!(check("ééééé"), Err(WeakPin::TooShort), "characters are counted, not bytes");
        assert_eq!(check(&"ab3".repeat(43)), Err(WeakPin::TooLong));
        for good in ["840216", "730194", "correct horse battery staple", "пароль-27"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }
}
