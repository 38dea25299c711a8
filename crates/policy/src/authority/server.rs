//! Servers and the tools of theirs that a person accepted.

use std::collections::BTreeMap;

use briefcase_types::{Digest, Money, ToolName, Transport};
use serde::{Deserialize, Serialize};

use crate::label::{Label, Labels};

/// An upstream server, as a person registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// How it is reached.
    pub transport: Transport,
    /// A disabled server is not connected and its tools are not shown.
    pub enabled: bool,
    /// What its results and its arguments are.
    pub labels: Labels,
    /// What may be read without asking, beside tools.
    #[serde(default)]
    pub reads_granted: ReadsGranted,
    /// The tools a person accepted.
    #[serde(default)]
    pub pins: BTreeMap<ToolName, Pin>,
    /// When its current definitions are compared with the pins.
    #[serde(default)]
    pub pin_check: PinCheck,
}

/// What may be read of a server without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsGranted {
    /// Resources and resource templates.
    pub resources: bool,
    /// Prompts and completion.
    pub prompts: bool,
}

/// When current definitions are compared with the pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinCheck {
    /// At every list and before every call.
    #[default]
    EveryCall,
    /// At every list and when the server says that its list changed. Faster; a server that changes silently between a
    /// list and a call is noticed at the next list.
    OnNotice,
}

/// A tool definition that a person accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// [`crate::pin::pin`] of the definition.
    pub digest: Digest,
    /// What the person says the tool does.
    #[serde(default)]
    pub class: Class,
    /// What one call costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Its arguments are private: receipts and lists show commitments only.
    #[serde(default)]
    pub private_args: bool,
    /// What its results and arguments are, beyond its server's labels.
    #[serde(default)]
    pub labels: Labels,
}

/// What a person says a tool does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Reads.
    Read,
    /// Writes, sends, deletes, buys.
    Write,
    /// Nobody said yet.
    #[default]
    Unknown,
}

impl Class {
    /// The class as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Unknown => "unknown",
        }
    }
}

impl std::str::FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Read, Self::Write, Self::Unknown]
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| "a class is `read`, `write` or `unknown`".to_owned())
    }
}

/// The labels a new server starts with: its results are untrusted, and arguments of a remote one leave the machine.
fn starting_labels(transport: &Transport) -> Labels {
    let labels = Labels::NONE.with(Label::UntrustedContent);
    match transport {
        Transport::Http { .. } => labels.with(Label::External),
        Transport::Stdio { .. } => labels,
    }
}

impl Server {
    /// A server as it is right after registration: on, nothing accepted, nothing granted.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            labels: starting_labels(&transport),
            transport,
            enabled: true,
            reads_granted: ReadsGranted::default(),
            pins: BTreeMap::new(),
            pin_check: PinCheck::default(),
        }
    }
}
