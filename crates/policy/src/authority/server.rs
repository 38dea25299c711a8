//! Servers, and their accepted tools.

use std::collections::{BTreeMap, BTreeSet};

use briefcase_types::{Digest, Money, ServerSettings, ToolName, Transport};
use serde::{Deserialize, Serialize};

use crate::label::{Label, Labels};

/// An upstream server, as a person registered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The transport to the server.
    pub transport: Transport,
    /// A disabled server is not connected and its tools are not shown.
    pub enabled: bool,
    /// The labels of its results and arguments.
    pub labels: Labels,
    /// The reads that need no approval, other than tools.
    #[serde(default)]
    pub reads_granted: ReadsGranted,
    /// The accepted tools.
    #[serde(default)]
    pub pins: BTreeMap<ToolName, Pin>,
    /// The times at which its current definitions are compared with the pins.
    #[serde(default)]
    pub pin_check: PinCheck,
    /// The settings.
    #[serde(default, skip_serializing_if = "ServerSettings::is_default")]
    pub settings: ServerSettings,
}

/// The reads of a server that need no approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadsGranted {
    /// Resources and resource templates.
    pub resources: bool,
    /// Prompts and completion.
    pub prompts: bool,
}

/// The times at which current definitions are compared with the pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinCheck {
    /// At every list and before every call.
    #[default]
    EveryCall,
    /// At every list, and when the server announces a changed list. Faster. A silent change between a list and a call
    /// is noticed at the next list.
    OnNotice,
}

/// A tool definition that a person accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The digest of the definition ([`crate::pin::pin_varying`]).
    pub digest: Digest,
    /// The places of the definition whose text the server changes, as JSON pointers. The digest does not cover their text.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub varying: BTreeSet<String>,
    /// The person's class for the tool.
    #[serde(default)]
    pub class: Class,
    /// The cost of one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Whether its arguments are private: receipts and lists show commitments only.
    #[serde(default)]
    pub private_args: bool,
    /// The labels of its results and arguments, in addition to its server's labels.
    #[serde(default)]
    pub labels: Labels,
}

impl Pin {
    /// A newly accepted definition: unclassified, without cost and labels.
    #[must_use]
    pub const fn new(digest: Digest) -> Self {
        Self {
            digest,
            varying: BTreeSet::new(),
            class: Class::Unknown,
            cost: None,
            private_args: false,
            labels: Labels::NONE,
        }
    }
}

/// The class that a person gives a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The tool only reads.
    Read,
    /// The tool writes, sends, deletes or buys.
    Write,
    /// No person has classified the tool.
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

/// The labels of a new server: its results are untrusted, and the arguments of a remote server leave the machine.
fn starting_labels(transport: &Transport) -> Labels {
    let labels = Labels::NONE.with(Label::UntrustedContent);
    match transport {
        Transport::Http { .. } => labels.with(Label::External),
        Transport::Stdio { .. } => labels,
    }
}

impl Server {
    /// The varying places of the accepted definitions, by tool.
    #[must_use]
    pub fn varying(&self) -> BTreeMap<ToolName, BTreeSet<String>> {
        let varying = self.pins.iter().filter(|(_, pin)| !pin.varying.is_empty());
        varying.map(|(tool, pin)| (tool.clone(), pin.varying.clone())).collect()
    }

    /// A newly registered server: enabled, with no accepted tools and no granted reads.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            labels: starting_labels(&transport),
            transport,
            enabled: true,
            reads_granted: ReadsGranted::default(),
            pins: BTreeMap::new(),
            pin_check: PinCheck::default(),
            settings: ServerSettings::default(),
        }
    }
}
