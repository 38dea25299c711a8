//! Kinds of factors.

use serde::{Deserialize, Serialize};

/// The kind of a factor: how a person proves to be present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A PIN typed at a terminal.
    Pin,
    /// A passkey used in the console.
    Passkey,
}

impl FactorKind {
    /// The kind's word in the authority document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Passkey => "passkey",
        }
    }
}
