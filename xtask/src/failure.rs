//! The failure of a command, in words for the person who runs it.

use std::fmt;

/// A cause, with an optional next step.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("not the JSON expected: {error}"))
    }
}

impl From<toml::de::Error> for Failure {
    fn from(error: toml::de::Error) -> Self {
        Self(format!("not the TOML expected: {error}"))
    }
}

impl From<syn::Error> for Failure {
    fn from(error: syn::Error) -> Self {
        Self(format!("not Rust: {error}"))
    }
}
