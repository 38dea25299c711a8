//! The facts of a decision. All of them come from the daemon; statements of an agent or a server about itself are not
//! facts.

use briefcase_types::{AgentId, ServerId, ToolName, UnixMillis};
use serde_json::Value;

use crate::{authority::Class, label::Labels};

/// The facts of a request to decide.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The calling agent, identified by its token.
    pub agent: &'a AgentId,
    /// The server.
    pub server: &'a ServerId,
    /// The action.
    pub action: Action<'a>,
    /// The labels of the session.
    pub labels: Labels,
    /// The time.
    pub now: UnixMillis,
}

/// An action on a server, or a request from a server to the client.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// `tools/call`.
    Call {
        /// The tool.
        tool: &'a ToolName,
        /// Its arguments, checked against its schema.
        arguments: &'a Value,
    },
    /// `resources/read` and subscriptions.
    ReadResource {
        /// The URI.
        uri: &'a str,
    },
    /// `prompts/get`.
    GetPrompt {
        /// The prompt.
        prompt: &'a str,
    },
    /// `completion/complete`. Each URI in it is also decided on as a resource that is read.
    Complete {
        /// The `params`.
        params: &'a Value,
    },
    /// The server asks the person for input.
    Elicit,
    /// The server asks the client's model for a completion.
    Sample,
    /// The server asks for the client's roots.
    ListRoots,
}

impl Action<'_> {
    /// The id of the action in policies; for a tool call, that of the group.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::ReadResource { .. } => "read_resource",
            Self::GetPrompt { .. } => "get_prompt",
            Self::Complete { .. } => "complete",
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

/// The harm that a call can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// A read.
    Low,
    /// A write, or an unclassified tool.
    Medium,
    /// The server declares the tool destructive.
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

    /// The risk of a tool: the person's class, raised by the server's hints. A hint never lowers it (attack 6): a claim
    /// of harmlessness is ignored, a claim of harm is believed.
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
