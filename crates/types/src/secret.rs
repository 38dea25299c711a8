//! Secrets: no `Debug`, `Display`, `Serialize`, `Clone` or `PartialEq`; zeroised on drop; used only inside a closure.
//!
//! ```compile_fail,E0277
//! fn write(secret: &briefcase_types::SecretString) -> String { serde_json::to_string(secret).unwrap_or_default() }
//! ```
//! ```compile_fail,E0277
//! fn print(secret: &briefcase_types::SecretString) -> String { format!("{secret:?}") }
//! ```
//! ```compile_fail,E0277
//! fn copy(secret: &briefcase_types::SecretString) -> briefcase_types::SecretString {
//!     briefcase_types::SecretString::clone(secret)
//! }
//! ```

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

/// Secret bytes. They leave the process only through the closure that sends them.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

/// Secret text. It leaves the process only through the closure that sends it.
pub struct SecretString(Zeroizing<String>);

impl SecretBytes {
    /// Takes ownership of the bytes. The caller must keep no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Shows the bytes to a closure, which is the only access. The closure belongs at the boundary that uses them.
    pub fn expose<R>(&self, use_bytes: impl FnOnce(&[u8]) -> R) -> R {
        use_bytes(&self.0)
    }
}

impl SecretString {
    /// Takes ownership of the text. The caller must keep no copy.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Shows the text to a closure, which is the only access. The closure belongs at the boundary that uses it.
    pub fn expose<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        use_text(&self.0)
    }
}

/// Deserializes by taking the text over. There is no `Serialize`.
impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = SecretString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<SecretString, E> {
                Ok(SecretString::new(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<SecretString, E> {
                Ok(SecretString::new(text))
            }
        }
        source.deserialize_string(Text)
    }
}
