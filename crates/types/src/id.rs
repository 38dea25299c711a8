//! Names and handles. People choose names, whose few characters are safe to show anywhere. Handles are 128 random bits.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Entropy, serde_text::serde_as_text};

/// The text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    text: String,
    expected: &'static str,
}

impl IdError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: crate::text::printable(crate::text::clip(text, 80)), expected }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text. It contains only the characters that the type allows.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(IdError::new(text, $expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_text!($name);
    };
}

fn is_slug(text: &str) -> bool {
    let body = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    body && text.len() <= 32 && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && !text.ends_with('-')
}

text_id! {
    /// An agent, such as `claude-code`: an identity with its own policy scope, budget and receipts.
    AgentId, "an agent name: 1 to 32 of a-z, 0-9 and -, starting with a letter", is_slug
}

text_id! {
    /// An upstream server, named by the person who registered it. The server's own name is never used.
    ServerId, "a server name: 1 to 32 of a-z, 0-9 and -, starting with a letter", is_slug
}

text_id! {
    /// A tool's name here: 1 to 128 of `A-Z a-z 0-9 _ . -` (MCP 2025-11-25, SEP-986). It is the server's own name for the
    /// tool where that is such a name, and an alias of it elsewhere ([`ToolName::of_server`]).
    ToolName, "a tool name: 1 to 128 of A-Z, a-z, 0-9, _, . and -", |text| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
    }
}

text_id! {
    /// A secret in the vault, named by the person who put it there.
    SecretName, "a secret name: 1 to 32 of a-z, 0-9 and -, starting with a letter", is_slug
}

mod tool_alias;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Draws 128 bits.
            pub fn random(entropy: &dyn Entropy) -> Self {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes);
                Self(bytes)
            }

            /// The 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(Self)
                    .ok_or_else(|| IdError::new(text, "22 characters of unpadded base64url"))
            }
        }

        serde_as_text!($name);
    };
}

handle! {
    /// One connection of an agent. Session grants refer to it.
    SessionId
}
handle! {
    /// One approval request.
    ApprovalId
}
handle! {
    /// One call through the engine. It links an intent receipt with its outcome.
    CallId
}
handle! {
    /// One run of the state between restores. Restoring a backup starts a new one, which voids all earlier grants, approvals and
    /// handles.
    Incarnation
}

/// A receipt's index in the log, counted from 0. Text form: `r` and the number, such as `r1042`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptIndex(pub u64);

impl fmt::Display for ReceiptIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl FromStr for ReceiptIndex {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('r')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or_else(|| IdError::new(text, "a receipt id such as r1042"))
    }
}

serde_as_text!(ReceiptIndex);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_confused_are_refused() {
        for bad in ["", "A", "1a", "a_b", "a__b", "a-", "-a", "a b", "\u{430}bc", "a\u{200b}", &"a".repeat(33)] {
            assert!(bad.parse::<ServerId>().is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "a/b", "t\u{456}le", "x\u{200d}", &"a".repeat(129)] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad:?}");
        }
        assert_eq!("get_sum.v2-x".parse::<ToolName>().unwrap().as_str(), "get_sum.v2-x");
        assert!("r12x".parse::<ReceiptIndex>().is_err());
        assert_eq!("r12".parse::<ReceiptIndex>().unwrap(), ReceiptIndex(12));
    }

    #[test]
    fn an_id_error_never_repeats_control_characters() {
        let error = "a\u{1b}[2J".parse::<ServerId>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error:?}");
    }
}
