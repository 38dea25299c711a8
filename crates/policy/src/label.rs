//! Labels of results, servers and agents. A set of three, so it fits in a byte. An agent's set only grows within an hour.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Results hold data that is private to the person.
    PrivateData,
    /// Results hold text from third parties, which may try to steer the agent.
    UntrustedContent,
    /// Arguments leave the machine, or have an effect outside of it.
    External,
}

/// A set of labels.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Labels(u8);

/// The text is not a label.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a label is `private_data`, `untrusted_content` or `external`")]
pub struct LabelError;

impl Label {
    /// All labels, in their fixed order.
    pub const ALL: [Self; 3] = [Self::PrivateData, Self::UntrustedContent, Self::External];

    /// The label as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrivateData => "private_data",
            Self::UntrustedContent => "untrusted_content",
            Self::External => "external",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::PrivateData => 1,
            Self::UntrustedContent => 2,
            Self::External => 4,
        }
    }
}

impl Labels {
    /// No label.
    pub const NONE: Self = Self(0);

    /// Returns whether the label is in the set.
    #[must_use]
    pub const fn contains(self, label: Label) -> bool {
        self.0 & label.bit() != 0
    }

    /// Returns the set with one more label.
    #[must_use]
    pub const fn with(self, label: Label) -> Self {
        Self(self.0 | label.bit())
    }

    /// Returns the union of two sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The labels, in their fixed order.
    pub fn iter(self) -> impl Iterator<Item = Label> {
        Label::ALL.into_iter().filter(move |label| self.contains(*label))
    }

    /// Returns the labels of a session that receives results with these labels. `external` describes where arguments
    /// go, so results do not carry it.
    #[must_use]
    pub const fn seen(self) -> Self {
        Self(self.0 & !Label::External.bit())
    }

    /// Returns whether the set has both private data and untrusted content. Such data must not reach an external tool
    /// without an approval (D5).
    #[must_use]
    pub const fn is_tainted(self) -> bool {
        self.contains(Label::PrivateData) && self.contains(Label::UntrustedContent)
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        labels.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|label| label.as_str() == text).ok_or(LabelError)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(<Vec<Label>>::deserialize(deserializer)?.into_iter().collect())
    }
}
