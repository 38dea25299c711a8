//! The methods served in each era.

use briefcase_ports::{FollowUp, ListKind};
use briefcase_types::Era;

/// The method of a client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Initialize,
    Ping,
    Discover,
    Listen,
    ListTools,
    CallTool,
    List(ListKind),
    ReadResource,
    GetPrompt,
    Complete,
    SetLogLevel,
    Subscribe,
    Unsubscribe,
    Task(FollowUp),
}

impl Method {
    /// The method of that name in an era. Returns `None` when the era has no such method.
    pub(crate) fn parse(name: &str, era: Era) -> Option<Self> {
        Some(match (name, era) {
            ("tools/list", _) => Self::ListTools,
            ("tools/call", _) => Self::CallTool,
            ("resources/list", _) => Self::List(ListKind::Resources),
            ("resources/templates/list", _) => Self::List(ListKind::ResourceTemplates),
            ("resources/read", _) => Self::ReadResource,
            ("prompts/list", _) => Self::List(ListKind::Prompts),
            ("prompts/get", _) => Self::GetPrompt,
            ("completion/complete", _) => Self::Complete,
            ("tasks/get", _) => Self::Task(FollowUp::GetTask),
            ("tasks/cancel", _) => Self::Task(FollowUp::CancelTask),
            ("initialize", Era::Legacy) => Self::Initialize,
            ("ping", Era::Legacy) => Self::Ping,
            ("logging/setLevel", Era::Legacy) => Self::SetLogLevel,
            ("resources/subscribe", Era::Legacy) => Self::Subscribe,
            ("resources/unsubscribe", Era::Legacy) => Self::Unsubscribe,
            ("tasks/result", Era::Legacy) => Self::Task(FollowUp::TaskResult),
            ("server/discover", Era::Modern) => Self::Discover,
            ("subscriptions/listen", Era::Modern) => Self::Listen,
            ("tasks/update", Era::Modern) => Self::Task(FollowUp::UpdateTask),
            _ => return None,
        })
    }

    /// The method's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Ping => "ping",
            Self::Discover => "server/discover",
            Self::Listen => "subscriptions/listen",
            Self::ListTools => "tools/list",
            Self::CallTool => "tools/call",
            Self::List(ListKind::Resources) => "resources/list",
            Self::List(ListKind::ResourceTemplates) => "resources/templates/list",
            Self::List(ListKind::Prompts) => "prompts/list",
            Self::ReadResource => "resources/read",
            Self::GetPrompt => "prompts/get",
            Self::Complete => "completion/complete",
            Self::SetLogLevel => "logging/setLevel",
            Self::Subscribe => "resources/subscribe",
            Self::Unsubscribe => "resources/unsubscribe",
            Self::Task(follow_up) => follow_up.as_str(),
        }
    }

    /// Whether the response may be `input_required` (2026-07-28: these three and no others).
    pub(crate) const fn may_need_input(self) -> bool {
        matches!(self, Self::CallTool | Self::ReadResource | Self::GetPrompt)
    }
}
