//! The protocol's names for the lists of a server other than its tools.

use briefcase_mcp::method;
use briefcase_ports::ListKind;

/// The most items of such a list.
pub(crate) const MAX_ITEMS: usize = 4096;

/// The method that lists the items.
pub(crate) const fn method(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Resources => method::RESOURCES_LIST,
        ListKind::ResourceTemplates => method::RESOURCES_TEMPLATES_LIST,
        ListKind::Prompts => method::PROMPTS_LIST,
    }
}

/// The member of a page that holds the items.
pub(crate) const fn member(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Resources => "resources",
        ListKind::ResourceTemplates => "resourceTemplates",
        ListKind::Prompts => "prompts",
    }
}

/// The capability that a server declares when it has the list.
pub(crate) const fn capability(kind: ListKind) -> &'static str {
    match kind {
        ListKind::Resources | ListKind::ResourceTemplates => "resources",
        ListKind::Prompts => "prompts",
    }
}
