//! A generated key that opens the vault without argon2id. A person writes it down, or a service reads it from a file.

use briefcase_types::{Entropy, SecretString};
use zeroize::Zeroizing;

use crate::{VaultError, base32, framing, key::VaultKey};

/// A key of 256 random bits. Briefcase shows it once, as [`UnlockKey::text`], and never stores it.
pub struct UnlockKey(pub(crate) VaultKey);

/// A text is not an unlock key. The error never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockKeyError {
    /// The text does not have the form of an unlock key.
    #[error("an unlock key is `BRIEFCASE-` and eight groups of seven letters and digits")]
    Form,
    /// The form is right, but the checksum is wrong.
    #[error("the unlock key has a typing mistake: its checksum is wrong")]
    Checksum,
}

const PREFIX: &str = "BRIEFCASE-";
/// The text form encodes 32 bytes of key and 3 of checksum in 56 characters: eight groups of seven.
const CHECKED: usize = 35;
const GROUP: usize = 7;

impl UnlockKey {
    /// Generates a new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(VaultKey::random(entropy))
    }

    /// Returns the text form: `BRIEFCASE-` and eight groups of seven characters, without look-alikes.
    #[must_use]
    pub fn text(&self) -> SecretString {
        let checksum = checksum(self.0.bytes());
        let checked = Zeroizing::new([self.0.bytes(), &checksum].concat());
        let mut plain = Zeroizing::new(String::with_capacity(CHECKED * 8 / 5));
        base32::encode(&checked, &mut plain);
        let mut text = String::with_capacity(PREFIX.len() + plain.len() + plain.len() / GROUP);
        text.push_str(PREFIX);
        for (at, character) in plain.chars().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(character);
        }
        SecretString::new(text)
    }

    /// Parses the text form in either case, with spaces, dashes or nothing between groups. Look-alikes are accepted.
    ///
    /// # Errors
    /// The text has another form or a typing mistake. One mistake in 16 million goes unnoticed.
    pub fn parse(text: &SecretString) -> Result<Self, UnlockKeyError> {
        let mut checked = Zeroizing::new([0; CHECKED]);
        text.expose(|text| {
            let text = text.trim();
            let (prefix, rest) = text.split_at_checked(PREFIX.len()).ok_or(UnlockKeyError::Form)?;
            if !prefix.eq_ignore_ascii_case(PREFIX) || rest.len() > 128 {
                return Err(UnlockKeyError::Form);
            }
            let symbols = rest.chars().filter(|character| *character != '-' && *character != ' ');
            base32::decode(symbols, checked.as_mut_slice()).ok_or(UnlockKeyError::Form)
        })?;
        let (key, sum) = checked.split_at_checked(32).ok_or(UnlockKeyError::Form)?;
        if checksum(key) != sum {
            return Err(UnlockKeyError::Checksum);
        }
        VaultKey::from_slice(key).map(Self).map_err(|_: VaultError| UnlockKeyError::Form)
    }
}

/// The checksum: 24 bits of a labelled digest of the whole key. They reveal nothing useful about 256 random bits.
fn checksum(key: &[u8]) -> [u8; 3] {
    let digest = framing::digest("briefcase/unlock-key/1", &[key]);
    let [first, second, third, ..] = *digest.as_bytes();
    [first, second, third]
}
