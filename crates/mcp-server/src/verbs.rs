//! The methods that are served, by era.

use briefcase_ports::Era;

use crate::core::{Follow, ListMethod};

/// A method of a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Initialize,
    Ping,
    Discover,
    Listen,
    Tools,
    CallTool,
    List(ListMethod),
    ReadResource,
    GetPrompt,
    Complete,
    SetLevel,
    Subscribe,
    Unsubscribe,
    Task(Follow),
}

impl Verb {
    /// The verb of a method in an era; `None` when the era has no such method.
    pub(crate) fn of(method: &str, era: Era) -> Option<Self> {
        Some(match (method, era) {
            ("tools/list", _) => Self::Tools,
            ("tools/call", _) => Self::CallTool,
            ("resources/list", _) => Self::List(ListMethod::Resources),
            ("resources/templates/list", _) => Self::List(ListMethod::ResourceTemplates),
            ("resources/read", _) => Self::ReadResource,
            ("prompts/list", _) => Self::List(ListMethod::Prompts),
            ("prompts/get", _) => Self::GetPrompt,
            ("completion/complete", _) => Self::Complete,
            ("tasks/get", _) => Self::Task(Follow::TaskGet),
            ("tasks/cancel", _) => Self::Task(Follow::TaskCancel),
            ("initialize", Era::Legacy) => Self::Initialize,
            ("ping", Era::Legacy) => Self::Ping,
            ("logging/setLevel", Era::Legacy) => Self::SetLevel,
            ("resources/subscribe", Era::Legacy) => Self::Subscribe,
            ("resources/unsubscribe", Era::Legacy) => Self::Unsubscribe,
            ("tasks/result", Era::Legacy) => Self::Task(Follow::TaskResult),
            ("server/discover", Era::Modern) => Self::Discover,
            ("subscriptions/listen", Era::Modern) => Self::Listen,
            ("tasks/update", Era::Modern) => Self::Task(Follow::TaskUpdate),
            _ => return None,
        })
    }

    /// The method's name.
    pub(crate) const fn method(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Ping => "ping",
            Self::Discover => "server/discover",
            Self::Listen => "subscriptions/listen",
            Self::Tools => "tools/list",
            Self::CallTool => "tools/call",
            Self::List(ListMethod::Resources) => "resources/list",
            Self::List(ListMethod::ResourceTemplates) => "resources/templates/list",
            Self::List(ListMethod::Prompts) => "prompts/list",
            Self::ReadResource => "resources/read",
            Self::GetPrompt => "prompts/get",
            Self::Complete => "completion/complete",
            Self::SetLevel => "logging/setLevel",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::Task(follow) => follow.method(),
        }
    }

    /// Whether the answer may be `input_required` (2026-07-28: these three and no others).
    pub(crate) const fn may_need_input(self) -> bool {
        matches!(self, Self::CallTool | Self::ReadResource | Self::GetPrompt)
    }
}
