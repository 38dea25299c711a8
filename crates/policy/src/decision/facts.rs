//! What a decision is made from. Everything here comes from the daemon; nothing an agent or a server says of itself does.

use briefcase_types::{AgentId, ServerId, ToolName, UnixMillis};
use serde_json::Value;

use crate::{authority::Class, label::Labels};

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks, known by its token.
    pub agent: &'a AgentId,
    /// Of which server.
    pub server: &'a ServerId,
    /// What.
    pub action: Action<'a>,
    /// What the session has seen.
    pub labels: Labels,
    /// When.
    pub now: UnixMillis,
}

/// What is asked of a server, or what a server asks of the client.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// `tools/call`.
    Call {
        /// The tool.
        tool: &'a ToolName,
        /// Its arguments, already checked against its schema.
        arguments: &'a Value,
    },
    /// `resources/read` and subscriptions.
    ReadResource {
        /// Which.
        uri: &'a str,
    },
    /// `prompts/get`.
    GetPrompt {
        /// Which.
        prompt: &'a str,
    },
    /// `completion/complete`.
    Complete,
    /// The server asks the person something.
    Elicit,
    /// The server asks the client's model something.
    Sample,
    /// The server asks for the client's roots.
    ListRoots,
}

impl Action<'_> {
    /// The action's id in policies; for a tool call the group's.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::ReadResource { .. } => "read_resource",
            Self::GetPrompt { .. } => "get_prompt",
            Self::Complete => "complete",
            Self::Elicit => "elicit",
            Self::Sample => "sample",
            Self::ListRoots => "list_roots",
        }
    }
}

/// Actions on a server, and requests from a server, other than tool calls.
pub(super) const SERVER_ACTIONS: [&str; 6] =
    ["read_resource", "get_prompt", "complete", "elicit", "sample", "list_roots"];

/// The action group of all tool calls.
pub(super) const CALL: &str = "call";

/// How much harm a call can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// A read.
    Low,
    /// A write, or nobody said.
    Medium,
    /// The server itself says that it destroys.
    High,
}

impl Risk {
    /// The risk as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The risk of a tool: what the person's class says, raised by what the server claims. A claim never lowers it
    /// (attack 6): a claim of harmlessness is worth nothing, a claim of harm is believed.
    #[must_use]
    pub fn of(class: Class, definition: &Value) -> Self {
        let claims = |hint: &str, value: bool| {
            definition.get("annotations").and_then(|hints| hints.get(hint)).and_then(Value::as_bool) == Some(value)
        };
        let base = match class {
            Class::Read => Self::Low,
            Class::Write | Class::Unknown => Self::Medium,
        };
        let claimed = if claims("destructiveHint", true) {
            Self::High
        } else if claims("readOnlyHint", false) {
            Self::Medium
        } else {
            Self::Low
        };
        base.max(claimed)
    }
}
